"""What the API answers instead of what was asked for."""


class ApiError(Exception):
    """An answer with this status and `{"error":{"code":…,"message":…}}`."""

    def __init__(self, status: int, message: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.message = message
