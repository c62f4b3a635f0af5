"""Boundaries: where each datum of a block ends, or one sentence why nobody can say."""

from __future__ import annotations

import io
from typing import Any

import fastavro
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream_scorer.avro.boundaries import Undelimited, skip_over, split
from stream_scorer.avro.schema import Schema, parse
from tests.avro.test_encoder import events, record, written

LIST = parse(
    {
        "type": "record",
        "name": "node",
        "fields": [{"name": "n", "type": "long"}, {"name": "next", "type": ["null", "node"]}],
    }
)
NESTED = record(
    ("a", "double"),
    ("in", {"type": "record", "name": "i", "fields": [{"name": "s", "type": "bytes"}]}),
    ("m", {"type": "map", "values": {"type": "array", "items": "float"}}),
    ("u", ["string", "null", "double", "i"]),
)


def parts(schema: Schema, content: bytes, count: int) -> list[bytes]:
    """Split a block."""
    return split(skip_over(schema.root), content, count)


@settings(max_examples=150, deadline=None)
@given(events())
def test_datums_end_where_fastavro_ended_them(
    drawn: tuple[Schema, list[dict[str, Any]]],
) -> None:
    """For any schema and any values."""
    schema, rows = drawn
    datums = [written(schema, row) for row in rows]
    assert parts(schema, b"".join(datums), len(datums)) == datums


@pytest.mark.parametrize("value", [None, 1.5, "text", {"s": b"\x80" * 300}])
def test_nested_types_are_skipped(value: Any) -> None:
    """Maps of arrays, unions of several, a record of fixed and other fields."""
    row = {"a": 1.0, "in": {"s": b"ab"}, "m": {"k": [1.0, 2.0], "": []}, "u": value}
    datums = [written(NESTED, row)] * 3
    assert parts(NESTED, b"".join(datums), 3) == datums


def test_a_record_within_itself_is_skipped() -> None:
    """A list of five."""
    node: Any = None
    for n in range(5):
        node = {"n": n, "next": node}
    datums = [written(LIST, node), written(LIST, {"n": 9, "next": None})]
    assert parts(LIST, b"".join(datums), 2) == datums


def test_blocks_that_state_their_size_are_skipped() -> None:
    """As Java writes arrays: a negative count, then the bytes (Avro specification)."""
    schema = record(("a", {"type": "array", "items": "string"}))
    datum = b"\x03\x08\x02a\x02b" + b"\x02\x02c" + b"\x00"
    read = fastavro.schemaless_reader(io.BytesIO(datum), fastavro.parse_schema(schema.json), None)
    assert read == {"a": ["a", "b", "c"]}
    assert parts(schema, datum * 2, 2) == [datum] * 2


def test_a_wrong_value_with_a_certain_end_is_left_to_its_reader() -> None:
    """An int beyond 32 bits, a boolean of 2, text that is not UTF-8, an enum index out of range."""
    enum = {"type": "enum", "name": "e", "symbols": ["A"]}
    schema = record(("i", "int"), ("b", "boolean"), ("s", "string"), ("e", enum))
    datum = b"\xfe\xff\xff\xff\xff\x7f" + b"\x02" + b"\x02\xff" + b"\x40"
    assert parts(schema, datum * 2, 2) == [datum] * 2


@pytest.mark.parametrize(
    ("kind", "content", "sentence"),
    [
        ("long", b"", "runs past the end"),
        ("long", b"\x80", "ends within a number"),
        ("long", b"\x80" * 10 + b"\x00", "more than 10 bytes"),
        ("double", b"\x00" * 7, "runs past the end"),
        ("string", b"\x0aabcd", "runs past the end"),
        ("string", b"\x01", "a length is -1"),
        (["null", "long"], b"\x04\x00", "index 2, of 2 branches"),
        (["null", "long"], b"\x01", "index -1, of 2 branches"),
        (["null", "long"], b"\x80\x01\x00", "index 64, of 2 branches"),
        ({"type": "array", "items": "double"}, b"\x80\x80\x80\x80\x10\x00", "runs past the end"),
        ({"type": "array", "items": "long"}, b"\x80\x80\x80\x80\x10\x00", "runs past the end"),
        ({"type": "map", "values": "null"}, b"\x02\x05", "a length is -3"),
    ],
)
def test_a_datum_without_a_certain_end_is_named(kind: Any, content: bytes, sentence: str) -> None:
    """The second of three; nothing after it can be told apart."""
    schema = record(("f", kind))
    name = kind["type"] if isinstance(kind, dict) else str(kind)
    some = {"long": 1, "double": 1.0, "string": "a", "array": [], "map": {}}.get(name)
    with pytest.raises(Undelimited, match=sentence) as caught:
        parts(schema, written(schema, {"f": some}) + content, 3)
    assert caught.value.datum == 1


def test_nulls_without_end_cost_nothing() -> None:
    """An array that claims 2^60 of them takes no bytes and no time."""
    schema = record(("a", {"type": "array", "items": "null"}))
    datum = b"\x80\x80\x80\x80\x80\x80\x80\x80\x20" + b"\x00"
    assert parts(schema, datum, 1) == [datum]


@pytest.mark.parametrize("count", [-1, 2**60])
def test_a_block_that_claims_too_many_is_named(count: int) -> None:
    """More records than bytes."""
    with pytest.raises(Undelimited, match=f"claims {count} of them in 1 bytes"):
        parts(parse("null"), b"\x00", count)


def test_bytes_after_the_last_datum_are_named() -> None:
    """The count or the datums are wrong; either way nobody knows."""
    with pytest.raises(Undelimited, match="2 bytes are left after the last") as caught:
        parts(parse("long"), b"\x02\x04\x06", 1)
    assert caught.value.datum == 0


def test_a_list_that_nests_too_deep_is_named() -> None:
    """Not the interpreter's stack trace."""
    with pytest.raises(Undelimited, match="nests too deep"):
        parts(LIST, b"\x00\x02" * 100_000 + b"\x00\x00", 1)


@settings(max_examples=100, deadline=None)
@given(events(), st.data())
def test_damage_is_found_or_keeps_to_the_block(
    drawn: tuple[Schema, list[dict[str, Any]]], data: st.DataObject
) -> None:
    """Whatever happens to a byte: all bytes are in the parts, or one error says where."""
    schema, rows = drawn
    content = bytearray(b"".join(written(schema, row) for row in rows))
    if content:
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    try:
        found = parts(schema, bytes(content), len(rows))
    except Undelimited as error:
        assert 0 <= error.datum < len(rows)  # noqa: PT017 - not every damage can be found
    else:
        assert len(found) == len(rows)
        assert b"".join(found) == content
