"""The columnar plan: which schemas it covers, and how it behaves beside odd rows."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest

from stream_scorer.avro.plan import Plan, compile_plan
from stream_scorer.avro.schema import leaf_paths, parse
from stream_scorer.avro.wire import Wire
from stream_scorer.columns import Lists, Numbers, Payloads, Texts
from stream_scorer.errors import ConfigError
from tests.avro.decoding import ENOUGH_ROWS, decode, plain, record, values_of, written

ENUM = {"type": "enum", "name": "Grade", "symbols": ["low", "mid", "high"]}
FIXED = {"type": "fixed", "name": "Hash", "size": 3}


def _array(items: Any) -> dict[str, Any]:
    return {"type": "array", "items": items}


def _plan(schema: Any, wanted: list[str] | None = None) -> Plan:
    parsed = parse(schema)
    return compile_plan(parsed, parsed, list(leaf_paths(parsed)) if wanted is None else wanted)


SHAPES: list[tuple[Any, list[Any]]] = [
    ("null", [None, None]),
    ("boolean", [True, False]),
    ("int", [-(2**31), 2**31 - 1, 0, 63, 64, -65]),
    ("long", [-(2**63), 2**63 - 1, 2**55, 2**56, 1, -(2**34)]),
    ("float", [0.5, -1.0]),
    ("double", [0.1, 1e308]),
    ("bytes", [b"", b"\xff\x00", b"x" * 300]),
    ("string", ["", "ascii", "grün", "x" * 300, "✓" * 30]),
    (ENUM, ["high", "low"]),
    (FIXED, [b"abc", b"\xff\xfe\xfd"]),
    (["null", "double"], [None, 1.5]),
    (["double", "null"], [None, 1.5]),
    (["null", "float"], [0.5, 0.25]),
    (["null", "boolean"], [None, True, False]),
    (["int", "null"], [None, 3, 300]),
    (["null", "string"], ["x", None, ""]),
    (["null", ENUM], ["mid", None]),
    (["null", _array("double")], [[1.0], None, []]),
    (_array("double"), [[1.0, 2.0], [3.0, 4.0]]),
    (_array("float"), [[1.0], [], [2.0, 3.0]]),
    (_array("int"), [[1], [], [2, 300, -5]]),
    (_array("boolean"), [[True], [], [False, True]]),
    (_array("string"), [["a", ""], [], ["grün"]]),
    (_array("bytes"), [[b"a"], []]),
    (_array(ENUM), [["low", "high"], []]),
    (_array(FIXED), [[b"abc", b"def"], []]),
    (_array(["null", "double"]), [[1.0, None], [], [None]]),
    (_array(_array("double")), [[[1.0, 2.0], [3.0, 4.0]], [[5.0, 6.0], [7.0, 8.0]]]),
    (_array(_array("long")), [[[1], []], [], [[2, 3], [4], []]]),
    (_array(_array(_array("float"))), [[[[1.0]]], [[]], [[[2.0], []], []]]),
]


@pytest.mark.parametrize(("of", "values"), SHAPES, ids=lambda each: str(each)[:60])
def test_a_field_is_read_and_skipped_by_columns(of: Any, values: list[Any]) -> None:
    """Between fields of other widths, alone or among others, and nothing of it is left to rows."""
    schema = record(("before", "string"), ("x", of), ("after", "double"))
    events = [written(schema, {"before": "é", "x": v, "after": i}) for i, v in enumerate(values)]
    assert _plan(schema).fallback is None
    expected = [v.encode() if isinstance(v, str) and of != ENUM else v for v in values]
    read = values_of(schema, events)
    if of in ("string", ["null", "string"]):
        assert read["x"] == expected
    elif of == _array("string"):
        assert read["x"] == [[text.encode() for text in each] for each in values]
    else:
        assert read["x"] == values
    skipped = decode(schema, events, wanted=["after"])
    assert plain(skipped.columns["after"]) == list(range(len(values)))
    for wanted in (["x"], ["after"]):
        _assert_all_by_columns(_plan(schema, wanted), events)


SKIPPED: list[tuple[Any, list[Any]]] = [
    ({"type": "map", "values": "long"}, [{}, {"a": 1, "bb": 300}]),
    ({"type": "map", "values": _array("string")}, [{"k": ["x", "y"]}, {"k": []}]),
    (["int", "string", "null", FIXED], [3, "text", None, b"abc"]),
    (["null", "double", "float"], [1.5, None]),
    (["null", record(("a", "int"), ("b", "string"), name="In")], [None, {"a": 1, "b": "x"}]),
    (_array(record(("a", "int"), ("b", "boolean"), name="In")), [[{"a": 1, "b": True}], []]),
    (_array(record(("a", "double"), ("b", "float"), name="In")), [[{"a": 1, "b": 2}] * 3, []]),
]


@pytest.mark.parametrize(("of", "values"), SKIPPED, ids=lambda each: str(each)[:60])
def test_what_columns_cannot_hold_is_still_skipped_by_columns(of: Any, values: list[Any]) -> None:
    """Maps, unions of any types, arrays of records."""
    schema = record(("before", "long"), ("x", of), ("after", "string"))
    events = [written(schema, {"before": 1, "x": each, "after": "z"}) for each in values]
    plan = _plan(schema, ["before", "after"])
    assert plan.fallback is None
    _assert_all_by_columns(plan, events)
    decoded = decode(schema, events, wanted=["before", "after"])
    assert plain(decoded.columns["after"]) == [b"z"] * len(values)


def _assert_all_by_columns(plan: Plan, events: list[bytes]) -> None:
    """Assert that steps alone bring every row to its end."""
    assert plan._step is not None
    wire = Wire.of(Payloads.of(events * (ENOUGH_ROWS // len(events) + 1)))
    plan._step(wire, {})
    assert (wire.at == wire.end).all()


def test_blocks_of_any_size_and_number_are_read_by_columns() -> None:
    """Some writers state a block's size in bytes, some flush their arrays in several blocks."""
    schema = record(("x", _array("int")), ("y", _array("double")))
    double = written("double", 0.5)
    events = [
        b"\x02\x02\x03\x04\x04\x06\x00" + b"\x02" + double + b"\x04" + double * 2 + b"\x00",
        b"\x06\x02\x04\x06\x00" + b"\x05\x30" + double * 3 + b"\x00",
        b"\x05\x06\x02\x04\x06\x00" + b"\x01\x10" + double + b"\x03\x20" + double * 2 + b"\x00",
    ]
    assert values_of(schema, events) == {"x": [[1, 2, 3]] * 3, "y": [[0.5] * 3] * 3}
    _assert_all_by_columns(_plan(schema), events)


