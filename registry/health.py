"""Whether each server of the store answers, asked one by one.

Rule 1: a server that answers has a quorum behind it, and accepts who asks.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, replace

from registry.errors import RegistryError
from registry.open import open_registry
from registry.settings import BadSettings, Settings

HURRY = 0.4
"""A server that is looked at gets this share of the time that a request may take otherwise."""


@dataclass(frozen=True, slots=True)
class Health:
    """How one server does."""

    server: str
    """Its URL."""
    fault: str
    """Why it cannot be used; empty when it can."""
    seconds: float
    """How long it took to answer, or to give up."""


async def health(settings: Settings) -> tuple[Health, ...]:
    """How each server of the settings does, in their order. Raises nothing."""
    servers = settings.servers
    if settings.discovery_srv:
        from registry.discovery import discovered

        try:
            servers = await asyncio.to_thread(discovered, settings.discovery_srv)
        except BadSettings as error:
            return (Health(settings.discovery_srv, str(error), 0.0),)
    return tuple(await asyncio.gather(*(_health(settings, server) for server in servers)))


async def _health(settings: Settings, server: str) -> Health:
    started = time.monotonic()
    fault = ""
    try:
        await _ask(replace(settings, servers=(server,), discovery_srv=""))
    except (RegistryError, BadSettings) as error:
        fault = str(error)
    return Health(server, fault, time.monotonic() - started)


async def _ask(settings: Settings) -> None:
    registry = open_registry(replace(settings, request_timeout=HURRY * settings.request_timeout))
    try:
        await registry.job("health.service")  # any name: what counts is that the reading goes through
    finally:
        await registry.close()
