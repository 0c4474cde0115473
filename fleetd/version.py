"""The version that is printed, published and put into the Server header."""

import sys
from pathlib import Path


def version() -> str:
    """`v` and the version of the installed package, as fleet 1.0 stamped its releases."""
    found = installed("fleet")
    return f"v{found}" if found else "0.0.0+wasnotbuiltproperly"


def installed(package: str) -> str:
    """The version of an installed package, empty if there is none.

    Its folder of metadata is named after it. `importlib.metadata` looks there too, and takes 1 MB.
    """
    for entry in map(Path, sys.path):
        for folder in entry.glob(f"{package}-*.dist-info"):
            return folder.name.removesuffix(".dist-info").partition("-")[2]
    return _described(package)


def _described(package: str) -> str:
    """The same where packages are installed in another way than by pip."""
    from importlib import metadata

    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return ""
