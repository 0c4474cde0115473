"""Which tests need a real etcd: they are marked here, by what they use, so that none can forget to say so."""

import pytest

from tests.registry.members import Cluster

ETCD_FIXTURES = frozenset({"etcd", "etcd_only", "layout", "raw", "ours"})
ETCD_WORLDS = frozenset({"etcd2", "etcd3"})


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
    return bool(ETCD_FIXTURES & set(item.fixturenames)) or parameters.get("world") in ETCD_WORLDS
