import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airgap.errors import InputError
from airgap.oci import strictjson

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**18), 10**18) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(VALUES)
def test_what_python_writes_is_read(value: object) -> None:
    assert strictjson.loads(json.dumps(value).encode(), "x") == value
    assert strictjson.loads(strictjson.dumps(value), "x") == value


@pytest.mark.parametrize(
    "data",
    [
        b"", b"{", b'{"a":1,"a":2}', b'{"a":{"b":1,"b":1}}', b"NaN", b"[Infinity]", b"-Infinity",
        b"1e999", b"1" * 5000, b"0." + b"1" * 5000, b"[" * 100_000, b'{"a":' * 100_000,
        b"\xef\xbb\xbf{}", b'"\xff"', b'"\\ud800"', b"{} x", b"{}\0", b"'a'", b"[1,]", b'"a',
        b'"' + b'\\"' * 1_000_000, b'"\\', b"[" * 65 + b"]" * 65,
    ],
)  # fmt: skip
def test_what_readers_could_disagree_on_is_refused(data: bytes) -> None:
    with pytest.raises(InputError, match="x is not valid JSON") as caught:
        strictjson.loads(data, "x")
    assert "\n" not in caught.value.message
    assert len(caught.value.message) < 300


def test_brackets_in_strings_are_no_nesting() -> None:
    text = "[" * 1000 + '\\"{'
    assert strictjson.loads(json.dumps({"a": text}).encode(), "x") == {"a": text}


def test_escaped_pairs_of_surrogates_are_fine() -> None:
    assert strictjson.loads(b'"\\ud83d\\ude00"', "x") == "\U0001f600"


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    try:
        value = strictjson.loads(data, "x")
    except InputError:
        return
    assert json.loads(data) == value


def test_an_object_is_asked_for() -> None:
    with pytest.raises(InputError, match="x is not a JSON object"):
        strictjson.load_object(b"[]", "x")


@given(st.lists(VALUES, max_size=4))
def test_a_list_in_pieces_is_the_same_list(values: list[object]) -> None:
    assert b"".join(strictjson.list_pieces(values)) + b"\n" == strictjson.dumps(values)
    inside = b"".join(strictjson.list_pieces(values, 1))
    assert b'{\n "a": ' + inside + b"\n}\n" == strictjson.dumps({"a": values})


@pytest.mark.parametrize("value", [b"[],", b'{"":0},', b"1,", b'"ab",', b"[[[],[]],[]],"])
def test_what_takes_many_times_its_size_in_memory_is_refused(value: bytes) -> None:
    with pytest.raises(InputError, match="too many values for its size"):
        strictjson.loads(b"[" + value * 20_000 + b"0]", "x")
    strictjson.loads(b"[" + value * 1_000 + b"0]", "x")


def test_a_long_list_of_descriptors_is_none_of_that() -> None:
    one = {"mediaType": "a/b", "digest": "sha256:" + "0" * 64, "size": 1, "urls": [], "data": "x"}
    data = json.dumps([one] * 20_000, separators=(",", ":")).encode()
    assert len(strictjson.loads(data, "x")) == 20_000
