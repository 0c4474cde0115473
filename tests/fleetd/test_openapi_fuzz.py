"""What the API says of itself, held against it by schemathesis: thousands of requests that nobody thought of.

Skipped where schemathesis is not installed.
"""

import asyncio
import importlib.util
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from fleetd.api import openapi
from fleetd.api.app import App
from fleetd.api.server import serving
from fleetd.api.services import Services
from tests.fleetd.world import World

CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"


@pytest.mark.skipif(importlib.util.find_spec("schemathesis") is None, reason="schemathesis is not installed")
async def test_the_api_is_as_it_describes_itself(cluster: World, tmp_path: Path) -> None:
    await cluster.machine("m1", ip="10.0.0.1", metadata={"disk": "ssd"})
    await cluster.unit("a.service")
    description = tmp_path / "openapi.json"
    description.write_bytes(openapi.document())
    app = App(Services(cluster.registry, cluster.pictures, 100), cluster.gate)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        listener.setblocking(False)
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        async with serving(app, [listener], version="v2.0.0"):
            done = await asyncio.to_thread(_schemathesis, description, url)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Test cases:" in done.stdout


def _schemathesis(description: Path, url: str) -> subprocess.CompletedProcess[str]:
    """The stream of events never ends, so it is left out."""
    options = ("--exclude-path", "/fleet/v1/events", "--max-examples", "10", "--phases", "coverage,fuzzing")
    command = [sys.executable, "-m", "schemathesis.cli", "run", str(description), "--url", url, *options]
    limits = ("--checks", CHECKS, "--request-timeout", "5", "--generation-deterministic", "--no-color")
    return subprocess.run(
        [*command, *limits], cwd=description.parent, capture_output=True, text=True, check=False, timeout=120
    )
