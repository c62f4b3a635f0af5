"""Schema resolution, rule by rule (Avro 1.12, "Schema Resolution"), in both decoders at once."""

from __future__ import annotations

import math
from typing import Any

import pytest

from stream_scorer.avro.plan import compile_plan
from stream_scorer.avro.resolution import PROMOTIONS
from stream_scorer.avro.schema import leaf_paths, parse
from stream_scorer.errors import ContractError
from tests.avro.decoding import decode, record, values_of, written

PRIMITIVES = ("null", "boolean", "int", "long", "float", "double", "bytes", "string")


def _refused(writer: Any, reader: Any) -> str:
    """Return why no event of the writer can be read."""
    with pytest.raises(ContractError) as caught:
        compile_plan(parse(writer), parse(reader), list(leaf_paths(parse(reader))))
    return str(caught.value)


@pytest.mark.parametrize(
    ("writer", "value", "reader", "expected"),
    [
        ("int", -5, "long", -5),
        ("int", 2**31 - 1, "float", 2.0**31),
        ("int", 2**31 - 1, "double", 2.0**31 - 1),
        ("long", 2**53 + 1, "double", 2.0**53),
        ("long", 2**60 + 2**36 + 1, "float", 2.0**60 + 2.0**37),
        ("float", 0.5, "double", 0.5),
        ("string", "grün", "bytes", "grün".encode()),
        ("bytes", "grün".encode(), "string", "grün".encode()),
    ],
)
def test_a_primitive_is_promoted(writer: str, value: Any, reader: str, expected: Any) -> None:
    """To a wider one, in one rounding: a long to a float never goes by way of a double."""
    event = written(record(("x", writer)), {"x": value})
    assert values_of(record(("x", writer)), [event], record(("x", reader))) == {"x": [expected]}


@pytest.mark.parametrize("reader", PRIMITIVES)
@pytest.mark.parametrize("writer", PRIMITIVES)
def test_primitives_match_only_themselves_and_their_promotions(writer: str, reader: str) -> None:
    """Any other pair is refused by name."""
    if writer == reader or (writer, reader) in PROMOTIONS:
        compile_plan(parse(record(("x", writer))), parse(record(("x", reader))), ["x"])
    else:
        reason = _refused(record(("x", writer)), record(("x", reader)))
        assert reason == f"Field 'x' is written as {writer}, which can't be read as {reader}."


def test_fields_are_found_by_name_in_any_order_and_the_writers_others_are_skipped() -> None:
    """The reader's order and the writer's need not agree."""
    writer = record(("a", "int"), ("gone", "string"), ("b", "double"))
    event = written(writer, {"a": 1, "gone": "x", "b": 2.5})
    reader = record(("b", "double"), ("a", "int"))
    assert values_of(writer, [event], reader) == {"b": [2.5], "a": [1]}


def test_a_field_is_found_by_an_alias_unless_one_has_the_name() -> None:
    """An old name stands in; each writer's field feeds one reader's field."""
    writer = record(("old", "int"), ("name", "int"))
    event = written(writer, {"old": 1, "name": 2})
    reader = record(
        {"name": "new", "type": "int", "aliases": ["older", "old"]},
        {"name": "name", "type": "int", "aliases": ["old"]},
    )
    assert values_of(writer, [event], reader) == {"new": [1], "name": [2]}
    thief = record(
        ("old", "int"), {"name": "copy", "type": "int", "aliases": ["old"], "default": 9}
    )
    assert values_of(writer, [event], thief) == {"old": [1], "copy": [9]}


def test_a_field_that_the_writer_lacks_has_its_default() -> None:
    """At the top, below a record, and null where the record that holds it is null."""
    writer = record(("d", ["null", record(("id", "int"), name="D")]))
    added: dict[str, Any] = {"name": "vendor", "type": "string", "default": "unknown"}
    reader = record(
        ("d", ["null", record(("id", "int"), added, name="D")]),
        {"name": "risk", "type": "double", "default": 0.5},
    )
    events = [written(writer, {"d": {"id": 7}}), written(writer, {"d": None})]
    assert values_of(writer, events, reader) == {
        "d.id": [7, None],
        "d.vendor": [b"unknown", None],
        "risk": [0.5, 0.5],
    }


def test_a_whole_record_that_the_writer_lacks_has_its_default() -> None:
    """Its fields come from the default, and from their own defaults where it is silent."""
    inner = record(("a", "int"), {"name": "b", "type": "string", "default": "b"}, name="In")
    reader = record(
        ("x", "int"),
        {"name": "in", "type": inner, "default": {"a": 3}},
        {"name": "none", "type": ["null", "In"], "default": None},
    )
    writer = record(("x", "int"))
    assert values_of(writer, [written(writer, {"x": 1})], reader) == {
        "x": [1],
        "in.a": [3],
        "in.b": [b"b"],
        "none.a": [None],
        "none.b": [None],
    }


