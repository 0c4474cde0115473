"""What every handler works with, and how trouble with the registry becomes an answer."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from fleetd.api.errors import ApiError
from fleetd.api.pictures import Pictures
from registry.errors import RegistryError
from registry.port import Registry

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Services:
    """What the handlers were given by the daemon."""

    registry: Registry
    pictures: Pictures
    page_size: int


@contextmanager
def failing_as(what: str) -> Iterator[None]:
    """Turn trouble with the registry into a 500 that hides its cause, and log it: `what: cause`."""
    try:
        yield
    except RegistryError as error:
        log.error("%s: %s", what, error or type(error).__name__)
        raise ApiError(500) from error
