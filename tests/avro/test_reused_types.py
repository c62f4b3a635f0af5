"""A short schema that uses its types over and over: read at the cost of its text and its events.

Thirty lines of JSON are a billion fields where each record is used twice by the next.
"""

from __future__ import annotations

import random
import struct
import time
from typing import Any

import numpy as np
import pytest
from hypothesis import given, reject
from hypothesis import strategies as st

from stream_scorer.avro import types
from stream_scorer.avro.container import ContainerWriter, open_container
from stream_scorer.avro.plan import compile_plan
from stream_scorer.avro.rows import RowDecoder
from stream_scorer.avro.schema import leaf_paths, parse
from stream_scorer.avro.types import extent_of
from stream_scorer.columns import Payloads
from stream_scorer.errors import ConfigError, ContractError
from stream_scorer.files import NewFiles
from tests.avro.decoding import plain, record, written
from tests.avro.strategies import Writer, broken, readers, writers
from tests.avro.test_agreement import bits, examples

LEVELS = 12
SECONDS = 5.0
"""It takes a hundredth of that; written out it would take years."""


def nested(leaf: list[Any], wrap: str, levels: int = LEVELS) -> dict[str, Any]:
    """An event with a number, and a body of seven times seven times … records."""

    def use(name: str) -> Any:
        return {"": name, "null": ["null", name], "array": {"type": "array", "items": name}}[wrap]

    definitions: Any = record(*leaf, name="L0")
    for level in range(1, levels + 1):
        below = f"L{level - 1}"
        first = {"name": "f0", "type": definitions}
        more = [(f"f{n}", use(below)) for n in range(1, 7)]
        definitions = record(first, *more, name=f"L{level}")
    return record(("amount", "double"), ("body", ["null", definitions]), ("last", "string"))


LEAVES: list[Any] = [("text", "string"), ("flag", "boolean"), ("number", "double")]
SOLID: list[Any] = [("a", "double"), ("b", "float")]


@pytest.fixture(autouse=True)
def _soon() -> Any:
    """What is done here is done soon."""
    started = time.process_time()
    yield
    assert time.process_time() - started < SECONDS


@pytest.mark.parametrize("leaf", [LEAVES, SOLID])
@pytest.mark.parametrize("wrap", ["", "null", "array"])
def test_events_are_read_by_columns_and_row_by_row(wrap: str, leaf: list[Any]) -> None:
    """Fields beside it, and one deep within; a malformed event costs no more than its bytes."""
    schema = parse(nested(leaf, wrap))
    assert extent_of(schema.root).types > 10**9
    deep = ".".join(["body", *["f0"] * LEVELS, leaf[0][0]])
    for paths in (["amount", "last"], ["amount", deep, "last"]):
        plan, twin = compile_plan(schema, schema, paths), RowDecoder(schema, schema, paths)
        assert plan.fallback is None
        rng = random.Random(7)  # noqa: S311 - events, not secrets
        without = struct.pack("<d", 1.5) + b"\0" + b"\2z"
        garbage = [rng.randbytes(n) for n in range(1, 60)] + [without[:8] + b"\2" + b"\0" * 99]
        payloads = Payloads.of([without] * 3 + garbage)
        by_column, by_row = plan.decode(payloads), twin.decode(payloads)
        assert by_column.malformed == by_row.malformed
        assert not {0, 1, 2} & by_row.malformed.keys()
        assert plain(by_column.columns["last"])[:3] == [b"z"] * 3


def test_fields_are_found_however_many_there_are_and_the_nearest_are_listed() -> None:
    """By their paths, as the reader's schema is asked for features."""
    fields = leaf_paths(parse(nested(LEAVES, "")))
    deep = ".".join(["body", *["f6"] * LEVELS, "number"])
    assert fields[deep].kind == "double"
    assert fields[deep].nullable  # the body may be null
    assert "body.f6" not in fields
    assert f"{deep}.more" not in fields
    assert list(fields) == ["amount", "last"]
    few = leaf_paths(parse(nested(LEAVES, "", levels=3)))
    assert len(few) == 2 + 7**3 * 3
    assert dict(few)["body.f1.f2.f3.flag"].kind == "boolean"


