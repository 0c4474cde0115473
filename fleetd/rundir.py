"""What a daemon leaves in `/run/fleet` for the next one on this host, and the lock that keeps it alone.

Rule 1: what is here is lost with a reboot, as the sessions and units it speaks of are.
Rule 2: a file is there whole or not at all.
"""

import fcntl
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

log = logging.getLogger(__name__)

RUN_DIRECTORY = Path("/run/fleet")


class AlreadyRunning(Exception):
    """Another fleetd serves this host."""


class RunDirectory:
    """`/run/fleet` of one host. Methods raise OSError when the directory cannot be used."""

    def __init__(self, path: Path = RUN_DIRECTORY) -> None:
        self.path = path
        self._token = path / "session"

    @classmethod
    def of(cls, *, user: bool) -> "RunDirectory":
        """That of the system's daemon, or that of a daemon of the user's own."""
        own = os.environ.get("XDG_RUNTIME_DIR", "") if user else ""
        return cls(Path(own) / "fleet" if own else RUN_DIRECTORY)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Be the only fleetd on this host while the context lasts. Raises AlreadyRunning, OSError.

        The lock belongs to the process: it ends with it, however it ends.
        """
        self.path.mkdir(mode=0o755, parents=True, exist_ok=True)
        descriptor = os.open(self.path / "fleetd.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            self._take(descriptor)
            yield
        finally:
            os.close(descriptor)

    def _take(self, descriptor: int) -> None:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(descriptor, 20, 0).decode(errors="replace").strip() or "unknown"
            raise AlreadyRunning(
                f"another fleetd already runs on this host: pid {holder} holds {self.path / 'fleetd.lock'}"
            ) from None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)

    def session_token(self) -> str | None:
        """The token of the session that the last daemon had, if it did not leave."""
        try:
            return self._token.read_text().strip() or None
        except FileNotFoundError:
            return None
        except (OSError, UnicodeDecodeError) as error:
            log.warning("cannot go on with the session of an earlier fleetd: %s", error)
            return None

    def keep_session_token(self, token: str) -> None:
        """Remember a session for the next daemon."""
        written = self._token.with_suffix(".new")
        with os.fdopen(os.open(written, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(f"{token}\n")
        written.replace(self._token)

    def forget_session_token(self) -> None:
        """The session was left: nobody shall resume it."""
        self._token.unlink(missing_ok=True)
