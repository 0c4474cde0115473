"""Every row of the configuration's description, and what is said about what cannot be read."""

from collections.abc import Mapping
from typing import Any

import pytest

from fleetd.config import OPTIONS, Config, Reading, resolve
from fleetd.inifile import ConfigError


def reading(text: str | None = None, environment: Mapping[str, str] | None = None) -> Reading:
    return resolve(text, "/etc/fleet/fleet.conf", environment or {})


def metadata(text: str, environment: Mapping[str, str] | None = None) -> dict[str, str]:
    return dict(reading(text, environment).config.metadata)


METADATA_LINES = {
    "double quotes": ('metadata="a=b,c=d"', {"a": "b", "c": "d"}),
    "single quotes": ("metadata='a=b,c=d'", {"a": "b", "c": "d"}),
    "no quotes": ("metadata=a=b,c=d", {"a": "b", "c": "d"}),
    "keys in any case, blanks around the equals sign": ("METADATA = a=b,c=d", {"a": "b", "c": "d"}),
    "tabs around the equals sign": ("metadata\t=\ta=b", {"a": "b"}),
    "a comment ends an unquoted value": ("metadata=a=b # comment", {"a": "b"}),
    "a semicolon too": ("metadata=a=b;c=d", {"a": "b"}),
    "quotes protect both": ('metadata="a=b;c=d#e"', {"a": "b;c=d#e"}),
    "a comment may follow quotes": ('metadata="a=b" # comment', {"a": "b"}),
    "quotes inside a list are ordinary": ('metadata="a=b","c=d"', {'"a': 'b"', '"c': 'd"'}),
    "a continued line": ("metadata=a=b \\\n,c=d", {"a": "b", "c": "d"}),
    "a continued line within quotes": ('metadata="a=b,\\\nc=d"', {"a": "b", "c": "d"}),
    "continued twice": ("metadata=a=b,\\\n  c=d,\\\n\te=f", {"a": "b", "c": "d", "e": "f"}),
    "nothing": ("metadata=", {}),
    "empty quotes": ('metadata=""', {}),
    "only a comment": ("metadata= # a=b", {}),
    "carriage returns": ("metadata=a=b\r\nverbosity=1\r\n", {"a": "b"}),
    "the last of equal options wins": ("metadata=a=b\nmetadata=c=d", {"c": "d"}),
    "comments and empty lines": ("# x\n\n  ; y\nmetadata=a=b", {"a": "b"}),
    "a comment is not continued": ("# x \\\nmetadata=a=b", {"a": "b"}),
    "in a section": ("[fleet]\nmetadata=a=b", {}),
    "before a section": ("metadata=a=b\n[x]\nmetadata=c=d", {"a": "b"}),
    "an empty header begins afresh": ("metadata=a=b\n[]\nverbosity=1", {}),
    "after an empty header": ("[x]\nmetadata=c=d\n[]\nmetadata=a=b", {"a": "b"}),
    "blanks around pairs": ("metadata=foo=bar, ping=pong", {"foo": "bar", "ping": "pong"}),
    "blanks around everything": ("metadata=a = b , c = d", {"a": "b", "c": "d"}),
    "the last of equal keys": ("metadata=a=b,a=c", {"a": "c"}),
    "cut at the first equals sign": ("metadata=a=b=c", {"a": "b=c"}),
    "an empty value": ("metadata=a=", {"a": ""}),
    "an empty key": ("metadata==b", {"": "b"}),
    "no equals sign": ("metadata=a", {}),
    "empty parts": ("metadata=a=b,,c=d,", {"a": "b", "c": "d"}),
}


@pytest.mark.parametrize(("text", "expected"), METADATA_LINES.values(), ids=METADATA_LINES)
def test_metadata_line(text: str, expected: dict[str, str]) -> None:
    assert metadata(text) == expected


