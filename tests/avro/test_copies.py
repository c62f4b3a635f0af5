"""Fields that are copied: the same datum, whatever the writer's and the reader's schema.

The oracle reads an event to a datum that keeps the branches of its unions, resolves that for the
reader as the specification says, and compares it with what the copy's bytes are read as. It shares
the parsed types with the decoders, and nothing of how they read, resolve or write.
"""

from __future__ import annotations

import random
import struct
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import event, given, reject
from hypothesis import strategies as st

from stream_scorer.avro.copies import Target
from stream_scorer.avro.plan import compile_plan
from stream_scorer.avro.resolution import PROMOTIONS
from stream_scorer.avro.rows import RowDecoder
from stream_scorer.avro.schema import nullable, parse
from stream_scorer.avro.strict import well_formed
from stream_scorer.avro.types import Array, Enum, Fixed, Map, Record, Type, Union
from stream_scorer.avro.wire import Wire
from stream_scorer.columns import Payloads
from stream_scorer.errors import ConfigError, ContractError
from tests.avro.decoding import ENOUGH_ROWS, record, written
from tests.avro.strategies import Writer, broken, readers, writers
from tests.avro.test_agreement import examples

ROWS = 24


class Refused(Exception):
    """The reader's schema has no place for a datum, or a string is not UTF-8."""


@dataclass(frozen=True)
class Branch:
    """A datum of a union."""

    index: int
    datum: Any


@dataclass
class Datums:
    """Reads one value after the other from an event, all branches and bits kept."""

    data: bytes
    at: int = 0

    def number(self) -> int:
        """Read a varint."""
        value = shift = 0
        while True:
            byte = self.data[self.at]
            self.at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return (value >> 1) ^ -(value & 1)

    def octets(self, size: int) -> bytes:
        """Read so many bytes."""
        self.at += size
        return self.data[self.at - size : self.at]

    def read(self, of: Type) -> Any:
        """Read a value."""
        match of:
            case Record():
                return {each.name: self.read(each.type) for each in of.fields}
            case Union():
                index = self.number()
                return Branch(index, self.read(of.branches[index]))
            case Array():
                return [self.read(of.items) for _ in self.items()]
            case Map():
                return [(self.octets(self.number()), self.read(of.values)) for _ in self.items()]
            case Enum():
                return of.symbols[self.number()]
            case Fixed():
                return self.octets(of.size)
        match of.kind:
            case "int" | "long":
                return self.number()
            case "bytes" | "string":
                return self.octets(self.number())
        return self.octets({"null": 0, "boolean": 1, "float": 4, "double": 8}[of.kind])

    def items(self) -> Any:
        """Go through the items of all blocks."""
        while count := self.number():
            if count < 0:
                self.number()
            yield from range(abs(count))


def whole(data: bytes, of: Type) -> Any:
    """Read bytes that are one value and no more."""
    well_formed(of)(data)
    datums = Datums(data)
    datum = datums.read(of)
    assert datums.at == len(data)
    return datum


def same(writer: Type, reader: Type, seen: tuple[Any, ...] = ()) -> bool:
    """Whether two types have one parsing canonical form."""
    if (writer, reader) in seen:
        return True
    seen = (*seen, (writer, reader))
    if writer.kind != reader.kind:
        return False
    match writer, reader:
        case Record(), Record():
            names = [each.name for each in writer.fields], [each.name for each in reader.fields]
            pairs = zip(writer.fields, reader.fields, strict=False)
            return (
                writer.name == reader.name
                and names[0] == names[1]
                and all(same(a.type, b.type, seen) for a, b in pairs)
            )
        case Union(), Union():
            pairs_of = zip(writer.branches, reader.branches, strict=False)
            return len(writer.branches) == len(reader.branches) and all(
                same(a, b, seen) for a, b in pairs_of
            )
        case Array(), Array():
            return same(writer.items, reader.items, seen)
        case Map(), Map():
            return same(writer.values, reader.values, seen)
        case Enum(), Enum():
            return (writer.name, writer.symbols) == (reader.name, reader.symbols)
        case Fixed(), Fixed():
            return (writer.name, writer.size) == (reader.name, reader.size)
    return True


