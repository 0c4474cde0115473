"""The real host keeps the contract of a host, with either D-Bus library."""

import pytest

from tests.agent.host_contract import HostContract


@pytest.mark.lab
class TestLocalHost(HostContract):
    """The suite, on systemd."""
