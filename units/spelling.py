"""The options of `[X-Fleet]` with all their spellings, and what a misspelt one probably means.

fleet 1.0 stores an option that nobody knows and does nothing about it. So does ours;
the command line can say so, and name the option that was meant.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from units.grammar import Option

SECTION = "X-Fleet"

# The order is that in which the values of the spellings are put together. For MachineID
# it is the order in which they are looked for: the first one that occurs decides.
# Those without `X-` are what books about CoreOS print; fleet 1.0 did not know them.
SPELLINGS: Mapping[str, tuple[str, ...]] = {
    "MachineID": (
        "MachineID",
        "X-ConditionMachineID",
        "ConditionMachineID",
        "X-ConditionMachineBootID",
        "ConditionMachineBootID",
    ),
    "MachineOf": ("X-ConditionMachineOf", "ConditionMachineOf", "MachineOf"),
    "MachineMetadata": ("X-ConditionMachineMetadata", "ConditionMachineMetadata", "MachineMetadata"),
    "Conflicts": ("X-Conflicts", "Conflicts"),
    "Global": ("Global",),
    "Replaces": ("Replaces",),
    "Handover": ("Handover",),
}
_MEANS: Mapping[str, str] = {
    spelling: option for option, spellings in SPELLINGS.items() for spelling in spellings
}


def unknown_options(options: Sequence[Option]) -> tuple[str, ...]:
    """The names in `[X-Fleet]` that mean nothing, each once, in file order."""
    names = (option.name for option in options if option.section == SECTION)
    return tuple(dict.fromkeys(name for name in names if name not in _MEANS))


def near_miss(name: str) -> str | None:
    """The option an unknown name was probably meant to be: right but for capitals or one letter."""
    if name in _MEANS:
        return None
    written = name.lower()
    for spelling, option in _MEANS.items():
        if _one_slip_apart(written, spelling.lower()):
            return option
    return None


def _one_slip_apart(a: str, b: str) -> bool:
    """Whether they are equal but for one letter that is wrong, too many or missing, or two swapped."""
    same = 0
    while a[same : same + 1] == b[same : same + 1] != "":
        same += 1
    a, b = a[same:], b[same:]
    swapped = a[1::-1] + a[2:]
    return a[1:] == b[1:] or a[1:] == b or a == b[1:] or swapped == b