def matching(writer: Type, reader: Type) -> bool:
    """Whether two types match (Avro 1.12, "Schema Resolution")."""
    match writer, reader:
        case (Union(), _) | (_, Union()):
            return True
        case Array(), Array():
            return matching(writer.items, reader.items)
        case Map(), Map():
            return matching(writer.values, reader.values)
        case ((Record() | Enum() | Fixed()), (Record() | Enum() | Fixed())):
            sizes = getattr(writer, "size", 0), getattr(reader, "size", 0)
            return (writer.kind, writer.name) == (reader.kind, reader.name) and (
                sizes[0] == sizes[1]
            )
    return writer.kind == reader.kind or (writer.kind, reader.kind) in PROMOTIONS


def resolved(datum: Any, writer: Type, reader: Type) -> Any:
    """What a reader makes of a datum."""
    if isinstance(writer, Union):
        inner = writer.branches[datum.index]
        if same(writer, reader):
            assert isinstance(reader, Union)
            return Branch(datum.index, resolved(datum.datum, inner, reader.branches[datum.index]))
        return resolved(datum.datum, inner, reader)
    if isinstance(reader, Union):
        for index, branch in enumerate(reader.branches):
            if matching(writer, branch):
                return Branch(index, resolved(datum, writer, branch))
        raise Refused
    if not matching(writer, reader):
        raise Refused
    match writer, reader:
        case Record(), Record():
            return fields(datum, writer, reader)
        case Array(), Array():
            return [resolved(each, writer.items, reader.items) for each in datum]
        case Map(), Map():
            return [
                (utf8(key), resolved(each, writer.values, reader.values)) for key, each in datum
            ]
        case Enum(), Enum():
            if datum not in reader.symbols and reader.default is None:
                raise Refused
            return datum if datum in reader.symbols else reader.default
    return promoted(datum, writer.kind, reader.kind)


def promoted(datum: Any, writer: str, reader: str) -> Any:
    """A primitive value of another kind; floats are their bytes."""
    match writer, reader:
        case _, "string":
            return utf8(datum)
        case "float", "double":
            single = np.frombuffer(datum, "<f4")
            with np.errstate(invalid="ignore"):
                return single.astype("<f8").tobytes()
        case (("int" | "long"), "double"):
            return struct.pack("<d", datum)
        case (("int" | "long"), "float"):
            return np.array([datum], np.int64).astype("<f4").tobytes()
    return datum


def utf8(octets: bytes) -> bytes:
    """A string's bytes."""
    try:
        octets.decode()
    except UnicodeDecodeError:
        raise Refused from None
    return octets


def fields(datum: Any, writer: Record, reader: Record) -> dict[str, Any]:
    """A record's fields for a reader, by name before by alias, or else by default."""
    written_fields = {each.name: each for each in writer.fields}
    found = {}
    for each in reader.fields:
        names = [name for name in (each.name, *each.aliases) if name in written_fields]
        if names:
            source = written_fields[names[0]]
            found[each.name] = resolved(datum[source.name], source.type, each.type)
        else:
            found[each.name] = default(each.default, each.type)
    return found


def default(json: Any, of: Type) -> Any:
    """The datum of a default."""
    match of:
        case Union():
            for index, branch in enumerate(of.branches):
                if fits(json, branch):
                    return Branch(index, default(json, branch))
            raise AssertionError(json)
        case Array():
            return [default(each, of.items) for each in json]
        case Map():
            return [(key.encode(), default(each, of.values)) for key, each in json.items()]
        case Record():
            return {each.name: default(json[each.name], each.type) for each in of.fields}
    match of.kind:
        case "null":
            return b""
        case "boolean":
            return bytes([json])
        case "float" | "double":
            return struct.pack("<f" if of.kind == "float" else "<d", json)
        case "string":
            return json.encode()
        case "bytes" | "fixed":
            return json.encode("iso-8859-1")
    return json


