"""From settings to a registry. Client libraries are imported only when one of them is wanted."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import TypedDict

from registry.port import Registry
from registry.settings import BadSettings, Endpoint, Settings, authorities, credentials

__all__ = ["BadSettings", "Settings", "open_registry"]


def open_registry(settings: Settings) -> Registry:
    """The registry that the settings describe. It connects when it is first used. Raises BadSettings.

    With `discovery_srv` it asks DNS for the servers first, and waits for the answer. Servers that are given
    are used in random order, as in fleet 1.0 (etcd2-layout.md §2), so that not all hosts use the same one.
    """
    if settings.discovery_srv:
        from registry.discovery import discovered

        settings = replace(settings, servers=discovered(settings.discovery_srv))
    endpoints = _checked(settings)
    if not settings.discovery_srv:
        random.shuffle(endpoints)
    proof = credentials(settings)
    if settings.api_version == 2:
        from registry.etcd2.backend import Etcd2Registry
        from registry.etcd2.door import Trust

        ca = authorities(settings)
        trust = Trust(ca, settings.cert_file, settings.key_file, settings.username, settings.password)
        return Etcd2Registry(endpoints, trust, **_manner(settings))
    from registry.etcd3.backend import Etcd3Registry

    return Etcd3Registry(endpoints, proof, **_manner(settings))


class _Manner(TypedDict):
    """What is the same for every version of etcd."""

    prefix: str
    timeout: float
    patience: float


def _manner(settings: Settings) -> _Manner:
    return {
        "prefix": settings.prefix,
        "timeout": settings.request_timeout,
        "patience": settings.patience,
    }


def _checked(settings: Settings) -> list[Endpoint]:
    """The servers, if all that is set can mean something. Raises BadSettings."""
    if settings.api_version not in (2, 3):
        raise BadSettings(f"version {settings.api_version} of etcd's API is not supported (2 or 3)")
    if not settings.servers:
        raise BadSettings("no etcd server is given")
    if not settings.request_timeout > 0:
        raise BadSettings(f"etcd request timeout {settings.request_timeout:g} s is not positive")
    return [Endpoint.from_url(url, settings.sockets.get(url, "")) for url in settings.servers]
