"""The strict twin, where fastavro is lax or the specification leaves a bound to us.

Each case of a malformed event is also decoded by columns, among sound neighbours.
"""

from __future__ import annotations

import random
import time
from io import BytesIO
from typing import Any

import fastavro
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream_scorer.avro.rows import RowDecoder
from stream_scorer.avro.schema import parse
from stream_scorer.avro.strict import MAX_EMPTY_ITEMS
from stream_scorer.avro.types import Record
from stream_scorer.columns import Payloads, Texts
from tests.avro.decoding import decode, plain, record, values_of, written
from tests.avro.strategies import Writer, writers


def _why(of: Any, event: bytes, wanted: list[str] | None = None) -> str | None:
    """Return why an event with one field ``x`` of a type is malformed, if it is."""
    return decode(record(("x", of)), [event], wanted=wanted).malformed.get(0)


def test_bytes_left_over_are_malformed() -> None:
    """Fastavro does not look beyond the last field."""
    assert _why("int", b"\x02") is None
    assert _why("int", b"\x02\x00") == "The event has 1 bytes after its last field."


@pytest.mark.parametrize("of", ["int", "double", "string", "boolean", ["null", "double"]])
def test_an_empty_event_is_malformed_unless_its_schema_has_no_bytes(of: Any) -> None:
    """Nothing is not a value of these."""
    assert _why(of, b"") is not None
    assert _why("null", b"") is None


@pytest.mark.parametrize("wanted", [["x"], []])
def test_an_event_that_ends_early_is_malformed_also_in_a_field_that_is_skipped(
    wanted: list[str],
) -> None:
    """Fastavro accepts a truncated field when its reader skips it."""
    assert _why("string", b"\x06ab", wanted) == "Field 'x' takes 3 bytes, but 2 are left."
    assert _why("double", b"1234567", wanted) == "Field 'x' takes 8 bytes, but 7 are left."
    assert _why("long", b"\x80", wanted) == "Field 'x' ends within a number."


@pytest.mark.parametrize("wanted", [["x"], []])
def test_an_int_beyond_32_bits_is_malformed(wanted: list[str]) -> None:
    """Fastavro returns it as it is."""
    largest, beyond = b"\xfe\xff\xff\xff\x0f", b"\x80\x80\x80\x80\x10"
    assert _why("int", largest, wanted) is None
    assert _why("int", beyond, wanted) == "Field 'x' is 2147483648, beyond 32 bits."
    assert _why("long", beyond, wanted) is None


@pytest.mark.parametrize("of", ["long", "int"])
def test_a_varint_of_more_than_ten_bytes_or_64_bits_is_malformed(of: str) -> None:
    """Fastavro reads on for as long as bytes continue."""
    eleven = b"\x80" * 10 + b"\x00"
    assert _why(of, eleven) == "Field 'x' has a number of more than 10 bytes."
    assert _why(of, b"\xff" * 9 + b"\x02") == "Field 'x' has a number beyond 64 bits."


def test_a_varint_may_be_longer_than_it_must_be() -> None:
    """The specification does not ask for the shortest form."""
    for padding in range(8):
        event = b"\x8a" + b"\x80" * padding + b"\x00"
        assert values_of(record(("x", "int")), [event]) == {"x": [5]}


def test_the_largest_and_smallest_longs_take_ten_bytes() -> None:
    """The tenth byte holds the 64th bit."""
    events = [b"\xfe" + b"\xff" * 8 + b"\x01", b"\xff" * 9 + b"\x01"]
    assert values_of(record(("x", "long")), events) == {"x": [2**63 - 1, -(2**63)]}


@pytest.mark.parametrize("wanted", [["x"], []])
@pytest.mark.parametrize("index", [b"\x01", b"\x04", b"\x7f", b"\xff\xff\x01"])
def test_a_union_index_out_of_range_is_malformed(index: bytes, wanted: list[str]) -> None:
    """Fastavro takes the index -1 for the last branch."""
    for value in (b"", b"\0" * 8):
        why = _why(["null", "double"], index + value, wanted)
        assert why is not None
        assert why.endswith("of 2 choices.")


@pytest.mark.parametrize("wanted", [["x"], []])
def test_an_enum_index_out_of_range_is_malformed(wanted: list[str]) -> None:
    """Fastavro takes the index -1 for the last symbol."""
    of = {"type": "enum", "name": "E", "symbols": ["a", "b"]}
    assert _why(of, b"\x02", wanted) is None
    assert _why(of, b"\x01", wanted) == "Field 'x' has the index -1, of 2 choices."
    assert _why(of, b"\x04", wanted) == "Field 'x' has the index 2, of 2 choices."


