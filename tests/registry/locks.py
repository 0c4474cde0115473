"""Etcd that lets in only who proves who they are: by a password, in both of its APIs, or a certificate."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import requests

from registry.etcd3.client import Client
from registry.open import Settings, open_registry
from registry.port import Registry
from registry.settings import Credentials, Endpoint
from tests.registry.certificates import Authority

USER, PASSWORD = "root", "secret"
ROOT = Settings(username=USER, password=PASSWORD)


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[Registry]:
    registry = open_registry(settings)
    try:
        yield registry
    finally:
        await registry.close()


async def lock(url: str, version: int, password: str = PASSWORD) -> None:
    """From now on only root may do anything through this version of the API. Each has users of its own."""
    if version == 2:
        await asyncio.to_thread(_lock_v2, url, password)
    else:
        await _lock_v3(url, password)


def _lock_v2(url: str, password: str) -> None:
    auth = (USER, password)

    def put(path: str, body: dict[str, Any] | None = None) -> None:
        with requests.Session() as session:
            session.trust_env = False
            session.put(f"{url}/v2/auth/{path}", json=body, auth=auth, timeout=10).raise_for_status()

    put("users/root", {"user": USER, "password": password})
    put("enable")
    put("roles/guest", {"role": "guest", "revoke": {"kv": {"read": ["/*"], "write": ["/*"]}}})


async def _lock_v3(url: str, password: str) -> None:
    client = Client([Endpoint.from_url(url)], Credentials(), timeout=2)
    message = client.stubs
    grant = message.AuthUserGrantRoleRequest(user=USER, role="root")
    await client.call("Auth.UserAdd", message.AuthUserAddRequest(name=USER, password=password), again=True)
    await client.call("Auth.RoleAdd", message.AuthRoleAddRequest(name="root"), again=True)
    await client.call("Auth.UserGrantRole", grant, again=True)
    await client.call("Auth.AuthEnable", message.AuthEnableRequest(), again=True)
    await client.close()


def tls_options(authority: Authority, *, both_sides: bool) -> Sequence[str]:
    """What makes a member show a certificate, and want to see one of who comes."""
    certificate, key = authority.issue("server")
    shown = (f"--cert-file={certificate}", f"--key-file={key}")
    return (*shown, "--client-cert-auth", f"--trusted-ca-file={authority.file}") if both_sides else shown