def test_many_numbers_in_an_array_are_read_at_once_and_each_is_checked() -> None:
    """One to ten bytes long; too long, too large or too few of them only cost their own row."""
    longs = [1 << bits for bits in range(63)] * 2
    schema = record(("x", _array("long")), ("y", _array("int")))
    sound = written(schema, {"x": longs, "y": longs[:31]})
    row = written(schema, {"x": [5] * 100, "y": [-6] * 50})
    broken = [
        row.replace(b"\x0a", b"\x80" * 10 + b"\x00", 1),  # a number of 11 bytes
        row[:-10],
        row.replace(b"\x0b", b"\x80\x80\x80\x80\x10", 1),  # beyond 32 bits
        row.replace(b"\x0a", b"\xff" * 9 + b"\x03", 1),  # beyond 64 bits
        row + b"\x00",
    ]
    decoded = decode(schema, [sound, broken[0], row, *broken[1:], sound])
    assert sorted(decoded.malformed) == [1, 3, 4, 5, 6]
    assert [plain(decoded.columns["x"])[i] for i in (0, 2, 7)] == [longs, [5] * 100, longs]
    assert [plain(decoded.columns["y"])[i] for i in (0, 2)] == [longs[:31], [-6] * 50]
    _assert_all_by_columns(_plan(schema), [sound, row])


