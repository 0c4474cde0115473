"""What all tests share: which of them need a real etcd, and that an interrupt interrupts.

Tests that start an etcd are marked here, by what they use, so that none can forget to say so.
"""

import signal

import hypothesis
import pytest

from tests.registry.members import Cluster

ETCD_FIXTURES = frozenset({"etcd", "etcd_of_three", "etcd_only", "layout", "raw", "ours"})

# How fast this machine is just now says nothing about the code. What nobody has tried before is tried by
# who looks for it (pytest --hypothesis-profile=search), not in the tests of somebody's change.
hypothesis.settings.register_profile(
    "search", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.register_profile(
    "same", parent=hypothesis.settings.get_profile("search"), derandomize=True
)
hypothesis.settings.load_profile("same")

# A shell that starts the tests in the background has SIGINT ignored by them and by all that they start.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what starts an etcd, before tests are chosen by their marks."""
    for item in items:
        if needs_etcd(item):
            item.add_marker("etcd")


def needs_etcd(item: pytest.Item) -> bool:
    """Whether a test uses the shared etcd, or its module starts one of its own."""
    if not isinstance(item, pytest.Function):
        return False
    if getattr(item.module, "Cluster", None) is Cluster:
        return True
    parameters = item.callspec.params if hasattr(item, "callspec") else {}
    return bool(ETCD_FIXTURES & set(item.fixturenames)) or "etcd" in str(parameters.get("world"))
