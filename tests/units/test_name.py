"""Names: what is allowed, what the parts are, and what specifiers become."""

import pytest

from units.name import InvalidName, UnitName, check_name, expand, parse_name

VALID = {
    "a plain service": "foo.service",
    "a template": "foo@.service",
    "an instance": "foo@1.service",
    "a template with two at signs": "foo@@.service",
    "an instance with an at sign": "foo@a@b.service",
    "nothing before the dot": ".service",
    "a leading dash": "-foo.service",
    "colon, dash and underscore": "foo:-_.service",
    "an escape of systemd": "foo\\x2dbar.service",
    "a dot in the prefix": "foo.bar.service",
    "dots in prefix and instance": "a.b@c.d.service",
    "swap": "foo.swap",
    "target": "foo.target",
    "an instance of a target": "foo@1.target",
    "slice": "foo.slice",
    "scope": "foo.scope",
    "busname": "foo.busname",
    "snapshot": "foo.snapshot",
    "device": "foo.device",
    "mount": "foo.mount",
    "automount": "foo.automount",
    "an instance of a socket": "foo@1.socket",
    "an instance of a timer": "foo@1.timer",
    "an instance of a path": "foo@1.path",
    "256 bytes": "a" * 248 + ".service",
}
INVALID = {
    "257 bytes": ("a" * 249 + ".service", "unit name exceeds maximum length (256)"),
    "bytes count, not letters": ("ü" * 125 + ".service", "unit name exceeds maximum length (256)"),
    "empty": ("", "unit name cannot be empty"),
    "no type": ("foo", 'unit name must contain "."'),
    "nothing after the dot": ("foo.", 'unit name cannot end in "."'),
    "only a dot": (".", 'unit name cannot end in "."'),
    "an unknown type": ("foo.network", 'invalid unit type: "network"'),
    "a type in capitals": ("foo.Service", 'invalid unit type: "Service"'),
    "a trailing blank": ("foo.service ", 'invalid unit type: "service "'),
    "an at sign in the type": ("foo.ser@vice", 'invalid unit type: "ser@vice"'),
    "an instance of a mount": ("foo@1.mount", 'invalid unit type for template: "mount"'),
    "an instance of a slice": ("foo@1.slice", 'invalid unit type for template: "slice"'),
    "an instance of a swap": ("foo@1.swap", 'invalid unit type for template: "swap"'),
    "a blank": ("foo bar.service", "invalid character ' ' in unit name"),
    "a slash": ("foo/bar.service", "invalid character '/' in unit name"),
    "a plus": ("foo+.service", "invalid character '+' in unit name"),
    "a percent sign": ("foo%i.service", "invalid character '%' in unit name"),
    "a letter beyond ASCII": ("föö.service", "invalid character 'ö' in unit name"),
    "a digit beyond ASCII": ("foo٣.service", "invalid character '٣' in unit name"),
    "NUL": ("foo\x00bar.service", "invalid character '\\x00' in unit name"),
    "a newline": ("foo\n.service", "invalid character '\\n' in unit name"),
    "a quotation mark": ("foo'.service", "invalid character '\\'' in unit name"),
    "a newline in the type": ("foo.service\n", 'invalid unit type: "service\\n"'),
    "half a character": ("foo\udce4.service", "invalid character '\\udce4' in unit name"),
    "a bad character and a leading at sign": ("@ .service", "invalid character ' ' in unit name"),
    "a template of nothing": ("@.service", 'unit name cannot start in "@"'),
    "an instance of nothing": ("@a.service", 'unit name cannot start in "@"'),
}


@pytest.mark.parametrize("name", VALID.values(), ids=VALID)
def test_a_valid_name(name: str) -> None:
    check_name(name)


@pytest.mark.parametrize(("name", "message"), INVALID.values(), ids=INVALID)
def test_an_invalid_name(name: str, message: str) -> None:
    with pytest.raises(InvalidName) as caught:
        check_name(name)
    assert str(caught.value) == message


# full name: name, prefix, template, instance, suffix, what it is
PARTS = {
    "foo.service": ("foo", "foo", "", "", ".service", "plain"),
    "foo@.service": ("foo@", "foo", "foo@.service", "", ".service", "template"),
    "foo@bar.service": ("foo@bar", "foo", "foo@.service", "bar", ".service", "instance"),
    "foo@bar@baz.service": ("foo@bar@baz", "foo", "foo@.service", "bar@baz", ".service", "instance"),
    "foo.1@.service": ("foo.1@", "foo.1", "foo.1@.service", "", ".service", "template"),
    "foo.1@2.service": ("foo.1@2", "foo.1", "foo.1@.service", "2", ".service", "instance"),
    "a.b.service": ("a.b", "a.b", "", "", ".service", "plain"),
    "ssh@1.socket": ("ssh@1", "ssh", "ssh@.socket", "1", ".socket", "instance"),
    "@x.service": ("@x", "", "@.service", "x", ".service", "instance"),
}


@pytest.mark.parametrize(("full", "parts"), PARTS.items(), ids=PARTS)
def test_the_parts_of_a_name(full: str, parts: tuple[str, ...]) -> None:
    *expected, kind = parts
    parsed = parse_name(full)
    assert parsed == UnitName(full, *expected)
    assert parsed.is_template is (kind == "template")
    assert parsed.is_instance is (kind == "instance")


@pytest.mark.parametrize("full", ["foo", "bar@baz"])
def test_a_name_without_a_type_has_no_parts(full: str) -> None:
    assert parse_name(full) is None


SPECIFIERS = ("%n", "%N", "%p", "%i", "%%i", "%I %H")
EXPANDED = {
    "test.service": ("test.service", "test", "test", "", "%", "%I %H"),
    "ssh@2.service": ("ssh@2.service", "ssh@2", "ssh", "2", "%2", "%I %H"),
    "foo@.service": ("foo@.service", "foo@", "foo", "", "%", "%I %H"),
    "foo@bar.service": ("foo@bar.service", "foo@bar", "foo", "bar", "%bar", "%I %H"),
    "foo@a@b.service": ("foo@a@b.service", "foo@a@b", "foo", "a@b", "%a@b", "%I %H"),
    "foo.1@2.service": ("foo.1@2.service", "foo.1@2", "foo.1", "2", "%2", "%I %H"),
    "foo": ("%n", "%N", "%p", "%i", "%%i", "%I %H"),
}


@pytest.mark.parametrize(("name", "becomes"), EXPANDED.items(), ids=EXPANDED)
def test_specifiers(name: str, becomes: tuple[str, ...]) -> None:
    assert tuple(expand(value, name) for value in SPECIFIERS) == becomes


MORE = {
    "every occurrence is replaced": ("%p-%p@%i", "foo@1.service", "foo-foo@1"),
    "a doubled percent sign is no escape": ("%%n", "foo.service", "%foo.service"),
    "escapes stay as they are": ("%p %i", "foo\\x2dbar@x\\x2fy.service", "foo\\x2dbar x\\x2fy"),
    "what is put in is looked at by the later ones": ("%n", "a%i@b.service", "ab@b.service"),
    "other letters stay": ("%I %P %H %m %j %b", "foo@1.service", "%I %P %H %m %j %b"),
}


@pytest.mark.parametrize(("value", "name", "becomes"), MORE.values(), ids=MORE)
def test_more_of_specifiers(value: str, name: str, becomes: str) -> None:
    assert expand(value, name) == becomes
