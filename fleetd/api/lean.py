"""aiohttp without its client: `import aiohttp` alone takes 7 MB and 0.2 s for what a server never uses.

The package stands in `sys.modules` with its place on disk, but its `__init__` has not run: submodules are
imported as always. Who asks the package itself for one of its names gets it: the `__init__` then runs.
"""

import importlib
import sys
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from types import ModuleType
from typing import Any

from fleetd.version import installed

NAME = "aiohttp"


class _Package(ModuleType):
    """Stands for the package until somebody needs all of it."""

    def __init__(self, spec: ModuleSpec) -> None:
        super().__init__(NAME)
        self.__spec__ = spec
        self.__loader__ = spec.loader
        self.__file__ = spec.origin
        self.__package__ = NAME
        self.__version__ = installed(NAME)
        self.__path__ = list(spec.submodule_search_locations or ())

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if find_spec(f"{NAME}.{name}") is not None:
            return importlib.import_module(f"{NAME}.{name}")
        self.__class__ = ModuleType  # type: ignore[assignment]  # from now on it is like any other
        assert self.__spec__ is not None
        assert self.__spec__.loader is not None
        self.__spec__.loader.exec_module(self)
        return getattr(self, name)


def prepare() -> None:
    """Put the package in place, unless somebody has imported all of it already."""
    if NAME not in sys.modules and (spec := find_spec(NAME)) is not None:
        sys.modules[NAME] = _Package(spec)
