"""What makes a unit impossible, and in which order that is said."""

import pytest

from tests.units.xfleet import xfleet
from units.requirements import InvalidRequirements, check_requirements

POSSIBLE = {
    "another unit may be in conflict than the one followed": "Conflicts=a.service / MachineOf=b.service",
    "a broken glob matches nothing": "Conflicts=[ / MachineOf=a",
    "a replaced unit is not the one followed": "Replaces=a / MachineOf=b",
    "Replaces and metadata": "Replaces=a / MachineMetadata=b=c",
    "MachineID and no conflict": "MachineID=x / Conflicts=",
    "MachineID and metadata": "MachineID=x / MachineMetadata=a=b",
    "Global with conflicts and metadata": "Global=true / Conflicts=a / MachineMetadata=b=c",
    "not global after all": "Global=false / MachineOf=a",
    "not global in the end": "Global=true / Global=no / MachineOf=a",
    "an unknown option": "Foo=bar",
    "a name that is none and a glob that is none": "MachineOf=/ / Conflicts=[",
    "no option at all": "",
}
IMPOSSIBLE = {
    "Conflicts=a* / MachineOf=a.service": 'unresolvable requirements: peer "a.service" matches conflict "a*"',
    "Conflicts=b*e / MachineOf=baz.service": (
        'unresolvable requirements: peer "baz.service" matches conflict "b*e"'
    ),
    "MachineOf=%p.socket / Conflicts=*.socket": (
        'unresolvable requirements: peer "%p.socket" matches conflict "*.socket"'
    ),
    "MachineOf= / Conflicts=*": 'unresolvable requirements: peer "" matches conflict "*"',
    "Replaces=a* / MachineOf=a.service": 'unresolvable requirements: peer "a.service" matches replace "a*"',
    "Replaces=a* / MachineOf=a.service / Conflicts=*.service": (
        'unresolvable requirements: peer "a.service" matches conflict "*.service"'
    ),
    "X-Conflicts=a* / ConditionMachineOf=a.service": (
        'unresolvable requirements: peer "a.service" matches conflict "a*"'
    ),
    "MachineID=x / MachineOf=a.service / Conflicts=a.service": (
        'unresolvable requirements: peer "a.service" matches conflict "a.service"'
    ),
    "Conflicts=a / Replaces=b": "Conflicts cannot be used with Replaces",
    "MachineID=x / MachineOf=a.service": "MachineID cannot be used with Peers",
    "MachineID=x / Conflicts=a": "MachineID cannot be used with Conflicts",
    "MachineID= / Conflicts=a": "MachineID cannot be used with Conflicts",
    "MachineID=x / MachineOf=": "MachineID cannot be used with Peers",
    "MachineID=x / Global=true": "MachineID cannot be used with Global",
    "MachineID=x / Replaces=a": "MachineID cannot be used with Replaces",
    "MachineID=x / Replaces=": "MachineID cannot be used with Replaces",
    "MachineID=x / MachineOf=a / Global=true / Replaces=b / Conflicts=c": (
        "MachineID cannot be used with Peers"
    ),
    "MachineID=x / Global=true / Replaces=b / Conflicts=c": "MachineID cannot be used with Conflicts",
    "MachineID=x / Global=true / Replaces=b": "MachineID cannot be used with Global",
    "X-ConditionMachineBootID=x / MachineOf=a": "MachineID cannot be used with Peers",
    "Global=true / MachineOf=a / Replaces=b": "Global cannot be used with Peers",
    "Global=true / MachineOf=a": "Global cannot be used with Peers",
    "Global=true / Replaces=a / Conflicts=b": "Global cannot be used with Replaces",
    "Global=true / Replaces=a": "Global cannot be used with Replaces",
}


@pytest.mark.parametrize("lines", POSSIBLE.values(), ids=POSSIBLE)
def test_a_possible_unit(lines: str) -> None:
    check_requirements(xfleet(lines))


@pytest.mark.parametrize(("lines", "message"), IMPOSSIBLE.items(), ids=IMPOSSIBLE)
def test_an_impossible_unit(lines: str, message: str) -> None:
    with pytest.raises(InvalidRequirements) as caught:
        check_requirements(xfleet(lines))
    assert str(caught.value) == message


def test_the_check_sees_specifiers_as_they_are_written() -> None:
    check_requirements(xfleet("Global=%i / MachineOf=a"))