def test_a_field_without_default_that_the_writer_lacks_is_refused() -> None:
    """Whether it is wanted or not: the schemas don't resolve."""
    reason = _refused(record(("x", "int")), record(("x", "int"), ("y", "int")))
    assert reason.startswith("The writer's schema has no field 'y' and the reader's has no default")
    assert 'its old name to its "aliases"' in reason


def test_unqualified_names_match_and_aliases_of_types_do() -> None:
    """The namespace may change; another name needs an alias."""
    writer = record(("x", "int"), name="a.Event")
    event = written(writer, {"x": 1})
    for reader in (record(("x", "int"), name="b.c.Event"), _aliased("New", "Event")):
        assert values_of(writer, [event], reader) == {"x": [1]}
    reason = _refused(writer, record(("x", "int"), name="Other"))
    assert reason == (
        "The event is written as record a.Event, which can't be read as record Other. If Other is "
        'the same record under a new name, add "aliases": ["a.Event"] to it in the reader'
        "'s schema."
    )
    assert values_of(writer, [event], _aliased("Other", "a.Event")) == {"x": [1]}


@pytest.mark.parametrize(
    "of",
    [
        {"type": "enum", "symbols": ["A"]},
        {"type": "fixed", "size": 2},
        {"type": "record", "fields": []},
    ],
)
def test_a_renamed_type_in_a_field_or_a_union_names_aliases_too(of: dict[str, Any]) -> None:
    """The way out is the same for all that have names; another kind or size has none."""
    writer, reader = {**of, "name": "Old"}, {**of, "name": "New"}
    hint = '"aliases": ["Old"]'
    assert hint in _refused(record(("x", writer)), record(("x", reader)))
    assert hint in _refused(record(("x", writer)), record(("x", ["null", reader])))
    assert hint not in _refused(record(("x", writer)), record(("x", "int")))
    for wrap in (_in_array, _in_map, lambda of: _in_array(_in_map(of))):
        assert hint in _refused(record(("x", wrap(writer))), record(("x", wrap(reader))))
        assert hint in _refused(record(("x", wrap(writer))), record(("x", ["null", wrap(reader)])))
        assert hint not in _refused(record(("x", wrap(writer))), record(("x", reader)))
    if "size" in of:
        assert hint not in _refused(record(("x", writer)), record(("x", {**reader, "size": 3})))


def _in_array(of: Any) -> Any:
    return {"type": "array", "items": of}


def _in_map(of: Any) -> Any:
    return {"type": "map", "values": of}


def _aliased(name: str, alias: str) -> Any:
    return record(("x", "int"), name=name, aliases=[alias])


def test_a_fixed_matches_by_name_and_size() -> None:
    """Neither may differ."""

    def of(name: str, size: int) -> Any:
        return record(("x", {"type": "fixed", "name": name, "size": size}))

    assert values_of(of("F", 2), [b"ab"], of("n.F", 2)) == {"x": [b"ab"]}
    assert "fixed G of 2 bytes" in _refused(of("F", 2), of("G", 2))
    assert "fixed F of 3 bytes" in _refused(of("F", 2), of("F", 3))


def _enum(symbols: str, **attributes: Any) -> dict[str, Any]:
    return {"type": "enum", "name": "E", "symbols": list(symbols), **attributes}


def _symbols(symbols: str, **attributes: Any) -> dict[str, Any]:
    return record(("x", _enum(symbols, **attributes)))


def test_an_enum_goes_by_symbol_not_by_position() -> None:
    """And its columns have the reader's symbols."""
    events = [written(_symbols("abc"), {"x": each}) for each in "cab"]
    assert values_of(_symbols("abc"), events, _symbols("cba")) == {"x": ["c", "a", "b"]}


def test_a_symbol_that_the_reader_lacks_is_its_default_or_makes_the_event_malformed() -> None:
    """It depends on the event: its neighbours are read."""
    events = [written(_symbols("abc"), {"x": each}) for each in "acb"]
    with_default = _symbols("zab", default="z")
    assert values_of(_symbols("abc"), events, with_default) == {"x": ["a", "z", "b"]}
    decoded = decode(_symbols("abc"), events, _symbols("ab"))
    assert decoded.malformed == {1: "Field 'x' is 'c', which is none of the reader's symbols."}