@pytest.mark.parametrize("wanted", [["x"], []])
def test_a_boolean_is_0_or_1(wanted: list[str]) -> None:
    """Fastavro takes any other byte for true."""
    assert _why("boolean", b"\x01", wanted) is None
    assert _why("boolean", b"\x02", wanted) == "Field 'x' is the boolean 2, not 0 or 1."


@pytest.mark.parametrize("wanted", [["x"], []])
@pytest.mark.parametrize("of", ["string", "bytes"])
def test_a_negative_or_absurd_length_is_malformed(of: str, wanted: list[str]) -> None:
    """Fastavro takes a negative length for the rest of the stream."""
    assert _why(of, b"\x01", wanted) == "Field 'x' has the negative length -1."
    largest = b"\xfe" + b"\xff" * 8 + b"\x01"
    assert _why(of, largest, wanted) == f"Field 'x' takes {2**63 - 1} bytes, but 0 are left."


def test_a_string_that_is_read_must_be_utf8_and_one_that_is_skipped_need_not() -> None:
    """Nobody depends on the text of a field that nobody reads; fastavro refuses both."""
    assert _why("string", b"\x04\xc3\xa9") is None
    assert _why("string", b"\x04a\xff") == "Field 'x' is not UTF-8: byte 1 is 0xff."
    assert _why("string", b"\x06\xed\xa0\x80") is not None  # a lone surrogate
    assert _why("string", b"\x04a\xff", []) is None
    texts = {"type": "array", "items": "string"}
    assert _why(texts, b"\x04\x02a\x02\xff\x00") is not None
    assert _why(texts, b"\x04\x02a\x02\xff\x00", []) is None


def test_bytes_that_become_a_string_must_be_utf8_and_a_string_that_becomes_bytes_need_not() -> None:
    """It is the reader's type that counts."""
    for writer, reader, sound in (("bytes", "string", False), ("string", "bytes", True)):
        decoded = decode(record(("x", writer)), [b"\x02\xff"], record(("x", reader)))
        assert (not decoded.malformed) == sound


@pytest.mark.parametrize("wanted", [["x"], []])
@pytest.mark.parametrize(
    ("items", "block"),
    [
        ("double", b"\x80\x80\x80\x80\x80\x80\x80\x80\x20"),
        ("string", b"\xfe" + b"\xff" * 8 + b"\x01"),
        ("long", b"\xff" * 9 + b"\x01\x00"),
        ("null", b"\x80\x80\x80\x80\x80\x80\x80\x80\x20\x00"),
        ({"type": "fixed", "name": "F", "size": 0}, b"\x80\x80\x80\x80\x80\x80\x80\x80\x20\x00"),
        (record(name="Nothing"), b"\x80\x80\x80\x80\x80\x80\x80\x80\x20\x00"),
    ],
)
def test_an_array_that_claims_more_than_its_bytes_can_hold_returns_at_once(
    items: Any, block: bytes, wanted: list[str]
) -> None:
    """2^60 items, 2^63, -2^63: of items that take no bytes too, for which fastavro loops."""
    started = time.monotonic()
    why = _why({"type": "array", "items": items}, block, wanted)
    assert why is not None
    assert "claims" in why
    assert time.monotonic() - started < 1


def test_a_map_that_claims_more_than_its_bytes_can_hold_returns_at_once() -> None:
    """As an array does; wanted or not."""
    for wanted in (["x"], []):
        why = _why({"type": "map", "values": "null"}, b"\x80\x80\x80\x80\x20", wanted)
        assert why == f"Field 'x' claims {2**32} items, but 0 bytes are left."


def test_items_of_no_bytes_are_limited_in_all() -> None:
    """Arrays of arrays of nulls would else cost more than they weigh."""
    nulls = {"type": "array", "items": "null"}
    half = MAX_EMPTY_ITEMS // 2
    block = written(nulls, [None] * half)
    for wanted in (["x"], []):
        assert (
            _why({"type": "array", "items": nulls}, b"\x04" + block * 2 + b"\x00", wanted) is None
        )
        why = _why({"type": "array", "items": nulls}, b"\x06" + block * 3 + b"\x00", wanted)
        assert why == "Field 'x[]' claims 512 items of no bytes; an event may have 1024 in all."
    roomy = record(("x", nulls), ("room", "bytes"))
    for count, sound in ((MAX_EMPTY_ITEMS, True), (MAX_EMPTY_ITEMS + 1, False)):
        event = written(roomy, {"x": [None] * count, "room": b"-" * 5000})
        assert (not decode(roomy, [event], wanted=["room"]).malformed) == sound