OTHER_LINES: dict[str, tuple[str, str, Any]] = {
    "a hash ends an unquoted password": ("etcd_password=p#ss", "etcd_password", "p"),
    "quotes protect a password": ('etcd_password="p#ss"', "etcd_password", "p#ss"),
    "single quotes protect double ones": ("etcd_password='p\"ss'", "etcd_password", 'p"ss'),
    "a comment after an address": ("public_ip=1.2.3.4 ; x", "public_ip", "1.2.3.4"),
    "a dash is no underscore": ("etcd-servers=http://x", "etcd_servers", Config().etcd_servers),
    "decimal": ("verbosity=2", "verbosity", 2),
    "hexadecimal": ("verbosity=0x1F", "verbosity", 31),
    "octal": ("verbosity=017", "verbosity", 15),
    "signed": ("verbosity=-1", "verbosity", -1),
    "zero": ("verbosity=0", "verbosity", 0),
    "an exponent": ("etcd_request_timeout=2.5e-1", "etcd_request_timeout", 0.25),
    "a number without a fraction": ("engine_reconcile_interval=5", "engine_reconcile_interval", 5.0),
    "no limit": ("etcd_request_timeout=0", "etcd_request_timeout", 0.0),
    "a list like JSON": (
        'etcd_servers=["http://a:1", "http://b:2"]',
        "etcd_servers",
        ("http://a:1", "http://b:2"),
    ),
    "a list with blanks": (
        'etcd_servers=[ "http://a:1" , "http://b:2" ]',
        "etcd_servers",
        ("http://a:1", "http://b:2"),
    ),
    "a bare list": ("etcd_servers=http://a:1,http://b:2", "etcd_servers", ("http://a:1", "http://b:2")),
    "a quoted list": ('etcd_servers="http://a:1, http://b:2"', "etcd_servers", ("http://a:1", "http://b:2")),
    "https": ("etcd_servers=https://a.example:2379", "etcd_servers", ("https://a.example:2379",)),
    "seconds": ("agent_ttl=45s", "agent_ttl", 45.0),
    "minutes and seconds": ("agent_ttl=1m30s", "agent_ttl", 90.0),
    "a fraction of an hour": ("agent_ttl=1.5h", "agent_ttl", 5400.0),
    "milliseconds": ("agent_ttl=2500ms", "agent_ttl", 2.5),
    "a page": ("token_limit=3", "token_limit", 3),
    "a page cut to 16 bits": ("token_limit=70000", "token_limit", 4464),
    "etcd v3": ("etcd_api=3", "etcd_api", 3),
    "etcd v2": ("etcd_api=2", "etcd_api", 2),
    "so many starts at once": ("start_concurrency=4", "start_concurrency", 4),
    "no more units than this": ("units_limit=500", "units_limit", 500),
}


@pytest.mark.parametrize(("text", "option", "expected"), OTHER_LINES.values(), ids=OTHER_LINES)
def test_line(text: str, option: str, expected: object) -> None:
    assert getattr(reading(text).config, option) == expected


@pytest.mark.parametrize("word", ["1", "t", "T", "true", "TRUE", "True"])
def test_word_for_yes(word: str) -> None:
    assert reading(f"disable_engine={word}").config.disable_engine


@pytest.mark.parametrize("word", ["0", "f", "F", "false", "FALSE", "False"])
def test_word_for_no(word: str) -> None:
    assert not reading(f"disable_engine={word}").config.disable_engine


FATAL = {
    "no equals sign": ("metadata", "iniparser: syntax error at ':1'."),
    "words": ("garbage line", "iniparser: syntax error at ':1'."),
    "a blank instead of an equals sign": ("metadata a=b", "iniparser: syntax error at ':1'."),
    "no key": ("=x", "iniparser: syntax error at ':1'."),
    "further down": ("# fine\nverbosity=1\nwrong", "iniparser: syntax error at ':3'."),
    "a backslash at the end": ("metadata=a=b\\", "EOF"),
    "a backslash at the end of the last line": ("metadata=a=b\\\n", "EOF"),
    "a word for a number": (
        "\nverbosity=high",
        '/etc/fleet/fleet.conf:2: verbosity = "high": expected a whole number: decimal, 0x… or 0…',
    ),
    "nothing for a number": ("verbosity=", 'fleet.conf:1: verbosity = ""'),
    "bad octal": ("verbosity=09", "expected a whole number"),
    "yes for a bool": ("disable_engine=yes", "expected one of 1 t T true TRUE True"),
    "a unit on a number": ("engine_reconcile_interval=2s", "expected a number of seconds, above 0"),
    "passes without pause": ("engine_reconcile_interval=0", "expected a number of seconds, above 0"),
    "not a number": ("etcd_request_timeout=nan", "expected a number of seconds, or 0"),
    "less than no time": ("etcd_request_timeout=-1", "expected a number of seconds, or 0"),
    "a duration without unit": ("agent_ttl=45", 'time: missing unit in duration "45"'),
    "no duration": ("agent_ttl=", 'time: invalid duration ""'),
    "an unknown unit": ("agent_ttl=5x", 'time: unknown unit "x" in duration "5x"'),
    "a word for a duration": ("agent_ttl=long", 'time: invalid duration "long"'),
    "a lease of no time": ("agent_ttl=0s", "expected a duration of at least 1s"),
    "a lease shorter than any": ("agent_ttl=999ms", "expected a duration of at least 1s"),
    "a server that is no URL": ("etcd_servers=foo", '"foo" is no such URL; expected URLs'),
    "two servers in one": ("etcd_servers=http://a:1 http://b:2", "is no such URL"),
    "a port that is none": ("etcd_servers=http://a:99999", "expected URLs"),
    "no server": ("etcd_servers=", "no server is named"),
    "pages without entries": ("token_limit=65536", "expected a whole number from 1 to 65535"),
    "a certificate without its key": ("etcd_certfile=/x.pem", "etcd_certfile and etcd_keyfile go together"),
    "an API of etcd that does not exist": ("etcd_api=4", "expected 2 or 3"),
}