def fits(json: Any, of: Type) -> bool:
    """Whether the JSON of a default is one of a type, of those that the strategies draw."""
    kinds = {type(None): "null", int: "long", float: "double", str: "string"}
    return kinds[type(json)] == of.kind


def at(datum: Any, of: Type, path: list[str]) -> tuple[Any, bool]:
    """What stands at a path of a resolved event, and whether a null does, of a record above."""
    for name in path:
        if isinstance(of, Union):
            of = of.branches[datum.index]
            datum = datum.datum
        if of.kind == "null":
            return None, True
        assert isinstance(of, Record)
        datum, of = datum[name], next(each.type for each in of.fields if each.name == name)
    return datum, False


def lifted(datum: Any, target: Target, *, null_above: bool) -> Any:
    """The datum as it is copied: below a nullable record it may be null."""
    if not target.lifted:
        branches = target.of.branches if isinstance(target.of, Union) else ()
        nulls = [index for index, each in enumerate(branches) if each.kind == "null"]
        if not null_above:
            return datum
        return Branch(nulls[0], b"") if nulls else b""
    if null_above:
        return Branch(0, b"")
    if isinstance(target.of, Union):
        return Branch(datum.index + 1, datum.datum)
    return Branch(1, datum)


def scored_type(target: Target) -> Type:
    """The type that a field is copied as."""
    if not target.lifted:
        return target.of
    inner = target.of.branches if isinstance(target.of, Union) else (target.of,)
    return Union((parse("null").root, *inner))


def paths_of(of: Type, before: str = "", depth: int = 0) -> list[str]:
    """Every field, records and what is in them included."""
    found = []
    inner, _ = nullable(of)
    if isinstance(inner, Record) and depth < 3:
        for each in inner.fields:
            path = f"{before}{each.name}"
            found += [path, *paths_of(each.type, f"{path}.", depth + 1)]
    return found


def copies_of(
    writer: Any, reader: Any, events: list[bytes], copied: list[str], read: list[str] | None = None
) -> tuple[list[dict[str, bytes]], dict[int, str], bool]:
    """What columns and rows both copy of each event, why some are malformed, and if by columns."""
    schemas = parse(writer), parse(reader)
    plan = compile_plan(*schemas, read or [], copied)
    payloads = Payloads.of(events)
    twin = RowDecoder(*schemas, read or [], copied).decode(payloads)
    decoded = plan.decode(payloads)
    assert decoded.malformed == twin.malformed
    rows: list[dict[str, bytes]] = [{} for _ in events]
    for path, column in decoded.copied.items():
        by_column, by_row = column.octets.to_bytes(), twin.copied[path].octets.to_bytes()
        for row, content in enumerate(by_column):
            if row not in decoded.malformed:
                assert content == by_row[row], (path, row)
                rows[row][path] = content
    return rows, decoded.malformed, plan.fallback is None


@examples(250)
@given(st.data(), st.integers(0, 2**32), st.sampled_from([0.0, 0.0, 0.3]))
def test_a_copy_is_the_datum_as_the_reader_has_it(
    data: st.DataObject, seed: int, share_broken: float
) -> None:
    """For any pair of schemas, by columns and by rows; where they agree, byte for byte."""
    source = data.draw(writers())
    equal = data.draw(st.booleans())
    writer = parse(source)
    try:
        reader = writer if equal else parse(data.draw(readers(source)))
    except ConfigError:  # a field that was dropped held a definition
        reject()
    paths = paths_of(reader.root)
    copied = [path for path in paths if data.draw(st.integers(0, 2))]
    rng = random.Random(seed)  # noqa: S311 - events, not secrets
    made = Writer(rng)
    sound = [made.event(writer.root) for _ in range(ROWS)]
    events = [broken(rng, each) if rng.random() < share_broken else each for each in sound]
    read = [path for path in copied if data.draw(st.integers(0, 3)) == 0]
    try:
        copies, malformed, columnar = copies_of(writer.json, reader.json, events, copied, read)
    except ContractError:
        reject()
    event("equal" if equal else "evolved")
    event("columnar" if columnar else "row by row")
    targets = {path: Target.at(reader, path) for path in copied}
    for row, content in enumerate(events):
        if content is not sound[row] or row in malformed:
            continue
        written_datum = whole(content, writer.root)
        for path, target in targets.items():
            names = path.split(".")
            datum, null_above = expected(written_datum, writer.root, reader.root, names)
            if target.lifted or null_above:
                datum = lifted(datum, target, null_above=null_above)
            assert whole(copies[row][path], scored_type(target)) == datum, path
            if equal and not null_above and not (target.lifted and isinstance(target.of, Union)):
                branch = b"\x02" if target.lifted else b""
                assert copies[row][path] == branch + span(content, writer.root, names), path


