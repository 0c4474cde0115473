"""Where units end up: each row is one rule, read as a sentence."""

import pytest

from engine.cluster import Cluster
from engine.decisions import Unschedule
from tests.builders import cluster, places, unit
from tests.engine.world import at_rest

CASES: dict[str, tuple[Cluster, str]] = {
    "a unit goes to the least loaded machine": (
        cluster(unit("a"), unit("b"), machines="m1 m2", schedule="a@m1"),
        "a@m1 b@m2",
    ),
    "of equally loaded machines the one with the lower ID is taken": (
        cluster(unit("a"), machines="m2 m1"),
        "a@m1",
    ),
    "many units spread evenly": (
        cluster(*(unit(n) for n in "abcdef"), machines="m1 m2 m3"),
        "a@m1 b@m2 c@m3 d@m1 e@m2 f@m3",
    ),
    "a unit that is only to be loaded gets a machine and counts as load": (
        cluster(unit("a", desired="loaded"), unit("b"), machines="m1 m2"),
        "a@m1 b@m2",
    ),
    "an inactive unit gets no machine": (cluster(unit("a", desired="inactive"), machines="m1"), ""),
    "a unit that has become inactive leaves": (
        cluster(unit("a", desired="inactive"), machines="m1", schedule="a@m1"),
        "",
    ),
    "what was destroyed leaves": (cluster(machines="m1", schedule="a@m1"), ""),
    "a unit on a live machine stays, however uneven the load": (
        cluster(unit("a"), unit("b"), machines="m1 m2", schedule="a@m1 b@m1"),
        "a@m1 b@m1",
    ),
    "units of a machine that went away go elsewhere and the others stay": (
        cluster(unit("a"), unit("b"), unit("c"), machines="m2 m3", schedule="a@m1 b@m2 c@m3"),
        "a@m2 b@m2 c@m3",
    ),
    "without machines a unit waits": (cluster(unit("a")), ""),
    "MachineID pins a unit to one machine": (
        cluster(unit("a", "MachineID=m2"), machines="m1 m2"),
        "a@m2",
    ),
    "a pinned unit waits while its machine is away, and stays its own": (
        cluster(unit("a", "MachineID=m9"), machines="m1 m2", schedule="a@m9"),
        "a@m9",
    ),
    "a unit on a lost and on a live machine keeps the live one": (
        cluster(unit("a"), machines="m1", schedule="a@m0 a@m1"),
        "a@m1",
    ),
    "an inactive unit leaves also a machine that is away": (
        cluster(unit("a", desired="inactive"), machines="m1", schedule="a@m9"),
        "",
    ),
    "all metadata keys are required and one of each key's values": (
        cluster(
            unit("a", "MachineMetadata=disk=ssd", "MachineMetadata=zone=a", "MachineMetadata=zone=b"),
            machines="m1:disk=ssd m2:zone=b m3:disk=ssd,zone=b",
        ),
        "a@m3",
    ),
    "a unit leaves when the machine's metadata no longer fit": (
        cluster(unit("a", "MachineMetadata=disk=ssd"), machines="m1 m2:disk=ssd", schedule="a@m1"),
        "a@m2",
    ),
    "a follower goes where its peer is": (
        cluster(unit("a", "MachineOf=b.service"), unit("b"), machines="m1 m2", schedule="b@m2"),
        "a@m2 b@m2",
    ),
    "a chain of followers is placed together": (
        cluster(
            unit("a", "MachineOf=b.service"), unit("b", "MachineOf=c.service"), unit("c"), machines="m1 m2"
        ),
        "a@m1 b@m1 c@m1",
    ),
    "a follower of two waits unless they share a machine": (
        cluster(
            unit("a", "MachineOf=b.service", "MachineOf=c.service"),
            unit("b"),
            unit("c"),
            machines="m1 m2",
            schedule="b@m1 c@m2",
        ),
        "b@m1 c@m2",
    ),
    "a follower waits for a peer that does not exist": (
        cluster(unit("a", "MachineOf=b.service"), machines="m1"),
        "",
    ),
    "a follower leaves when its peer becomes inactive": (
        cluster(
            unit("a", "MachineOf=b.service"),
            unit("b", desired="inactive"),
            machines="m1",
            schedule="a@m1 b@m1",
        ),
        "",
    ),
    "peer and follower move together when their machine dies": (
        cluster(unit("a", "MachineOf=b.service"), unit("b"), machines="m2 m3", schedule="a@m1 b@m1"),
        "a@m2 b@m2",
    ),
    "units that follow each other are never placed": (
        cluster(unit("a", "MachineOf=b.service"), unit("b", "MachineOf=a.service"), machines="m1"),
        "",
    ),
    "units that follow each other stay where they already are together": (
        cluster(
            unit("a", "MachineOf=b.service"),
            unit("b", "MachineOf=a.service"),
            machines="m1",
            schedule="a@m1 b@m1",
        ),
        "a@m1 b@m1",
    ),
    "a follower may follow a global unit": (
        cluster(unit("a", "MachineOf=g.service"), unit("g", "Global=true"), machines="m1"),
        "a@m1",
    ),
    "conflicting instances take one machine each and the rest wait": (
        cluster(*(unit(f"w@{i}", "Conflicts=w@*.service") for i in (1, 2, 3)), machines="m1 m2"),
        "w@1@m1 w@2@m2",
    ),
    "a conflict declared by one side keeps the other away": (
        cluster(unit("a", "Conflicts=b.service"), unit("b"), machines="m1", schedule="b@m1"),
        "b@m1",
    ),
    "a conflict declared by the resident keeps a newcomer away": (
        cluster(unit("a"), unit("b", "Conflicts=a.service"), machines="m1", schedule="b@m1"),
        "b@m1",
    ),
    "of two residents that come to conflict the first by name stays": (
        cluster(unit("a"), unit("b", "Conflicts=a.service"), machines="m1 m2", schedule="a@m1 b@m1"),
        "a@m1 b@m2",
    ),
    "a pattern that matches its own unit does not keep it away": (
        cluster(unit("a", "Conflicts=*"), machines="m1"),
        "a@m1",
    ),
    "a global unit is on no schedule but is load where it runs": (
        cluster(
            unit("a"), unit("g", "Global=true", "MachineMetadata=x=1"), machines="m1:x=1 m2", schedule=""
        ),
        "a@m2",
    ),
    "a global unit that nobody launched blocks nobody": (
        cluster(
            unit("a"), unit("g", "Global=true", "Conflicts=a.service", desired="inactive"), machines="m1"
        ),
        "a@m1",
    ),
    "a unit that became global leaves the schedule": (
        cluster(unit("a", "Global=true"), machines="m1", schedule="a@m1"),
        "",
    ),
    "a unit on two machines keeps the first": (
        cluster(unit("a"), machines="m1 m2", schedule="a@m1 a@m2"),
        "a@m1",
    ),
    "the one that replaces stays and the replaced one moves": (
        cluster(unit("a"), unit("b", "Replaces=a.service"), machines="m1 m2", schedule="a@m1 b@m1"),
        "a@m2 b@m1",
    ),
    "a replaced unit stays when no other machine takes it": (
        cluster(unit("a"), unit("b", "Replaces=a.service"), machines="m1", schedule="a@m1 b@m1"),
        "a@m1 b@m1",
    ),
    "units that replace each other may share a machine": (
        cluster(
            unit("a", "Replaces=b.service"),
            unit("b", "Replaces=a.service"),
            machines="m1 m2",
            schedule="a@m1 b@m1",
        ),
        "a@m1 b@m1",
    ),
    "a unit that still runs on a host that was told to stop it gets no second one": (
        cluster(unit("a"), machines="m1 m2", running="a@m1"),
        "",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_units_come_to_rest_where_the_rules_want_them(name: str) -> None:
    start, expected = CASES[name]
    end, made, _ = at_rest(start)
    assert places(end) == expected
    placed = {n for n in end.units if end.units[n].desired.is_placed and not end.units[n].is_global}
    live = {n for n, by in end.schedule.items() if by.keys() & end.machines.keys()}
    assert set(made.waiting) == placed - live, "who waits is told why, and nobody else is"


def test_the_reason_of_every_leave_is_the_sentence_of_fleet_1_0() -> None:
    _, _, taken = at_rest(
        cluster(
            unit("a", desired="inactive"),
            unit("b", "MachineMetadata=x=1"),
            unit("c", "Conflicts=d.service"),
            unit("d"),
            unit("e"),
            machines="m1",
            schedule="a@m1 b@m1 c@m1 d@m1 e@m9",
        )
    )
    assert [d.reason for d in taken if isinstance(d, Unschedule)] == [
        "target state inactive",
        "target Machine(m1) unable to run unit: local Machine metadata insufficient",
        "target Machine(m1) unable to run unit: found conflict with locally-scheduled Unit([c.service])",
        "target Machine(m9) went away",
    ]


def test_new_content_and_a_new_state_are_passed_on_without_a_move() -> None:
    start = cluster(unit("a"), machines="m1", schedule="a@m1")
    changed = cluster(unit("a", "# nothing", desired="loaded"), machines="m1")
    end, _, taken = at_rest(
        type(start)(units=changed.units, schedule=start.schedule, machines=start.machines)
    )
    assert len(taken) == 1
    entry = end.schedule["a.service"]["m1"]
    assert (entry.hash, entry.desired) == (changed.units["a.service"].hash, "loaded")


def test_one_sentence_says_how_many_machines_each_reason_rules_out() -> None:
    _, made, _ = at_rest(
        cluster(
            unit("a", "MachineMetadata=x=1", "Conflicts=b.service"),
            unit("b"),
            machines="m1 m2 m3:x=1",
            schedule="b@m3",
        )
    )
    assert made.waiting == {
        "a.service": "none of 3 machines qualifies (2 by MachineMetadata:"
        " local Machine metadata insufficient; 1 by Conflicts:"
        " found conflict with locally-scheduled Unit([b.service]))"
    }
