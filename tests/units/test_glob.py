"""Globs: the dialect of Go's path.Match, row by row."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.units.slow_glob import slow_match
from units.glob import glob_match, literal_of, prefix_of

MATCHES = {
    "a star matches all": ("*", "foo.service"),
    "two stars are one": ("**", "foo.service"),
    "a star at the end": ("foo.*", "foo.socket"),
    "a star over the type": ("foo*", "foo.service"),
    "stars on both sides": ("*bar*", "foobar.service"),
    "a star may match nothing": ("*.service", ".service"),
    "a leading dot is nothing special": ("*service", ".service"),
    "a question mark and a star": ("?oo*", "foo.service"),
    "all instances": ("foo@*.service", "foo@12.service"),
    "the template itself": ("foo@*.service", "foo@.service"),
    "a question mark is one character": ("foo@?.service", "foo@1.service"),
    "a question mark is one character of several bytes": ("?.service", "ü.service"),
    "a class": ("foo@[abc].service", "foo@b.service"),
    "a range": ("foo@[a-c].service", "foo@b.service"),
    "a negated class": ("foo@[^abc].service", "foo@d.service"),
    "an exclamation mark stands for itself": ("foo@[!abc].service", "foo@!.service"),
    "it does not negate": ("foo@[!abc].service", "foo@a.service"),
    "an escaped bracket in a class": ("foo@[\\]a].service", "foo@].service"),
    "an escaped dash in a class": ("foo@[a\\-z].service", "foo@-.service"),
    "an escaped caret in a class": ("foo@[\\^a].service", "foo@^.service"),
    "a caret in second place": ("foo@[a^].service", "foo@^.service"),
    "an opening bracket in a class": ("foo@[[].service", "foo@[.service"),
    "a star in a class": ("foo@[*].service", "foo@*.service"),
    "an escaped star": ("foo\\*.service", "foo*.service"),
    "an escaped backslash": ("foo\\\\x2dbar.service", "foo\\x2dbar.service"),
    "a star over a backslash": ("foo*bar.service", "foo\\x2dbar.service"),
    "the second fit of the last stretch": ("*a.service", "a.a.service"),
    "nothing but a backward range, negated": ("[^c-a]", "x"),
    "a lone closing bracket": ("a]", "a]"),
    "the empty pattern and the empty name": ("", ""),
    "a slash, if it is written": ("a/*", "a/b"),
}
DIFFERS = {
    "a name without its type": ("foo", "foo.service"),
    "capitals": ("FOO.service", "foo.service"),
    "two characters for a question mark": ("foo@?.service", "foo@12.service"),
    "not in the class": ("foo@[abc].service", "foo@d.service"),
    "in the negated class": ("foo@[^abc].service", "foo@a.service"),
    "neither negated nor in the class": ("foo@[!abc].service", "foo@d.service"),
    "a backward range": ("foo@[c-a].service", "foo@b.service"),
    "braces": ("{a,b}.service", "a.service"),
    "a comma": ("foo.service,bar.service", "foo.service"),
    "a backslash escapes what follows": ("foo\\x2dbar.service", "foo\\x2dbar.service"),
    "the empty pattern": ("", "foo.service"),
    "a star and a slash": ("*", "a/b"),
    "a question mark and a slash": ("a?b", "a/b"),
    "a stretch after a star and a slash": ("*b", "a/b"),
    "a stretch between stars and a slash": ("*b*", "a/b"),
    "a newline after the name": ("foo*.service", "foo.service\n"),
}
MALFORMED = {
    "a bracket first in a class": "foo@[]a].service",
    "a dash last in a class": "foo@[a-].service",
    "a dash first in a class": "foo@[-a].service",
    "an empty class": "foo@[].service",
    "an empty negated class": "foo@[^].service",
    "a class that never ends": "foo@[a",
    "a lone bracket": "[",
    "a backslash last": "foo\\",
    "a class that ends in an escape": "[a\\]",
    "two dashes": "[a-z-9]",
}
NAMES = [
    "",
    "foo.service",
    "foo@a.service",
    "foo@].service",
    "foo@^.service",
    "foo@[a",
    "[",
    "foo\\",
    "a",
    "-",
]


@pytest.mark.parametrize(("pattern", "name"), MATCHES.values(), ids=MATCHES)
def test_a_match(pattern: str, name: str) -> None:
    assert glob_match(pattern, name)


@pytest.mark.parametrize(("pattern", "name"), DIFFERS.values(), ids=DIFFERS)
def test_no_match(pattern: str, name: str) -> None:
    assert not glob_match(pattern, name)


@pytest.mark.parametrize("pattern", MALFORMED.values(), ids=MALFORMED)
def test_a_malformed_pattern_matches_nothing(pattern: str) -> None:
    assert [name for name in [*NAMES, pattern] if glob_match(pattern, name)] == []
    assert literal_of(pattern) is None


LITERALS = {
    "foo.service": "foo.service",
    "foo\\*.service": "foo*.service",
    "foo\\\\x2dbar.service": "foo\\x2dbar.service",
    "foo\\x2dbar.service": "foox2dbar.service",
    "": "",
    "foo*": None,
    "fo?": None,
    "[f]oo": None,
}


@pytest.mark.parametrize(("pattern", "name"), LITERALS.items(), ids=repr)
def test_the_one_name_that_a_pattern_can_match(pattern: str, name: str | None) -> None:
    assert literal_of(pattern) == name
    if name is not None:
        assert glob_match(pattern, name)


def test_a_pattern_full_of_stars_is_answered_at_once() -> None:
    assert not glob_match("*a" * 100 + "b", "a" * 250)
    assert glob_match("*a" * 100, "a" * 250)


ALPHABET = "ab-^]\\[*?/ü"


@settings(max_examples=400)
@given(st.text(ALPHABET, max_size=10), st.text("ab-^]\\/ü", max_size=6))
def test_every_pattern_means_what_the_original_made_of_it(pattern: str, name: str) -> None:
    assert glob_match(pattern, name) is slow_match(pattern, name)


CLASSES = st.builds("[{}{}]".format, st.sampled_from(["", "^"]), st.text("abc-\\]^", min_size=1, max_size=5))
PIECES = st.one_of(CLASSES, st.sampled_from(["*", "?", "a", "b", "\\*", "/"]))


@settings(max_examples=400)
@given(st.lists(PIECES, max_size=5).map("".join), st.text("abc-^]*/", max_size=5))
def test_classes_mean_what_the_original_made_of_them(pattern: str, name: str) -> None:
    assert glob_match(pattern, name) is slow_match(pattern, name)


@pytest.mark.parametrize(
    ("pattern", "prefix"),
    [
        ("foo@*.service", "foo@"),
        ("foo", "foo"),
        ("*", ""),
        ("a?b", "a"),
        ("a[b]", "a"),
        (r"a\*b", "a"),
        ("", ""),
    ],
)
def test_what_a_pattern_begins_with_is_what_its_names_begin_with(pattern: str, prefix: str) -> None:
    assert prefix_of(pattern) == prefix
