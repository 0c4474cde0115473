"""What holds of every text and of all options, not only of those in the tables."""

from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.units.slow_grammar import slow_options
from units.file import InvalidUnitFile, Option, UnitFile, parse_options, serialize

SCRAPS = [
    "[Unit]",
    "[S]",
    "[",
    "]",
    "A=b",
    "B =",
    "=",
    "#",
    ";",
    "\\",
    "\n",
    "\r",
    " ",
    "\t",
    "\xa0",
    "\x1c",
    "ü",
]
texts = st.lists(st.sampled_from([*SCRAPS, "\\\n", "\n", "\n[Unit]\n"]), max_size=16).map("".join)

words = st.text("ab=#;[\\ü \x1c", max_size=6)
tidy_names = st.text("abc ü.", max_size=5).map(str.strip)
tidy_values = words.map(str.strip).filter(lambda value: not value.endswith("\\"))
continued = st.lists(st.sampled_from(["x", "# y", "[z]", "  w"]), min_size=2, max_size=3).map("\\\n".join)
tidy_options = st.lists(
    st.builds(Option, st.text("Unit [ü", max_size=3), tidy_names, tidy_values | continued.map(str.strip)),
    max_size=6,
)


def fast(text: str) -> object:
    """What the reader of fleet says."""
    try:
        return list(parse_options(text, strict=False))
    except InvalidUnitFile as error:
        return str(error)


def slow(text: str) -> object:
    """What the yardstick says."""
    try:
        return slow_options(text)
    except InvalidUnitFile as error:
        return str(error)


@settings(max_examples=600)
@given(texts)
@example("[Unit]\nA=one\\\r")
@example("[Unit]\nA=\\\n\n")
@example("[Unit]\n# c\\ ")
def test_the_fast_reader_and_the_slow_one_agree(text: str) -> None:
    assert fast(text) == slow(text)


@given(st.text(max_size=60))
def test_they_agree_on_any_text_at_all(text: str) -> None:
    assert fast("[U]\n" + text) == slow("[U]\n" + text)


@settings(max_examples=150)
@given(tidy_options)
def test_tidy_options_come_back_grouped_by_section(options: list[Option]) -> None:
    sections = list(dict.fromkeys(option.section for option in options))
    grouped = sorted(options, key=lambda option: sections.index(option.section))
    assert list(parse_options(serialize(options))) == grouped


@settings(max_examples=150)
@given(tidy_options)
def test_a_file_keeps_its_hash_on_the_way_through_every_door(options: list[Option]) -> None:
    sent = UnitFile.from_options(options)
    assert UnitFile.from_text(sent.text) == sent
    assert UnitFile.from_stored(sent.text) == sent
    assert UnitFile.from_options(sent.options) == sent


@settings(max_examples=200)
@given(texts.map(lambda text: text.replace("\\", "")))
def test_canonical_text_is_its_own_canonical_text(text: str) -> None:
    try:
        file = UnitFile.from_text(text)
    except InvalidUnitFile:
        return
    assert UnitFile.from_text(file.text) == file


@given(tidy_options.filter(bool), st.data())
def test_another_value_is_another_hash(options: list[Option], data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(options) - 1))
    old = options[at]
    changed = [*options[:at], Option(old.section, old.name, old.value + "!"), *options[at + 1 :]]
    assert UnitFile.from_options(changed).hash != UnitFile.from_options(options).hash


@settings(max_examples=200)
@given(st.lists(st.builds(Option, words, words | st.just("x\ny"), st.text(max_size=8)), max_size=3))
def test_whatever_a_client_sends_is_a_file_or_refused(options: list[Option]) -> None:
    try:
        file = UnitFile.from_options(options)
    except InvalidUnitFile:
        return
    assert UnitFile.from_stored(file.text).options == file.options