def test_a_field_that_is_not_there_is_a_short_sentence() -> None:
    """Not all the fields that are."""
    schema = parse(nested(LEAVES, "null"))
    with pytest.raises(ConfigError) as caught:
        compile_plan(schema, schema, ["amunt"])
    assert "did you mean 'amount'" in str(caught.value)


@pytest.mark.parametrize("changed", [False, True])
def test_a_body_is_copied_whole(*, changed: bool) -> None:
    """As it is, or row by row where its bytes may change."""
    schema = nested(LEAVES, "null")
    reader = nested([*LEAVES, {"name": "new", "type": "int", "default": 7}], "null")
    leaf = {"text": "é", "flag": True, "number": 2.5}
    body: Any = leaf
    for _ in range(LEVELS):
        body = {"f0": body, **{f"f{n}": None for n in range(1, 7)}}
    event = written(schema, {"amount": 1.0, "body": body, "last": ""})
    plan = compile_plan(parse(schema), parse(reader if changed else schema), ["amount"], ["body"])
    assert (plan.fallback is not None) == changed
    copied = plan.decode(Payloads.of([event] * 5)).copied["body"].octets.to_bytes()
    content = event[8:-1]
    new = content[: len(content) - 6 * LEVELS] + b"\x0e" + content[-6 * LEVELS :]
    assert copied == [new if changed else content] * 5


def test_a_file_of_such_events_is_read_and_written(tmp_path: Any) -> None:
    """The container's own walk over datums included."""
    schema = parse(nested(LEAVES, "null"))
    event = written(schema.json, {"amount": 1.0, "body": None, "last": "x"})
    with NewFiles() as files, ContainerWriter(files.open(tmp_path / "f.avro"), schema) as writer:
        writer.append([event] * 3)
    with open_container(tmp_path / "f.avro") as container:
        assert container.schema == schema
        assert [datum for block in container.blocks for datum in block.datums] == [event] * 3


def test_a_default_of_very_many_others_is_refused() -> None:
    """It would be written out in every event."""
    leaf = [{"name": "x", "type": "int", "default": 1}]
    below: Any = record(*leaf, name="L0")
    for level in range(1, LEVELS):
        fields = [{"name": f"f{n}", "type": f"L{level - 1}", "default": {}} for n in range(1, 7)]
        first = {"name": "f0", "type": below, "default": {}}
        below = record(first, *fields, name=f"L{level}")
    reader = record(("a", "int"), {"name": "body", "type": below, "default": {}})
    with pytest.raises(ContractError, match=r"Field 'body' has the default \{\}"):
        compile_plan(parse(record(("a", "int"))), parse(reader), ["a"])


def test_types_that_take_no_bytes_can_not_be_too_many() -> None:
    """An event of no bytes would take for ever."""
    with pytest.raises(ConfigError, match="too many types that take no bytes"):
        parse(nested([("nothing", "null")], ""))


@examples(100)
@given(st.data(), st.integers(0, 2**32), st.sampled_from([0.0, 0.5]))
def test_types_that_are_compiled_once_are_read_as_those_that_are_written_out(
    data: st.DataObject, seed: int, share_broken: float
) -> None:
    """For any schema: the bound is only set low here. What is malformed is so for both."""
    source = data.draw(writers())
    writer = parse(source)
    try:
        reader = parse(data.draw(readers(source)))
    except ConfigError:
        reject()
    wanted = [path for path in leaf_paths(reader) if data.draw(st.booleans())]
    rng = random.Random(seed)  # noqa: S311 - events, not secrets
    made = Writer(rng)
    events = [made.event(writer.root) for _ in range(20)]
    events = [broken(rng, each) if rng.random() < share_broken else each for each in events]
    payloads = Payloads.of(events)
    try:
        usual = compile_plan(writer, reader, wanted).decode(payloads)
    except ContractError:
        reject()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(types, "MAX_WRITTEN_OUT", 0)
        shared = compile_plan(writer, reader, wanted).decode(payloads)
    assert shared.malformed.keys() == usual.malformed.keys()
    sound = np.array([n for n in range(len(events)) if n not in usual.malformed], np.intp)
    for path, column in usual.columns.items():
        assert bits(shared.columns[path].take(sound)) == bits(column.take(sound)), path
