"""Flags, however they are written."""

import pytest

from fleetctl.flags import GLOBAL_SPELLINGS, FlagError, Spelling, command_first, normalised

KNOWN = {
    "--lines": Spelling("--lines", is_switch=False),
    "--follow": Spelling("--follow", is_switch=True),
    "--f": Spelling("--follow", is_switch=True),
    "-f": Spelling("--follow", is_switch=True),
    "-l": Spelling("--full", is_switch=True),
}
FORMS = {
    "a value behind an equals sign": ("--lines=5 a", "--lines=5 a"),
    "a value of its own": ("--lines 5 a", "--lines=5 a"),
    "a switch takes no word": ("--follow a", "--follow=true a"),
    "a switch with a value": ("--follow=false a", "--follow=false a"),
    "another spelling": ("--f a", "--follow=true a"),
    "a letter": ("-f a", "--follow=true a"),
    "two letters": ("-fl a", "--follow=true --full=true a"),
    "a letter with a value": ("-f=0", "--follow=0"),
    "flags behind arguments": ("a --follow b", "a --follow=true b"),
    "nothing is a flag behind two dashes": ("a -- --follow -x", "a -- --follow -x"),
    "a single dash is an argument": ("- a", "- a"),
    "an empty value": ("--lines= a", "--lines= a"),
    "a value that looks like a flag": ("--lines --follow", "--lines=--follow"),
}


@pytest.mark.parametrize(("given", "read"), FORMS.values(), ids=FORMS)
def test_flags_come_out_in_one_form(given: str, read: str) -> None:
    assert normalised(given.split(" "), KNOWN) == read.split(" ")


REFUSED = {
    "--nope": "unknown flag: --nope",
    "--nope=1": "unknown flag: --nope",
    "-x": "unknown shorthand flag: 'x' in -x",
    "-fx": "unknown shorthand flag: 'x' in -fx",
    "--lines": "flag needs an argument: --lines",
    "--=x": "bad flag syntax: --=x",
    "---x": "bad flag syntax: ---x",
}


@pytest.mark.parametrize(("given", "said"), REFUSED.items())
def test_a_bad_flag_is_refused_in_the_words_of_fleet_1_0(given: str, said: str) -> None:
    with pytest.raises(FlagError) as refused:
        normalised([given], KNOWN)
    assert refused.value.message == said


ORDERS = {
    "the command first": ("stop --no-block a", "stop", "--no-block a"),
    "a global flag with its value in front": ("--endpoint URL stop a", "stop", "--endpoint URL a"),
    "a switch of the command in front": ("--no-block stop a", "stop", "--no-block a"),
    "only flags": ("--debug --endpoint URL", None, "--debug --endpoint URL"),
    "a value is missing": ("--endpoint", None, "--endpoint"),
}


@pytest.mark.parametrize(("given", "word", "others"), ORDERS.values(), ids=ORDERS)
def test_the_command_is_found_wherever_flags_stand(given: str, word: str | None, others: str) -> None:
    assert command_first(given.split(), GLOBAL_SPELLINGS) == (word, others.split())
