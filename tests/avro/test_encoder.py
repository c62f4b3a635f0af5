"""The encoder: column by column it writes the very bytes that fastavro writes row by row."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import fastavro
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream_scorer.avro.encoder import Constant, compile_encoder
from stream_scorer.avro.schema import Schema, field_type, parse
from stream_scorer.columns import Column, Enums, FieldType, Lists, Numbers, Objects, Texts

DTYPES = {
    "boolean": np.bool_,
    "int": np.int32,
    "long": np.int64,
    "float": np.float32,
    "double": np.float64,
}


def record(*fields: tuple[str, Any], name: str = "scored") -> Schema:
    """Return a record schema of the given fields."""
    return parse(
        {
            "type": "record",
            "name": name,
            "fields": [{"name": field, "type": kind} for field, kind in fields],
        }
    )


def written(schema: Schema, row: dict[str, Any]) -> bytes:
    """Return the bytes that fastavro writes."""
    buffer = io.BytesIO()
    fastavro.schemaless_writer(buffer, fastavro.parse_schema(schema.json), row)
    return buffer.getvalue()


def column_of(kind: FieldType, values: list[Any]) -> Column:
    """Return Python values as the column that the decoder would make of them."""
    present = np.array([value is not None for value in values], np.bool_)
    mask = None if present.all() else present
    match kind.kind:
        case "boolean" | "int" | "long" | "float" | "double":
            filled = [0 if value is None else value for value in values]
            return Numbers(np.array(filled, DTYPES[kind.kind]), mask)
        case "string" | "bytes" | "fixed":
            return text_column(values, mask)
        case "enum":
            positions = [0 if v is None else kind.symbols.index(v) for v in values]
            return Enums(np.array(positions, np.int32), kind.symbols, mask)
        case "array":
            assert kind.items is not None
            lengths = np.array([len(value or ()) for value in values], np.int64)
            items = [item for value in values for item in value or ()]
            return Lists(lengths, column_of(kind.items, items), mask)
        case _:
            return Objects(values)


def text_column(values: list[Any], mask: Any = None) -> Texts:
    """Return texts in one buffer, last row first, so that starts are not in row order."""
    encoded = [v.encode() if isinstance(v, str) else v or b"" for v in values]
    lengths = np.array([len(each) for each in encoded], np.int64)
    ends = np.cumsum(lengths[::-1])[::-1] if encoded else lengths
    return Texts(b"".join(reversed(encoded)), ends - lengths, lengths, mask)


Drawn = tuple[Any, st.SearchStrategy[Any]]
"""An Avro type, and its values."""


def scalars(name: Callable[[], str]) -> list[st.SearchStrategy[Drawn]]:
    """Return the types without items; named types take a fresh name each."""
    longs = st.integers(-(2**63), 2**63 - 1) | st.integers(-200, 200)
    ints = st.integers(-(2**31), 2**31 - 1) | st.integers(-200, 200)
    fixed: Callable[[int], Drawn] = lambda size: (  # noqa: E731 - three words where it is used
        {"type": "fixed", "name": name(), "size": size},
        st.binary(min_size=size, max_size=size),
    )
    enum: Callable[[int], Drawn] = lambda count: (  # noqa: E731 - as above
        {"type": "enum", "name": name(), "symbols": [f"S{n}" for n in range(count)]},
        st.sampled_from([f"S{n}" for n in range(count)]),
    )
    timestamp = {"type": "long", "logicalType": "timestamp-micros"}
    return [
        st.just(("boolean", st.booleans())),
        st.just(("int", ints)),
        st.just(("long", longs)),
        st.just((timestamp, longs)),
        st.just(("float", st.floats(width=32))),
        st.just(("double", st.floats())),
        st.just(("string", st.text(max_size=9))),
        st.just(("string", st.sampled_from(["abcdef", "ghijkl"]))),
        st.just(("bytes", st.binary(max_size=9))),
        st.integers(1, 9).map(fixed),
        st.integers(1, 99).map(enum),
        st.just(({"type": "map", "values": "int"}, st.dictionaries(st.text(max_size=3), ints))),
        st.just((["null", "string", "long"], st.none() | st.text(max_size=3) | longs)),
        st.just((["double"], st.floats())),
    ]


def can_be_null(drawn: Drawn) -> st.SearchStrategy[Drawn]:
    """Return the type itself, or a union of it and null in either order."""
    kind, values = drawn
    if isinstance(kind, list):
        return st.just(drawn)
    maybe = st.none() | values
    return st.sampled_from([drawn, (["null", kind], maybe), ([kind, "null"], maybe)])


@st.composite
def events(draw: st.DrawFn) -> tuple[Schema, list[dict[str, Any]]]:
    """Draw a record schema and some rows of it."""
    count = 0

    def name() -> str:
        nonlocal count
        count += 1
        return f"named_{count}"

    leaf = st.one_of(scalars(name)).flatmap(can_be_null)
    array = st.recursive(
        leaf,
        lambda inner: inner.map(
            lambda drawn: ({"type": "array", "items": drawn[0]}, st.lists(drawn[1], max_size=4))
        ).flatmap(can_be_null),
        max_leaves=3,
    )
    fields = draw(st.lists(array, max_size=5))
    schema = record(*((f"f{n}", kind) for n, (kind, _) in enumerate(fields)))
    row = st.fixed_dictionaries({f"f{n}": values for n, (_, values) in enumerate(fields)})
    return schema, draw(st.lists(row, max_size=8))


@settings(max_examples=150, deadline=None)
@given(events(), st.binary(max_size=5))
def test_every_type_is_written_as_fastavro_writes_it(
    drawn: tuple[Schema, list[dict[str, Any]]], prefix: bytes
) -> None:
    """Byte for byte, for any schema and any values, after the prefix."""
    schema, rows = drawn
    columns = {
        field["name"]: column_of(
            field_type(schema, field["name"]), [row[field["name"]] for row in rows]
        )
        for field in schema.json["fields"]
    }
    encoded = compile_encoder(schema).encode(columns, len(rows), prefix)
    assert encoded == [prefix + written(schema, row) for row in rows]


SCORED = parse(
    {
        "type": "record",
        "name": "scored",
        "fields": [
            {"name": "event_id", "type": "string"},
            {"name": "score", "type": "float"},
            {"name": "label", "type": "long"},
            {
                "name": "model",
                "type": {
                    "type": "record",
                    "name": "model",
                    "fields": [
                        {"name": "name", "type": "string"},
                        {"name": "sha256", "type": {"type": "fixed", "name": "sha", "size": 4}},
                    ],
                },
            },
            {
                "name": "source",
                "type": {
                    "type": "record",
                    "name": "source",
                    "fields": [
                        {"name": "topic", "type": "string"},
                        {"name": "partition", "type": "int"},
                        {"name": "offset", "type": "long"},
                    ],
                },
            },
            {"name": "scored_at", "type": {"type": "long", "logicalType": "timestamp-micros"}},
        ],
    }
)


def test_a_scored_event_with_provenance_reads_back() -> None:
    """Nested records by dotted path, constants for what the batch shares."""
    ids = [f"event-{n}" for n in range(0, 3000, 7)]
    rows = len(ids)
    numbers = np.arange(rows)
    columns: dict[str, Column | Constant] = {
        "event_id": text_column(ids),
        "score": Numbers((numbers / 8).astype(np.float32)),
        "label": Numbers(numbers % 2),
        "model.name": Constant("fraud"),
        "model.sha256": Constant(b"\x00\x01\x02\x03"),
        "source.topic": Constant("cards"),
        "source.partition": Numbers(np.full(rows, 5, np.int32)),
        "source.offset": Numbers(numbers * 1000),
        "scored_at": Constant(1_700_000_000_000_000),
    }
    encoded = compile_encoder(SCORED).encode(columns, rows)
    read = [fastavro.schemaless_reader(io.BytesIO(each), strip_logical(SCORED)) for each in encoded]
    assert read == [
        {
            "event_id": ids[n],
            "score": n / 8,
            "label": n % 2,
            "model": {"name": "fraud", "sha256": b"\x00\x01\x02\x03"},
            "source": {"topic": "cards", "partition": 5, "offset": n * 1000},
            "scored_at": 1_700_000_000_000_000,
        }
        for n in range(rows)
    ]


def strip_logical(schema: Schema) -> Any:
    """Return the schema so that fastavro reads timestamps as numbers."""
    return fastavro.parse_schema({**schema.json, "fields": [*schema.json["fields"][:-1], LAST]})


LAST = {"name": "scored_at", "type": "long"}


def test_a_nested_record_can_be_one_column_of_objects() -> None:
    """A record that is passed through whole."""
    inner = {"type": "record", "name": "device", "fields": [{"name": "id", "type": "string"}]}
    schema = record(("n", "int"), ("device", inner), ("again", ["null", "device"]))
    values: list[Any] = [{"id": "a"}, {"id": "bcd"}]
    columns: dict[str, Column | Constant] = {
        "n": Numbers(np.array([1, 2], np.int32)),
        "device": Objects(values),
        "again": Objects([None, {"id": "x"}]),
    }
    assert compile_encoder(schema).encode(columns, 2) == [
        written(schema, {"n": 1, "device": {"id": "a"}, "again": None}),
        written(schema, {"n": 2, "device": {"id": "bcd"}, "again": {"id": "x"}}),
    ]


def test_a_record_without_fields_needs_no_column() -> None:
    """It has no bytes."""
    schema = record(("n", "int"), ("nothing", {"type": "record", "name": "e", "fields": []}))
    assert compile_encoder(schema).encode({"n": Numbers(np.array([3], np.int32))}, 1) == [b"\x06"]


def test_a_null_constant_takes_its_branch() -> None:
    """In either order of the union."""
    schema = record(("a", ["null", "int"]), ("b", ["int", "null"]))
    columns = {"a": Constant(None), "b": Constant(None)}
    assert compile_encoder(schema).encode(columns, 2, b"P") == [b"P\x00\x02"] * 2


def test_a_narrower_number_is_widened_exactly() -> None:
    """A float16 output is written as float, an int8 as int."""
    schema = record(("f", "float"), ("i", "int"))
    columns: dict[str, Column | Constant] = {
        "f": Numbers(np.array([0.5], np.float16)),
        "i": Numbers(np.array([-3], np.int8)),
    }
    assert compile_encoder(schema).encode(columns, 1) == [written(schema, {"f": 0.5, "i": -3})]


@pytest.mark.parametrize(
    ("kind", "column", "sentence"),
    [
        ("float", Numbers(np.zeros(2)), "Cannot cast"),
        ("int", Numbers(np.zeros(2, np.int64)), "Cannot cast"),
        ("long", Numbers(np.zeros(2, np.uint64)), "Cannot cast"),
        ("int", Numbers(np.zeros(3, np.int32)), "3 rows for a batch of 2"),
        ("int", Numbers(np.zeros(2, np.int32), np.array([True, False])), "row 1 is null"),
        ("string", Numbers(np.zeros(2)), "Numbers for string"),
        ({"type": "fixed", "name": "x", "size": 2}, text_column(["ab", "c"]), "not 2 bytes long"),
        (
            {"type": "enum", "name": "x", "symbols": ["A", "B"]},
            Enums(np.zeros(2, np.int32), ("B", "A")),
            "symbols",
        ),
    ],
)
def test_a_column_that_does_not_fit_is_refused_by_name(
    kind: Any, column: Column, sentence: str
) -> None:
    """Never a silent wrap, a rounding, or a shifted row."""
    with pytest.raises(ValueError, match=r"Field `wrong` can't be written: .*" + sentence):
        compile_encoder(record(("wrong", kind))).encode({"wrong": column}, 2)


def test_missing_and_unknown_columns_are_refused_by_name() -> None:
    """A typo in a path is no silent default."""
    encoder = compile_encoder(record(("a", "int")))
    with pytest.raises(ValueError, match="no column for field `a`"):
        encoder.encode({}, 0)
    with pytest.raises(ValueError, match="no field `b`"):
        encoder.encode({"a": Constant(1), "b": Constant(1)}, 1)


def test_only_a_record_has_columns() -> None:
    """A top-level long has no field to name."""
    with pytest.raises(TypeError, match="not long"):
        compile_encoder(parse("long"))
