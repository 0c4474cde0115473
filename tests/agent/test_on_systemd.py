"""Boots a host and runs in it what needs systemd: the tests of `tests/agent/inside`."""

import sys
from pathlib import Path

import pytest

from fleetlab.lab import Lab

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.lab
async def test_the_agent_on_a_real_host() -> None:
    async with Lab(hosts=1, etcd_members=0, name="agent") as lab:
        words = f"cd {ROOT} && FLEET_INSIDE=1 exec {sys.executable} -m pytest -q -m lab -p no:cacheprovider"
        done = await lab.hosts[0].run("sh", "-c", f"{words} tests/agent/inside", check=False, timeout=170)
        sys.stdout.write(done.stdout + done.stderr)
        assert done.exit_code == 0
