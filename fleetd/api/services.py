"""What every handler works with, and how trouble with the registry becomes an answer."""

import logging
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from fleetd.api.errors import ApiError
from fleetd.api.gate import Gate
from fleetd.api.pictures import Pictures
from fleetd.metrics import Metrics
from registry.errors import RegistryError
from registry.health import Health
from registry.port import Registry

log = logging.getLogger(__name__)


async def nothing_to_ask() -> Sequence[Health]:
    """The health of a store without servers."""
    return ()


@dataclass(frozen=True, slots=True)
class Services:
    """What the handlers were given by the daemon."""

    registry: Registry
    pictures: Pictures
    page_size: int
    metrics: Metrics = field(default_factory=Metrics)
    gate: Gate = field(default_factory=Gate)
    units_limit: int = 0
    """How many units the cluster may have; 0: any number."""
    health: Callable[[], Awaitable[Sequence[Health]]] = nothing_to_ask
    """How each server of the store does."""
    launching: Callable[[str], None] = lambda name: None
    """Told of each unit that somebody wants to be launched."""


@contextmanager
def failing_as(what: str) -> Iterator[None]:
    """Turn trouble with the registry into a 500 that hides its cause, and log it: `what: cause`."""
    try:
        yield
    except RegistryError as error:
        log.error("%s: %s", what, error or type(error).__name__)
        raise ApiError(500) from error
