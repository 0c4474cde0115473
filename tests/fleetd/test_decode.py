"""Bodies as fleet 1.0 read them."""

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleetd.api.decode import MetadataOperation, Undecodable, UnitBody, metadata_operations, unit_body
from units.file import Option

EMPTY = UnitBody("", "", ())

UNITS = {
    "an empty object": ("{}", EMPTY),
    "null": ("null", EMPTY),
    "blanks around": (" \n{}\t", EMPTY),
    "a name": ('{"name":"a.service"}', UnitBody("a.service", "", ())),
    "a desired state": ('{"desiredState":"launched"}', UnitBody("", "launched", ())),
    "keys in any case": ('{"NAME":"a","desiredstate":"b","Options":[]}', UnitBody("a", "b", ())),
    "the last of equal keys": ('{"name":"a","Name":"b"}', UnitBody("b", "", ())),
    "null leaves a field as it is": ('{"name":"a","name":null,"options":null}', UnitBody("a", "", ())),
    "null empties a list": ('{"options":[{}],"options":null}', EMPTY),
    "a list after null": ('{"options":null,"options":[{}]}', UnitBody("", "", (Option("", "", ""),))),
    "unknown keys": ('{"currentState":5,"x":[{}],"name":"a"}', UnitBody("a", "", ())),
    "options": (
        '{"options":[{"section":"S","name":"N","value":"V"},{"Value":"v"},{}]}',
        UnitBody("", "", (Option("S", "N", "V"), Option("", "", "v"), Option("", "", ""))),
    ),
    "what follows the first value": ('{"name":"a"} {"name":"b"} garbage', UnitBody("a", "", ())),
    "a lone surrogate": ('{"name":"a\\ud800b"}', UnitBody("a\ufffdb", "", ())),
    "a pair of surrogates": ('{"name":"\\ud83d\\ude00"}', UnitBody("\U0001f600", "", ())),
    "a very long number": ('{"x":' + "9" * 10000 + "}", EMPTY),
}


@pytest.mark.parametrize(("text", "expected"), UNITS.values(), ids=UNITS)
def test_unit(text: str, expected: UnitBody) -> None:
    assert unit_body(text.encode()) == expected


def test_bytes_that_are_not_utf8_become_replacement_characters() -> None:
    assert unit_body(b'{"name":"a\xff"}').name == "a\ufffd"


def test_there_is_one_replacement_character_for_each_byte_as_in_the_file_on_disk() -> None:
    assert (
        unit_body(b'{"name":"\xe2\x82|\xed\xa0\x80|\xf0\x9f\x98"}').name
        == "\ufffd\ufffd|\ufffd\ufffd\ufffd|\ufffd\ufffd\ufffd"
    )


REFUSED = {
    "nothing": ("", "EOF"),
    "blanks": (" \n ", "EOF"),
    "cut short": ('{"name":"a"', "unexpected EOF"),
    "cut within a string": ('{"name":"a', "unexpected EOF"),
    "cut within a word": ('{"name":nul', "unexpected EOF"),
    "cut after a point": ('{"x":-1.', "unexpected EOF"),
    "cut within an exponent": ('{"x":1.5e', "unexpected EOF"),
    "cut after the sign of an exponent": ('{"x":1E+', "unexpected EOF"),
    "a number cut short, alone": ("1.", "unexpected EOF"),
    "a number and a letter": ('{"x":1f', "invalid JSON"),
    "cut within an escape": ('{"name":"\\u00', "unexpected EOF"),
    "no JSON": ("garbage", "invalid JSON: Expecting value at character 1"),
    "a byte-order mark": ("\ufeff{}", "invalid JSON"),
    "a tab within a string": ('{"name":"a\tb"}', "invalid JSON"),
    "a comma at the end": ('{"name":"a",}', "invalid JSON"),
    "no number": ('{"x":NaN}', "invalid JSON: NaN is no JSON value"),
    "nested too deep": ("[" * 100_000, "invalid JSON: nested too deep"),
    "a list": ("[]", "the body is a list, expected an object"),
    "a string": ('"a"', "the body is a string, expected an object"),
    "a number for a name": ('{"name":5}', "the body.name is a number, expected a string"),
    "options that are no list": ('{"options":{}}', "the body.options is an object, expected a list"),
    "null for an option": ('{"options":[{},null]}', "the body.options[1] is null, expected an object"),
    "a list for an option": ('{"options":[[]]}', "the body.options[0] is a list, expected an object"),
    "true for a value": ('{"options":[{"value":true}]}', "the body.options[0].value is a boolean"),
}


@pytest.mark.parametrize(("text", "said"), REFUSED.values(), ids=REFUSED)
def test_refused_unit(text: str, said: str) -> None:
    with pytest.raises(Undecodable) as error:
        unit_body(text.encode())
    assert str(error.value).startswith(said)


WHOLE = '{"options":[{"section":"a\\u00e9\\n\\"","name":null,"value":true}],"desiredState":"x","n":false}'


@pytest.mark.parametrize("length", range(1, len(WHOLE)))
def test_a_body_cut_anywhere_ends_unexpectedly(length: int) -> None:
    with pytest.raises(Undecodable, match=r"^unexpected EOF$"):
        unit_body(WHOLE[:length].encode())


@given(st.binary(max_size=200))
def test_any_bytes_are_a_unit_or_undecodable(body: bytes) -> None:
    with suppress(Undecodable):
        unit_body(body)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda children: (
        st.lists(children, max_size=3) | st.dictionaries(st.text(max_size=5), children, max_size=3)
    ),
)


@given(JSON)
def test_any_json_is_a_list_of_operations_or_undecodable(value: Any) -> None:
    with suppress(Undecodable):
        metadata_operations(json.dumps(value).encode())


PATCHES = {
    "an empty list": ("[]", ()),
    "null": ("null", ()),
    "an addition": (
        '[{"op":"add","path":"/m/metadata/k","value":{"value":"v"}}]',
        (MetadataOperation("add", "/m/metadata/k", "v"),),
    ),
    "a removal": ('[{"op":"remove","path":"/m"}]', (MetadataOperation("remove", "/m", ""),)),
    "a value of null": ('[{"op":"add","value":null}]', (MetadataOperation("add", "", ""),)),
    "a value and then null": (
        '[{"op":"add","value":{"value":"v"},"value":null}]',
        (MetadataOperation("add", "", ""),),
    ),
    "null for an operation": ("[null]", (MetadataOperation("", "", ""),)),
}


@pytest.mark.parametrize(("text", "expected"), PATCHES.values(), ids=PATCHES)
def test_patch(text: str, expected: tuple[MetadataOperation, ...]) -> None:
    assert metadata_operations(text.encode()) == expected


@pytest.mark.parametrize("op", ["add", "remove"])
def test_the_value_of_a_patch_is_an_object(op: str) -> None:
    with pytest.raises(Undecodable, match=r"the body\[0\]\.value is a string, expected an object"):
        metadata_operations(f'[{{"op":"{op}","path":"/m","value":"v"}}]'.encode())