@pytest.mark.parametrize("wanted", [["x"], []])
@pytest.mark.parametrize("items", ["long", "double", "string"])
def test_a_block_that_states_its_size_must_have_it(items: str, wanted: list[str]) -> None:
    """A reader that skips goes by the size, one that reads by the items: they must agree."""
    item = written(items, {"long": 5, "double": 0.5, "string": "ab"}[items])
    array = {"type": "array", "items": items}
    size = len(item) * 2
    assert _why(array, b"\x03" + bytes([2 * size]) + item * 2 + b"\x00", wanted) is None
    for wrong in (size - 1, size + 1):
        event = b"\x03" + bytes([2 * wrong]) + item * 2 + b"\x00"
        assert _why(array, event, wanted) is not None
    assert _why(array, b"\x03\x01" + item * 2 + b"\x00", wanted) is not None


def test_a_recursive_record_nests_only_so_deep() -> None:
    """Else an event of some thousand bytes would end the process."""
    nested = record(("next", ["null", "Event"]))
    assert values_of(nested, [b"\x02" * 40 + b"\x00"])["next"][0] is not None
    why = decode(nested, [b"\x02" * 100_000 + b"\x00"]).malformed[0]
    assert why == "The event nests more than 100 deep."


def test_a_signalling_nan_keeps_each_of_its_bits() -> None:
    """A trip through a Python float would set one."""
    decoded = decode(
        record(("x", "float"), ("y", "double")), [b"\0\0\xa0\x7f" + b"\1" * 6 + b"\xf0\x7f"]
    )
    single, double = (decoded.columns[path] for path in "xy")
    assert single.take(np.array([0])).values.tobytes() == b"\0\0\xa0\x7f"  # type: ignore[union-attr]
    assert double.take(np.array([0])).values.tobytes() == b"\1" * 6 + b"\xf0\x7f"  # type: ignore[union-attr]


def test_a_malformed_row_has_harmless_values_and_leaves_its_neighbours_alone() -> None:
    """Whatever the neighbours hold."""
    of = record(("s", "string"), ("d", "double"), ("xs", {"type": "array", "items": "double"}))
    sound = written(of, {"s": "abc", "d": 1.5, "xs": [1.0, 2.0]})
    decoded = decode(of, [sound, sound[:-1], sound, b"", sound + b"\0"])
    assert list(decoded.malformed) == [1, 3, 4]
    assert [plain(decoded.columns[path])[0] for path in ("s", "d", "xs")] == [
        b"abc",
        1.5,
        [1.0, 2.0],
    ]
    assert [plain(decoded.columns[path])[2] for path in ("s", "d", "xs")] == [
        b"abc",
        1.5,
        [1.0, 2.0],
    ]
    texts = decoded.columns["s"]
    assert isinstance(texts, Texts)
    assert [texts.to_bytes()[row] for row in (1, 3, 4)] == [b"", b"", b""]


@settings(max_examples=80, derandomize=True, database=None, deadline=None)
@given(writers(), st.integers(0, 2**32))
def test_well_formed_events_are_what_fastavro_makes_of_them(source: Any, seed: int) -> None:
    """Whole fields of any type, without logical types."""
    schema = parse(source)
    assert isinstance(schema.root, Record)
    writer = Writer(random.Random(seed))  # noqa: S311 - events, not secrets
    events = [writer.event(schema.root) for _ in range(5)]
    names = [each.name for each in schema.root.fields]
    raw = _without_decimals(source)
    bare = fastavro.parse_schema(raw)
    decoded = RowDecoder(parse(raw), parse(raw), names).decode(Payloads.of(events))
    for row, event in enumerate(events):
        if row in decoded.malformed:
            assert "not UTF-8" in decoded.malformed[row]
            continue
        theirs = fastavro.schemaless_reader(BytesIO(event), bare, None)
        for name in names:
            ours = plain(decoded.columns[name])[row]
            assert repr(_as_bytes(ours)) == repr(_as_bytes(theirs[name]))


def _without_decimals(source: Any) -> Any:
    if isinstance(source, list):
        return [_without_decimals(each) for each in source]
    if isinstance(source, dict):
        return {k: _without_decimals(v) for k, v in source.items() if k != "logicalType"}
    return source


def _as_bytes(value: Any) -> Any:
    """Return a value with text as bytes, which a column of texts has."""
    if isinstance(value, str):
        return value.encode()
    if isinstance(value, list):
        return [_as_bytes(each) for each in value]
    if isinstance(value, dict):
        return {key: _as_bytes(each) for key, each in value.items()}
    return value