def test_arrays_and_maps_match_if_their_items_do() -> None:
    """Items are promoted one by one; a clash is refused before any event."""

    def arrays(items: Any) -> Any:
        return record(("x", {"type": "array", "items": items}))

    event = written(arrays("int"), {"x": [1, 2]})
    assert values_of(arrays("int"), [event], arrays("double")) == {"x": [[1.0, 2.0]]}
    assert "array of int" in _refused(arrays("int"), arrays("string"))
    maps = record(("x", {"type": "map", "values": "int"}))
    event = written(maps, {"x": {"k": 1}})
    promoted = record(("x", {"type": "map", "values": "float"}))
    assert values_of(maps, [event], promoted) == {"x": [{"k": 1.0}]}
    assert "map of int" in _refused(maps, record(("x", {"type": "map", "values": "bytes"})))


def test_a_value_is_read_by_the_first_branch_of_a_readers_union_that_matches() -> None:
    """Not by the nearest: an int is a double where the double comes first."""
    event = written(record(("x", "int")), {"x": 3})
    first = values_of(record(("x", "int")), [event], record(("x", ["null", "string", "double"])))
    assert first == {"x": [3.0]}
    nearest = values_of(record(("x", "int")), [event], record(("x", ["double", "int"])))
    assert isinstance(nearest["x"][0], float)
    assert "a union of null, string" in _refused(
        record(("x", "int")), record(("x", ["null", "string"]))
    )


def test_a_union_that_has_not_changed_keeps_its_branches() -> None:
    """Though an int would match the double before it, and a long lose its last digits."""
    either = record(("x", ["null", "double", "long"]))
    event = b"\x04" + written("long", 2**60 + 1)
    assert values_of(either, [event]) == {"x": [2**60 + 1]}
    changed = record(("x", ["double", "long", "null"]))
    assert values_of(either, [event], changed) == {"x": [2.0**60]}


@pytest.mark.parametrize("branches", [["null", "double"], ["double", "null"]])
def test_a_writers_union_may_become_its_one_type(branches: list[str]) -> None:
    """The branch that the reader can't take makes an event malformed, and only that event."""
    writer = record(("x", branches), ("y", "int"))
    events = [written(writer, {"x": each, "y": 1}) for each in (2.5, None, 3.5)]
    decoded = decode(writer, events, record(("x", "double"), ("y", "int")))
    assert decoded.malformed == {1: "Field 'x' is written as null, which can't be read as double."}


def test_each_branch_of_a_writers_union_is_resolved_by_itself() -> None:
    """Several branches may end in one column."""
    writer = record(("x", ["string", "null", "int", "long", "float", "boolean"]))
    tagged: list[Any] = ["s", None, 3, 2**40, 0.5, True]
    events = [
        bytes([2 * i]) + written(record(("x", of)), {"x": value})
        for i, (of, value) in enumerate(zip(writer["fields"][0]["type"], tagged, strict=True))
    ]
    decoded = decode(writer, events, record(("x", ["null", "double"])))
    assert sorted(decoded.malformed) == [0, 5]
    assert values_of(writer, events[1:5], record(("x", ["null", "double"]))) == {
        "x": [None, 3.0, 2.0**40, 0.5]
    }


def test_a_writers_union_no_branch_of_which_can_be_read_is_refused() -> None:
    """That no event can show otherwise is known at once."""
    assert "'x'" in _refused(record(("x", ["int", "long"])), record(("x", ["null", "string"])))


def test_decimals_are_numbers_and_match_by_scale() -> None:
    """On bytes and on fixed; the precision may widen, another scale would be another number."""

    def decimal(precision: int, scale: int) -> dict[str, Any]:
        return {"logicalType": "decimal", "precision": precision, "scale": scale}

    writer = record(
        ("b", {"type": "bytes", **decimal(20, 2)}),
        ("f", {"type": "fixed", "name": "F", "size": 4, **decimal(9, 3)}),
    )
    event = b"\x04\xff\x85" + (1_234_567).to_bytes(4, "big")
    assert values_of(writer, [event]) == {"b": [-1.23], "f": [1234.567]}
    wider = record(("b", {"type": "bytes", **decimal(30, 2)}))
    assert values_of(writer, [event], wider) == {"b": [-1.23]}
    other = record(("b", {"type": "bytes", **decimal(20, 4)}))
    assert "decimal of scale 2" in _refused(writer, other)
    assert values_of(writer, [event], record(("b", "bytes"))) == {"b": [b"\xff\x85"]}


def test_logical_types_are_raw_numbers() -> None:
    """A timestamp is its long, a date its int, a UUID its text."""
    writer = record(
        ("at", {"type": "long", "logicalType": "timestamp-micros"}),
        ("day", {"type": "int", "logicalType": "date"}),
        ("id", {"type": "string", "logicalType": "uuid"}),
    )
    plain = record(("at", "long"), ("day", "int"), ("id", "string"))
    event = written(plain, {"at": 1_700_000_000_000_000, "day": 20_000, "id": "no uuid"})
    assert values_of(writer, [event]) == {
        "at": [1_700_000_000_000_000],
        "day": [20_000],
        "id": [b"no uuid"],
    }