def expected(datum: Any, writer: Type, reader: Type, path: list[str]) -> tuple[Any, bool]:
    """What is to be copied at a path, without a look at any field beside it."""
    if not path:
        return resolved(datum, writer, reader), False
    if isinstance(writer, Union):
        inner = writer.branches[datum.index]
        if same(writer, reader):
            assert isinstance(reader, Union)
            reader = reader.branches[datum.index]
        return expected(datum.datum, inner, reader, path)
    if isinstance(reader, Union):
        reader = next(each for each in reader.branches if matching(writer, each))
    if reader.kind == "null":
        return None, True
    assert isinstance(writer, Record)
    assert isinstance(reader, Record)
    name, *below = path
    field = next(each for each in reader.fields if each.name == name)
    fed = {each.name: each for each in writer.fields}
    names = [each for each in (name, *field.aliases) if each in fed]
    if not names:
        return at(default(field.default, field.type), field.type, below)
    return expected(datum[names[0]], fed[names[0]].type, field.type, below)


def span(data: bytes, of: Type, path: list[str]) -> bytes:
    """The bytes of an event at which a field stands."""
    datums = Datums(data)
    for name in path:
        if isinstance(of, Union):
            of = of.branches[datums.number()]
        assert isinstance(of, Record)
        for each in of.fields:
            if each.name == name:
                of = each.type
                break
            datums.read(each.type)
    start = datums.at
    datums.read(of)
    return data[start : datums.at]


CREATED = record(("id", "long"), name="Created")
DELETED = record(("id", "long"), name="Deleted")
COLOUR = {"type": "enum", "name": "Colour", "symbols": ["RED", "BLUE"]}
NODE = record(("value", "int"), ("next", ["null", "Node"]), name="Node")


def one(writer: Any, reader: Any, content: bytes) -> bytes:
    """The copy of an event's only field, of which the bytes are these."""
    events = [content] * ENOUGH_ROWS
    copies, malformed, _ = copies_of(record(("x", writer)), record(("x", reader)), events, ["x"])
    assert not malformed
    return copies[0]["x"]


