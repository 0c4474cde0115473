"""verify: everything that is wrong with files, at once."""

import pytest

from fleetctl.inspection import problems
from tests.fleetctl.conftest import SIMPLE, Shell

FILES = {
    "nothing": (SIMPLE, []),
    "it is empty": ("# only a comment\n", ["f: it is empty: it holds no options"]),
    "two lines break the grammar": (
        "[Service]\nnonsense\nExecStart=/a\nmore\nA=b\n",
        [f"f:{n}: unexpected newline encountered while parsing option name" for n in (2, 4)],
    ),
    "a slip and an option that nobody knows": (
        SIMPLE + "[X-Fleet]\nConflict=a\nColour=red\n",
        [
            'f:4: unknown option "Conflict" in [X-Fleet]: did you mean "Conflicts"?',
            'f:5: warning: unknown option "Colour" in [X-Fleet], which does nothing',
        ],
    ),
    "several options that exclude each other": (
        SIMPLE + "[X-Fleet]\nGlobal=true\nMachineOf=a\nMachineID=x\n",
        [
            "f:5: Global cannot be used with Peers",
            "f:6: MachineID cannot be used with Global",
            "f:6: MachineID cannot be used with Peers",
        ],
    ),
    "values that mean nothing": (
        SIMPLE + '[X-Fleet]\nMachineMetadata="disk=ssd" "zone"\nGlobal=maybe\n',
        [
            'f:4: MachineMetadata: "zone" is not KEY=VALUE',
            'f:5: Global: "maybe" is neither true nor false',
        ],
    ),
}


@pytest.mark.parametrize(("text", "said"), FILES.values(), ids=FILES)
def test_what_is_wrong_with_a_file(text: str, said: list[str]) -> None:
    assert [str(problem) for problem in problems("f", "a.service", text)] == said


def test_a_name_that_is_no_units_name_is_a_problem() -> None:
    assert next(problem.said for problem in problems("f", "a.exe", SIMPLE)).endswith('("a.exe")')


def test_all_files_are_checked_and_counted(alone: Shell) -> None:
    alone.file("good.service")
    alone.file("bad.service", "[Service]\n[X-Fleet]\nGlobal=maybe\n")
    alone.file("deep/good.service")
    (alone.directory / "latin.service").write_bytes(b"[Unit]\nDescription=caf\xe9\n")
    ran = alone("verify", "good.service", "bad.service", "nope.service", "latin.service", "deep/good.service")
    assert ran.out == (
        'bad.service:3: Global: "maybe" is neither true nor false\n'
        "nope.service: no such file or directory\n"
        "latin.service:2: it is not UTF-8 text\n"
        "deep/good.service: good.service is a file of the same unit\n"
    )
    assert (ran.err, ran.status) == ("4 errors in 4 of 5 files\n", 1)


def test_files_with_at_most_warnings_pass(alone: Shell) -> None:
    alone.file("a.service", SIMPLE + "[X-Fleet]\nColour=red\n")
    ran = alone("verify", "a.service")
    assert (ran.err, ran.status) == ("", 0)
    assert ran.out.startswith("a.service:4: warning: ")
    assert alone("verify").status == 64