@pytest.mark.parametrize(
    ("of", "default", "expected"),
    [
        ("boolean", True, True),
        ("int", 5, 5),
        ("double", 5, 5.0),
        ("double", "NaN", math.nan),
        ("float", 1e-3, 0.0010000000474974513),
        ("bytes", "\u00ff\u0001", b"\xff\x01"),
        ({"type": "fixed", "name": "F", "size": 2}, "\u0000\u00e9", b"\x00\xe9"),
        ("string", "é", "é".encode()),
        (_enum("ab"), "b", "b"),
        ({"type": "array", "items": "int"}, [1, 2], [1, 2]),
        ({"type": "map", "values": "bytes"}, {"k": "\u00ff"}, {"k": b"\xff"}),
        (["null", "int"], None, None),
        (["int", "null"], 4, 4),
        (["null", "int"], 4, 4),
        (["null", "int", "string"], "s", "s"),
        ({"type": "long", "logicalType": "timestamp-millis"}, 12, 12),
        (
            {"type": "bytes", "logicalType": "decimal", "precision": 4, "scale": 2},
            "\u0001\u0000",
            2.56,
        ),
    ],
)
def test_a_default_is_the_value_that_its_json_encodes(of: Any, default: Any, expected: Any) -> None:
    """Bytes are code points; a union's default is one of its first branch that fits."""
    writer = record(("x", "int"))
    reader = record({"name": "y", "type": of, "default": default})
    found = values_of(writer, [b"\x02"], reader)["y"]
    assert repr(found) == repr([expected])


@pytest.mark.parametrize(
    ("of", "default"),
    [
        ("int", 2**31),
        ("int", 1.5),
        ("int", True),
        ("long", "1"),
        ("boolean", 0),
        ("null", 0),
        ("float", 1e300),
        ("double", "much"),
        ("double", [1]),
        ("double", 10**400),
        ("string", 1),
        ("string", "\ud800"),
        ("bytes", "\u0100"),
        ("bytes", 1),
        ({"type": "fixed", "name": "F", "size": 2}, "abc"),
        (_enum("a"), "b"),
        ({"type": "array", "items": "int"}, ["a"]),
        ({"type": "map", "values": "int"}, [1]),
        (["null", "int"], "a"),
        (record(("a", "int"), name="In"), {}),
    ],
)
def test_a_default_that_is_no_value_of_its_type_is_refused(of: Any, default: Any) -> None:
    """By the name of the field, before any event."""
    reader = record({"name": "y", "type": of, "default": default})
    assert _refused(record(("x", "int")), reader).startswith("Field 'y' has the default ")


def test_a_default_that_calls_for_itself_without_end_is_refused() -> None:
    """A record whose default is an empty record, whose default is an empty record."""
    again = {"name": "next", "type": ["Event", "null"], "default": {}}
    reader = {"type": "record", "name": "Event", "fields": [again]}
    assert "which is no union" in _refused(record(("x", "int")), reader)


def test_a_recursive_record_is_resolved_to_a_recursive_record() -> None:
    """Row by row, since columns can't hold it."""
    writer = record(("x", "int"), ("next", ["null", "Event"]))
    reader = record(("next", ["null", "Event"]), ("x", "long"), _added())
    event = written(writer, {"x": 1, "next": {"x": 2, "next": None}})
    inner = {"next": None, "x": 2, "y": "-"}
    assert values_of(writer, [event], reader) == {"next": [inner], "x": [1], "y": [b"-"]}


def _added() -> dict[str, Any]:
    return {"name": "y", "type": "string", "default": "-"}


def test_a_branch_that_fails_deep_within_does_not_spoil_the_others() -> None:
    """A recursive record that can't be read in one branch is found unreadable in the next too."""
    writer = record(
        ("x", ["null", record(("v", "int"), ("next", ["null", "Deep"]), name="Deep")]),
        ("y", ["null", "Deep"]),
    )
    deep = record(("v", "string"), ("next", ["null", "Deep"]), name="Deep")
    reader = record(("x", ["null", deep]), ("y", ["null", "Deep"]))
    events = [
        written(writer, {"x": None, "y": None}),
        written(writer, {"x": None, "y": {"v": 1, "next": None}}),
    ]
    decoded = decode(writer, events, reader, ["x.v", "y.v"])
    assert list(decoded.malformed) == [1]
