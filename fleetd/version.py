"""The version that is printed, published and put into the Server header."""

from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed


def version() -> str:
    """`v` and the version of the installed package, as fleet 1.0 stamped its releases."""
    try:
        return f"v{installed('fleet')}"
    except PackageNotFoundError:
        return "0.0.0+wasnotbuiltproperly"
