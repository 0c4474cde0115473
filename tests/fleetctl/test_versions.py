"""Whether fleetctl is older than the cluster."""

from itertools import pairwise

import pytest

from fleetctl.versions import rank, warning

IN_ORDER = ["0.9.9", "1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-rc.2", "1.0.0-rc.11", "1.0.0"]


def test_versions_are_in_the_order_of_semantic_versioning() -> None:
    ranks = [rank(version) for version in IN_ORDER]
    assert all(low is not None and high is not None and low < high for low, high in pairwise(ranks))


@pytest.mark.parametrize(
    ("own", "others", "warns"),
    [
        ("1.0.0", ["1.0.1"], True),
        ("v1.0.0", ["0.9.0", "2.0.0", "1.5.0"], True),
        ("1.0.0", ["1.0.0+build", "0.1.0"], False),
        ("1.0.0", ["v9.0.0", "", "nonsense"], False),
        ("unknown", ["2.0.0"], False),
        ("1.0.0", [], False),
    ],
)
def test_a_newer_daemon_is_warned_about(own: str, others: list[str], warns: bool) -> None:
    said = warning(own, others)
    assert bool(said) is warns
    if warns:
        assert f"version of fleet found in the cluster ({max(others)})" in said
