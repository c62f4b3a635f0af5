"""Events that are made up: of any schema, and such that the model takes them."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import fastavro
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from stream_scorer.avro.plan import compile_plan
from stream_scorer.avro.schema import Schema, leaf_paths, parse
from stream_scorer.avro.strict import well_formed
from stream_scorer.bench.alone import batch_of
from stream_scorer.bench.made_up import MadeUpEvents
from stream_scorer.bench.needs import needs_of
from stream_scorer.columns import Payloads
from stream_scorer.config.settings import Settings
from stream_scorer.errors import ContractError
from stream_scorer.model.features import FeatureMap, map_features
from stream_scorer.model.fields import Missing
from stream_scorer.model.tensors import TensorSpec
from stream_scorer.pipeline.pipeline import make_scorer, open_pipeline
from tests.avro.strategies import writers

GOLDEN = Path(__file__).parents[1] / "golden"
BUNDLES = sorted(folder.name for folder in GOLDEN.iterdir() if folder.is_dir())
EVENTS = 60
ID = {"name": "id", "type": "long"}
LOGICAL: list[dict[str, Any]] = [
    {"type": "int", "logicalType": "date"},
    {"type": "int", "logicalType": "time-millis"},
    {"type": "long", "logicalType": "time-micros"},
    *(
        {"type": "long", "logicalType": f"{local}timestamp-{unit}"}
        for local in ("", "local-")
        for unit in ("millis", "micros")
    ),
    {"type": "string", "logicalType": "uuid"},
    {"type": "bytes", "logicalType": "decimal", "precision": 1, "scale": 0},
    {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 4},
    {"type": "fixed", "name": "F", "size": 4, "logicalType": "decimal", "precision": 6, "scale": 2},
]


def record(*types: Any) -> Schema:
    """A schema with a field of each type: ``f0``, ``f1`` and so on."""
    fields = [{"name": f"f{number}", "type": each} for number, each in enumerate(types)]
    return parse({"type": "record", "name": "Event", "fields": fields})


def decoded(schema: Schema, datum: bytes) -> Any:
    """The event as fastavro reads it, and nothing is left over."""
    stream = io.BytesIO(datum)
    event = fastavro.schemaless_reader(stream, fastavro.parse_schema(schema.json), None)
    assert stream.read() == b""
    return event


def features_of(
    schema: Schema, dtype: Any, shape: tuple[int | None, ...], fields: list[str], missing: Any
) -> FeatureMap:
    """How one tensor is filled."""
    spec = TensorSpec("x", dtype, (None, *shape))
    return map_features([spec], leaf_paths(schema), {"x": fields}, Missing(missing))


def refused(schema: Schema, features: FeatureMap) -> dict[int, Any]:
    """Which of the events made up for the features have no place in the tensors."""
    datums = MadeUpEvents(schema, needs_of(features)).take(EVENTS)
    read = compile_plan(schema, schema, features.wanted).decode(Payloads.of(datums))
    assert read.malformed == {}
    return dict(features.tensors(read.columns, EVENTS).problems)


@given(writers())
@settings(
    max_examples=150,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
def test_every_event_of_any_schema_is_well_formed(schema: dict[str, Any]) -> None:
    """To the letter of the specification, and for fastavro."""
    parsed = parse(schema)
    check = well_formed(parsed.root)
    for datum in MadeUpEvents(parsed, {}).take(5):
        check(datum)
        decoded(parsed, datum)


def test_logical_types_hold_what_their_name_says() -> None:
    """A date is a date, a UUID a UUID: who reads them converts them."""
    schema = record(*LOGICAL, *(["null", each] for each in LOGICAL if each["type"] != "fixed"))
    rows = [decoded(schema, datum) for datum in MadeUpEvents(schema, {}).take(EVENTS)]
    assert {type(value).__name__ for row in rows for value in row.values()} == {
        *("date", "time", "datetime", "UUID", "Decimal", "NoneType"),
    }


def test_no_two_events_are_alike_and_a_seed_gives_the_same_again() -> None:
    """Not within one call, not from call to call."""
    schema = record("string", "double", ["null", "long"], {"type": "array", "items": "float"})
    events = MadeUpEvents(schema, {}, seed=3)
    drawn = events.take(200) + events.take(200)
    assert len(set(drawn)) == 400
    again = MadeUpEvents(schema, {}, seed=3)
    assert again.take(200) + again.take(200) == drawn
    assert MadeUpEvents(schema, {}, seed=4).take(200) != drawn[:200]


def test_a_schema_that_holds_itself_comes_to_an_end() -> None:
    """By a null, an empty array, or a simple branch."""
    tree = {
        "type": "record",
        "name": "Node",
        "fields": [
            {"name": "value", "type": "int"},
            {"name": "next", "type": ["null", "Node"]},
            {"name": "below", "type": {"type": "array", "items": "Node"}},
            {"name": "either", "type": ["string", {"type": "map", "values": "Node"}, "int"]},
        ],
    }
    schema = record(tree)
    for datum in MadeUpEvents(schema, {}).take(20):
        decoded(schema, datum)


def test_some_of_what_may_be_null_is_null() -> None:
    """About one in ten; the model must meet both."""
    schema = record(["null", "double"])
    rows = [decoded(schema, datum) for datum in MadeUpEvents(schema, {}).take(1_000)]
    assert 50 < sum(row["f0"] is None for row in rows) < 200


@pytest.mark.parametrize(
    "dtype",
    ["float16", "float32", "float64", "bool", "int8", "uint8", "int16", "int32", "int64", "uint64"],
)
def test_numbers_fit_every_tensor(dtype: str) -> None:
    """A double for integers is whole, a long for bytes is small, for booleans 0 or 1."""
    schema = record("int", "long", "float", "double", "boolean", *LOGICAL[:4], ["null", "int"])
    fields = [f"f{number}" for number in range(10)]
    features = features_of(schema, np.dtype(dtype), (10,), fields, 0)
    assert refused(schema, features) == {}


def test_what_must_not_be_null_is_not_and_arrays_are_as_long_as_the_tensor() -> None:
    """Also within a nullable record, and for the items of an array."""
    inner = {
        "type": "record",
        "name": "Inner",
        "fields": [{"name": "a", "type": {"type": "array", "items": ["null", "float"]}}],
    }
    schema = record(["null", inner])
    features = features_of(schema, np.dtype("float32"), (7,), ["f0.a"], "reject")
    assert refused(schema, features) == {}
    schema = record({"type": "array", "items": {"type": "array", "items": "double"}})
    features = features_of(schema, np.dtype("float32"), (3, 2), ["f0"], "nan")
    assert refused(schema, features) == {}


@pytest.mark.parametrize(("dtype", "kind"), [("string", str), ("float32", float)])
def test_a_union_holds_what_the_tensor_takes(dtype: str, kind: type) -> None:
    """Text for text, numbers for numbers."""
    schema = record(["null", "string", "long", "double", "bytes"])
    wanted: Any = dtype if dtype == "string" else np.dtype(dtype)
    features = features_of(schema, wanted, (1,), ["f0"], "reject")
    assert refused(schema, features) == {}
    rows = [decoded(schema, datum) for datum in MadeUpEvents(schema, needs_of(features)).take(50)]
    assert {type(row["f0"]) for row in rows} <= {kind, int, float}


def test_records_that_have_the_same_fields_are_both_made_up() -> None:
    """A writer that is not told the branch writes the first that a value fits."""
    one, two = ({"type": "record", "name": name, "fields": [ID]} for name in ("One", "Two"))
    schema = parse({"type": "record", "name": "E", "fields": [{"name": "x", "type": [one, two]}]})
    datums = MadeUpEvents(schema, {}).take(EVENTS)
    assert {datum[0] for datum in datums} == {0, 2}


def test_a_schema_that_is_no_record_needs_a_file() -> None:
    """Nobody can say what its numbers mean."""
    with pytest.raises(ContractError, match="--input"):
        MadeUpEvents(parse("long"), {})


@pytest.mark.parametrize("name", BUNDLES)
def test_the_golden_models_take_them(name: str) -> None:
    """As a worker scores them: no dead letter but for words that a model never saw."""
    bundle = GOLDEN / name
    facts: Any = json.loads((bundle / "bundle.json").read_text())
    given = Settings.model_validate(
        {
            "schemas": {"framing": "none", "reader": bundle / "event.avsc"},
            "model": {"path": bundle / "model.onnx", "inputs": facts["inputs"]},
        }
    )
    schema = parse((bundle / "event.avsc").read_text())
    pipeline = open_pipeline(given)
    datums = MadeUpEvents(schema, needs_of(pipeline.contract.features)).take(EVENTS)
    scored = make_scorer(pipeline).score(batch_of(datums, 0))
    assert [letter.problem for letter in scored.dead_letters] == []