@pytest.mark.parametrize(("text", "said"), FATAL.values(), ids=FATAL)
def test_what_stops_the_daemon(text: str, said: str) -> None:
    with pytest.raises(ConfigError) as error:
        reading(text)
    assert said in str(error.value)


def test_the_environment_wins_over_the_file() -> None:
    assert metadata("metadata=a=b", {"FLEET_METADATA": "e=f"}) == {"e": "f"}


def test_an_empty_variable_counts_as_set() -> None:
    assert metadata("metadata=a=b", {"FLEET_METADATA": ""}) == {}


def test_nothing_is_cut_from_a_variable() -> None:
    assert metadata("", {"FLEET_METADATA": '"a=b"'}) == {'"a': 'b"'}
    assert reading("", {"FLEET_ETCD_PASSWORD": "p#ss"}).config.etcd_password == "p#ss"


def test_a_variable_in_lower_case_does_not_count() -> None:
    assert reading("", {"fleet_verbosity": "1"}).config.verbosity == 0


def test_a_wrong_value_is_no_error_when_the_environment_overrides_it() -> None:
    assert reading("verbosity=high", {"FLEET_VERBOSITY": "1"}).config.verbosity == 1


def test_a_wrong_variable_is_named() -> None:
    with pytest.raises(ConfigError, match='environment: verbosity = "high": expected a whole number'):
        reading("", {"FLEET_VERBOSITY": "high"})


def test_without_file_and_environment_all_are_defaults() -> None:
    assert reading() == Reading(Config(), (), ())


def test_the_defaults_are_those_of_fleet_1() -> None:
    config = Config()
    assert config.etcd_servers == ("http://127.0.0.1:2379", "http://127.0.0.1:4001")
    assert (config.etcd_key_prefix, config.units_directory) == ("/_coreos.com/fleet/", "/run/fleet/units/")
    assert (config.etcd_request_timeout, config.engine_reconcile_interval) == (1.0, 2.0)
    assert (config.agent_ttl, config.token_limit) == (30.0, 100)


def test_every_option_says_what_it_means() -> None:
    assert len(OPTIONS) == 25
    assert all(OPTIONS.values())


WARNED = {
    "a slip of the pen": (
        "verbosty=1",
        "fleet.conf:1: verbosty is no option of fleetd: ignored (did you mean",
    ),
    "a dash": ("etcd-servers=http://x", "(did you mean etcd_servers?)"),
    "something else entirely": ("\ncolour=red", "fleet.conf:2: colour is no option of fleetd: ignored"),
    "an option in a section": ("[fleet]\nverbosity=1", "fleet.conf:2: verbosity stands in section [fleet]"),
    "what an empty header forgets": ("verbosity=1\n[]", "fleet.conf:2: [] forgets what was set above it"),
    "metadata that is no pair": ("metadata=a,b=c", 'fleet.conf:1: metadata: ignored: "a" has no "="'),
    "metadata twice": ("metadata=a=b,a=c", 'fleet.conf:1: metadata: ignored: an earlier value of "a"'),
    "an empty server": ("etcd_servers=http://a:1,", "etcd_servers: ignored: an empty item in the list"),
}


@pytest.mark.parametrize(("text", "said"), WARNED.values(), ids=WARNED)
def test_what_is_ignored_is_said(text: str, said: str) -> None:
    (warning,) = reading(text).warnings
    assert said in warning


def test_a_variable_that_is_nearly_an_option_is_said() -> None:
    (warning,) = reading(None, {"FLEET_ETCD_SERVER": "x", "FLEET_STREET": "London", "HOME": "/"}).warnings
    assert warning == "environment: FLEET_ETCD_SERVER is not known (did you mean FLEET_ETCD_SERVERS?)"


def test_options_without_effect_are_errors_in_the_words_of_fleet_1() -> None:
    assert reading("verify_units=true\nauthorized_keys_file=/x").errors == (
        "Config option verify_units is no longer supported - ignoring",
        "Config option authorized_keys_file is no longer supported - ignoring",
    )
    assert reading("verify_units=false\nauthorized_keys_file=").errors == ()