def test_nested_and_nullable_records_are_read_by_columns() -> None:
    """Below a null record every field is null, whatever its type."""
    inner = record(("id", "string"), ("n", "long"), ("xs", _array("float")), ("g", ENUM), name="In")
    outer = record(("in", ["null", inner]), ("d", "double"), name="Out")
    schema = record(("a", outer), ("b", [outer["name"], "null"]))
    full = {"in": {"id": "x", "n": 5, "xs": [1.0, 2.0], "g": "mid"}, "d": 0.5}
    bare = {"in": None, "d": 1.5}
    values = [{"a": full, "b": None}, {"a": bare, "b": full}, {"a": bare, "b": bare}]
    events = [written(schema, each) for each in values]
    assert values_of(schema, events) == {
        "a.in.id": [b"x", None, None],
        "a.in.n": [5, None, None],
        "a.in.xs": [[1.0, 2.0], None, None],
        "a.in.g": ["mid", None, None],
        "a.d": [0.5, 1.5, 1.5],
        "b.in.id": [None, b"x", None],
        "b.in.n": [None, 5, None],
        "b.in.xs": [None, [1.0, 2.0], None],
        "b.in.g": [None, "mid", None],
        "b.d": [None, 0.5, 1.5],
    }
    _assert_all_by_columns(_plan(schema), events)


def test_columns_have_the_dtype_of_the_readers_type() -> None:
    """And no mask where nothing is null."""
    kinds = {"boolean": "bool", "int": "int32", "long": "int64", "float": "float32"}
    kinds["double"] = "float64"
    schema = record(*((kind, kind) for kind in kinds), ("n", ["null", "int"]))
    value = {"boolean": True, "int": 1, "long": 2, "float": 0.5, "double": 0.25, "n": 4}
    decoded = decode(schema, [written(schema, value)])
    for path, dtype in {**kinds, "n": "int32"}.items():
        column = decoded.columns[path]
        assert isinstance(column, Numbers)
        assert column.values.dtype == dtype
        assert column.present is None


def test_texts_share_the_buffer_of_the_events() -> None:
    """No byte of a string is copied."""
    schema = record(("s", "string"))
    payloads = Payloads.of([written(schema, {"s": f"text {i}"}) for i in range(50)])
    texts = _plan(schema).decode(payloads).columns["s"]
    assert isinstance(texts, Texts)
    assert texts.buffer is payloads.buffer
    assert texts.to_bytes()[49] == b"text 49"


def test_events_may_lie_anywhere_in_a_buffer() -> None:
    """Behind framing, with gaps, in any order, at its very end."""
    schema = record(("s", "string"), ("n", ["null", "double"]), ("x", "long"))
    values = [{"s": "a" * i, "n": None, "x": 1 << i} for i in range(30)]
    events = [written(schema, each) for each in values]
    buffer = b"\x00\x00\x00\x00\x07".join([b"", *events])
    ends = np.cumsum([5 + len(each) for each in events])
    starts = ends - [len(each) for each in events]
    backwards = Payloads(buffer, starts[::-1].copy(), ends[::-1].copy())
    decoded = _plan(schema).decode(backwards)
    assert not decoded.malformed
    assert plain(decoded.columns["x"]) == [1 << i for i in reversed(range(30))]
    assert plain(decoded.columns["s"]) == [b"a" * i for i in reversed(range(30))]


@pytest.mark.parametrize("rows", [0, 1, 3, 4, 15, 16, 1024])
def test_any_number_of_events_gives_that_many_rows(rows: int) -> None:
    """None, too few for columns, and many."""
    schema = record(("s", ["null", "string"]), ("x", _array("double")), ("d", "double"))
    event = written(schema, {"s": "é", "x": [1.0], "d": 2.0})
    decoded = _plan(schema).decode(Payloads.of([event] * rows))
    assert {path: len(column) for path, column in decoded.columns.items()} == dict.fromkeys(
        ("s", "x", "d"), rows
    )
    assert plain(decoded.columns["x"]) == [[1.0]] * rows