@pytest.mark.parametrize(
    ("of", "content"),
    [
        ([CREATED, DELETED], b"\x02\x0e"),
        (["string", COLOUR], b"\x02\x00"),
        (["null", "int", "long"], b"\x04\x0a"),
        (["float", "double"], b"\x02" + struct.pack("<d", 0.5)),
        (["bytes", {"type": "fixed", "name": "Two", "size": 2}], b"\x02ab"),
        ({"type": "map", "values": ["int", "long"]}, b"\x02\x02k\x02\x0a\x00"),
        ({"type": "array", "items": [CREATED, DELETED]}, b"\x04\x02\x02\x00\x04\x00"),
        (record(("y", [CREATED, DELETED]), name="Inner"), b"\x02\x0e"),
        ("double", struct.pack("<d", -0.0)),
        ("double", b"\x01\0\0\0\0\0\xf0\x7f"),
        ("float", b"\x01\0\xa0\x7f"),
        ("long", b"\x85\x80\x00"),
        (["null", "int"], b"\x82\x00\x06"),
        ({"type": "array", "items": "int"}, b"\x02\x02\x03\x04\x04\x06\x00"),
        ({"type": "map", "values": "int"}, b"\x02\x02a\x02\x02\x02a\x04\x00"),
        ({"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2}, b"\x06\0\0\x7b"),
        ({"type": "string", "logicalType": "uuid"}, b"\x04ab"),
        ({"type": "long", "logicalType": "timestamp-micros"}, b"\x01"),
        (NODE, b"\x02\x02\x04\x02\x06\x00"),
        (["null", NODE], b"\x02\x02\x02\x04\x00"),
    ],
)
def test_where_writer_and_reader_agree_the_copy_is_the_event_s_bytes(
    of: Any, content: bytes
) -> None:
    """Branches, each bit of a number, overlong varints, blocks, keys that come twice."""
    assert one(of, of, content) == content


@pytest.mark.parametrize(
    ("writer", "reader", "content", "copy"),
    [
        ([CREATED, DELETED], ["null", DELETED, CREATED], b"\x02\x0e", b"\x02\x0e"),
        ([CREATED, DELETED], ["null", DELETED, CREATED], b"\x00\x0e", b"\x04\x0e"),
        (DELETED, [CREATED, DELETED], b"\x0e", b"\x02\x0e"),
        ([CREATED, DELETED], DELETED, b"\x02\x0e", b"\x0e"),
        (["null", "int"], ["null", "string", "long"], b"\x02\x0e", b"\x04\x0e"),
        ("int", "long", b"\x8e\x00", b"\x8e\x00"),
        ("int", "double", b"\x0e", struct.pack("<d", 7)),
        ("long", "float", b"\x0e", struct.pack("<f", 7)),
        ("float", "double", struct.pack("<f", -0.0), struct.pack("<d", -0.0)),
        ("string", "bytes", b"\x02\xff", b"\x02\xff"),
        ("bytes", "string", b"\x02a", b"\x02a"),
        (
            {"type": "array", "items": "int"},
            {"type": "array", "items": "double"},
            b"\x02\x02\x02\x04\x00",
            b"\x04" + struct.pack("<dd", 1, 2) + b"\x00",
        ),
        (
            {"type": "map", "values": "int"},
            {"type": "map", "values": ["null", "int"]},
            b"\x02\x02k\x02\x00",
            b"\x02\x02k\x02\x02\x00",
        ),
        (
            ["null", {"type": "array", "items": "int"}],
            [{"type": "array", "items": "long"}, "null"],
            b"\x02\x01\x02\x02\x02\x04\x00",
            b"\x00\x01\x02\x02\x02\x04\x00",
        ),
        (COLOUR, {**COLOUR, "symbols": ["BLUE", "RED"]}, b"\x00", b"\x02"),
        (COLOUR, {**COLOUR, "symbols": ["BLUE"], "default": "BLUE"}, b"\x00", b"\x00"),
        (
            record(("a", "int"), ("b", "string"), name="R"),
            record(
                ("b", "string"),
                {"name": "c", "type": ["string", "null"], "default": "d"},
                {"name": "z", "type": "int", "aliases": ["a"]},
                name="R",
            ),
            b"\x02\x02x",
            b"\x02x\x00\x02d\x02",
        ),
        (
            NODE,
            record(("value", "long"), ("next", ["Node", "null"]), name="Node"),
            b"\x02\x02\x04\x00",
            b"\x02\x00\x04\x02",
        ),
    ],
)
def test_where_they_differ_the_copy_is_resolved_with_its_branch(
    writer: Any, reader: Any, content: bytes, copy: bytes
) -> None:
    """A branch by the reader's index, values promoted, symbols and fields in the reader's order."""
    assert one(writer, reader, content) == copy


def test_a_field_of_a_nullable_record_is_copied_with_one_branch_more() -> None:
    """Null where the record is; a union's own branches come after it."""
    array = {"type": "array", "items": "int"}
    fields = ("u", ["int", "long"]), ("n", ["string", "null"]), ("v", "int"), ("a", array)
    schema = record(("r", ["null", record(*fields, name="Inner")]), ("last", "int"))
    null = written(schema, {"r": None, "last": 1})
    blocks = b"\x01\x02\x02\x02\x04\x00"
    there = b"\x02" + b"\x02\x0e" + b"\x02" + b"\x86\x00" + blocks + b"\x02"
    paths = ["r.u", "r.n", "r.v", "r.a"]
    copies, malformed, columnar = copies_of(schema, schema, [null, there] * ENOUGH_ROWS, paths)
    assert columnar
    assert not malformed
    assert copies[0] == {"r.u": b"\x00", "r.n": b"\x02", "r.v": b"\x00", "r.a": b"\x00"}
    assert copies[1] == {
        "r.u": b"\x04\x0e",
        "r.n": b"\x02",
        "r.v": b"\x02\x86\x00",
        "r.a": b"\x02" + blocks,
    }


def test_of_two_branches_named_alike_the_one_of_the_same_full_name_is_taken() -> None:
    """The specification matches unqualified names, which alone would take the first."""
    first = record(("id", "int"), name="Change", namespace="a")
    second = record(("id", "int"), name="Change", namespace="b")
    assert one([first, second], [first, second, "null"], b"\x02\x0e") == b"\x02\x0e"


def test_of_two_branches_with_aliases_alike_the_one_that_has_the_full_name_is_taken() -> None:
    """Both match by unqualified names; a branch's own name goes before another's alias."""
    one_name, other = (record(("id", "int"), name="Change", namespace=each) for each in "ab")
    renamed = [
        {**record(("id", "int"), name="First", namespace="n"), "aliases": ["a.Change"]},
        {**record(("id", "int"), name="Second", namespace="n"), "aliases": ["b.Change"]},
    ]
    assert one([one_name, other], renamed, b"\x00\x0e") == b"\x00\x0e"
    assert one([one_name, other], renamed, b"\x02\x0e") == b"\x02\x0e"
    assert one(other, ["null", *renamed], b"\x0e") == b"\x04\x0e"
    assert one(other, [renamed[1], other], b"\x0e") == b"\x02\x0e"


@pytest.mark.parametrize("of", ["string", ["null", "string"], {"type": "map", "values": "int"}])
def test_a_copied_string_that_is_no_utf8_is_malformed(of: Any) -> None:
    """It would reach whoever reads the scored event."""
    content = {"string": b"\x02\xff", "union": b"\x02\x02\xff"}
    sort = of if isinstance(of, str) else "union" if isinstance(of, list) else "map"
    event_bytes = content.get(sort, b"\x02\x02\xff\x02\x00")
    schema = record(("x", of))
    _, malformed, _ = copies_of(schema, schema, [event_bytes] * ENOUGH_ROWS, ["x"])
    assert "not UTF-8" in malformed[0]
    assert len(malformed) == ENOUGH_ROWS


@pytest.mark.parametrize(
    "of",
    [
        [CREATED, DELETED],
        {"type": "map", "values": ["int", "string"]},
        {"type": "array", "items": [CREATED, DELETED]},
        record(("y", ["null", "string"]), name="Inner"),
    ],
)
def test_what_is_copied_as_it_is_goes_by_columns(of: Any) -> None:
    """No value is made of it, so none must fit a column, and no row is left to the twin."""
    schema = parse(record(("x", of), ("last", "double")))
    plan = compile_plan(schema, schema, ["last"], ["x"])
    assert plan.fallback is None
    made = Writer(random.Random(1))  # noqa: S311 - events, not secrets
    events = [each for each in (made.event(schema.root) for _ in range(400)) if not made.odd]
    no_utf8 = RowDecoder(schema, schema, [], ["x"]).decode(Payloads.of(events)).malformed
    wire = Wire.of(Payloads.of([each for row, each in enumerate(events) if row not in no_utf8]))
    assert len(wire) > len(events) // 2
    assert plan._step is not None
    plan._step(wire, {})
    assert (wire.at == wire.end).all()
