"""What is told of members that do not serve: the cause of each, as it says most."""

from registry.errors import NO_ANSWER, NO_CONNECTION, Faults


def test_each_member_is_named_with_its_last_cause() -> None:
    faults = Faults()
    faults.note("a:1", "Connection refused")
    faults.note("b:2", NO_ANSWER)
    faults.note("a:1", "no leader")
    assert str(faults) == f"etcd at a:1: no leader; etcd at b:2: {NO_ANSWER}"


def test_a_cause_that_says_something_outlives_a_try_that_only_took_too_long() -> None:
    faults = Faults()
    faults.note("a:1", NO_CONNECTION)
    faults.note("a:1", "certificate verify failed")
    faults.note("a:1", NO_CONNECTION)
    assert str(faults) == "etcd at a:1: certificate verify failed"