def test_one_malformed_row_among_many_is_told_by_number() -> None:
    """Whatever is wrong with it, its neighbours keep every value."""
    schema = record(("s", "string"), ("x", _array("int")), ("n", ["null", "double"]))
    values = [{"s": f"row {i}", "x": [i, i + 1], "n": i / 4} for i in range(100)]
    events = [written(schema, each) for each in values]
    events[17] = events[17][:-3]
    events[99] += b"\x00"
    events[0] = b"\x80" * 30
    decoded = _plan(schema).decode(Payloads.of(events))
    assert sorted(decoded.malformed) == [0, 17, 99]
    sound = [i for i in range(100) if i not in decoded.malformed]
    assert [plain(decoded.columns["x"])[i] for i in sound] == [[i, i + 1] for i in sound]
    assert [plain(decoded.columns["s"])[i] for i in sound] == [f"row {i}".encode() for i in sound]
    assert [plain(decoded.columns["n"])[i] for i in sound] == [i / 4 for i in sound]


def test_a_row_that_is_much_longer_than_its_neighbours_does_not_hold_them_up() -> None:
    """Its last items are not worth a pass over all rows each: it is decoded by itself."""
    schema = record(("x", _array("string")))
    events = [written(schema, {"x": ["a"] * (5000 if i == 7 else 2)}) for i in range(64)]
    column = _plan(schema).decode(Payloads.of(events)).columns["x"]
    assert isinstance(column, Lists)
    assert column.lengths.tolist() == [5000 if i == 7 else 2 for i in range(64)]


@pytest.mark.parametrize(
    ("of", "wanted", "reason"),
    [
        ({"type": "map", "values": "int"}, "x", "Field 'x' is read and holds a map, so"),
        (["int", "string"], "x", "Field 'x' is read and holds a union, so"),
        (record(("a", "int"), name="In"), "x", "Field 'x' is read and holds a whole record, so"),
        (_array("null"), "x", "Field 'x' is read and holds an array of null, so"),
        (_array({"type": "map", "values": "int"}), "x", "Field 'x' is read and holds a map, so"),
        (["null", "Event"], "y", "Field 'x' of the writer may hold the record that it is in, so"),
    ],
)
def test_what_goes_row_by_row_says_which_field_is_the_cause(
    of: Any, wanted: str, reason: str
) -> None:
    """In one sentence for ``check``."""
    plan = _plan(record(("x", of), ("y", "int")), [wanted])
    assert plan.fallback is not None
    assert plan.fallback.startswith(reason)
    assert plan.fallback.endswith("every event is decoded by itself.")


def test_a_field_that_is_not_wanted_does_not_force_rows() -> None:
    """Skipped, a map or a union costs only its bytes."""
    schema = record(("m", {"type": "map", "values": "int"}), ("y", "int"))
    assert _plan(schema, ["y"]).fallback is None


def test_an_unknown_path_is_refused() -> None:
    """With the nearest field there is."""
    with pytest.raises(ConfigError, match="did you mean 'amount'"):
        _plan(record(("amount", "double")), ["amout"])


def test_nothing_wanted_still_tells_malformed_rows() -> None:
    """A model whose every input is constant still must not score garbage."""
    schema = record(("a", "string"), ("b", ["null", "Event"]))
    event = written(schema, {"a": "x", "b": None})
    for of in (schema, record(("a", "string"))):
        sound = event if of is schema else event[:-1]
        decoded = decode(of, [sound, sound[:-1]], wanted=[])
        assert decoded.columns == {}
        assert list(decoded.malformed) == [1]


def test_a_plan_may_decode_in_several_threads_at_once() -> None:
    """It keeps nothing between rows."""
    schema = record(("s", "string"), ("x", _array("double")))
    plan, results = _plan(schema), dict[int, list[Any]]()

    def work(number: int) -> None:
        event = written(schema, {"s": str(number), "x": [float(number)] * number})
        for _ in range(20):
            decoded = plan.decode(Payloads.of([event] * 50))
            results[number] = plain(decoded.columns["x"])

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == {number: [[float(number)] * number] * 50 for number in range(4)}
