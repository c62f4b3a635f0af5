"""Model and schema together: every mistake at once, and what is lost on the way."""

from __future__ import annotations

from typing import Any

import numpy as np

from stream_scorer.avro.schema import Schema, leaf_paths, parse
from stream_scorer.check.contract import judge_features, judge_outputs, mistakes
from stream_scorer.config.settings import Settings
from stream_scorer.model.features import map_features
from stream_scorer.model.fields import Missing
from stream_scorer.model.outputs import map_outputs
from stream_scorer.model.tensors import OutputSpec, TensorSpec

READER = parse(
    {
        "type": "record",
        "name": "Event",
        "fields": [
            {"name": "amount", "type": "double"},
            {"name": "visits", "type": "long"},
            {"name": "channel", "type": "string"},
        ],
    }
)
FLOATS = TensorSpec("x", np.dtype("float32"), (None, 2))
TEXT = TensorSpec("t", "string", (None, 1))
SCORES = OutputSpec("y", np.dtype("float32"), (None, 3))


def found(settings: dict[str, Any], reader: Schema = READER) -> list[str]:
    """The sentences of all mistakes of a model section (and perhaps an output section)."""
    output = settings.pop("output", {})
    parsed = Settings.model_validate({"model": {"path": "m.onnx", **settings}, "output": output})
    return [each.sentence for each in mistakes(parsed, [FLOATS, TEXT], [SCORES], reader)]


def test_what_fits_is_no_mistake() -> None:
    """Every part by itself."""
    fitting = {"inputs": {"x": ["amount", "visits"], "t": ["channel"]}, "outputs": {"s": "y[0]"}}
    assert found({**fitting, "output": {"pass_through": ["channel"]}}) == []


def test_mistakes_of_several_parts_come_out_together() -> None:
    """A tensor too narrow, a field that isn't there, an output and a copied field likewise."""
    wrong = found(
        {
            "inputs": {"x": ["amount"], "t": ["chanel"]},
            "outputs": {"s": "y[9]", "label": "z"},
            "output": {"pass_through": ["amont"]},
        }
    )
    assert len(wrong) == 5
    assert "takes 2 values a row" in wrong[0]
    assert "'chanel'" in wrong[1]
    assert "Nearest: channel" in wrong[1]
    assert "'y[9]'" in wrong[2]
    assert "no output 'z'" in wrong[3]
    assert "did you mean 'amount'" in wrong[4]


def test_a_policy_for_null_is_judged_with_the_tensor_of_its_field() -> None:
    """It is no mistake of the other tensor."""
    nullable = parse(
        {
            "type": "record",
            "name": "Event",
            "fields": [
                {"name": "amount", "type": ["null", "double"]},
                {"name": "visits", "type": "long"},
                {"name": "channel", "type": ["null", "string"]},
            ],
        }
    )
    inputs = {"x": ["amount", "visits"], "t": ["channel"]}
    missing = {"fields": {"amount": 0, "channel": "none"}}
    assert found({"inputs": inputs, "missing": missing}, nullable) == []
    (wrong,) = found({"inputs": inputs}, nullable)
    assert "'channel' may be null" in wrong


def test_a_long_into_a_float_loses_digits_and_says_so() -> None:
    """A double into a float32 rounds as it did in training, and is fine."""
    fields = leaf_paths(READER)
    features = map_features([FLOATS], fields, {"x": ["amount", "visits"]}, Missing())
    fine, lossy = judge_features(features)
    assert (fine.level, lossy.level) == ("ok", "warning")
    assert "visits as floats: integers beyond ±16777216 lose" in lossy.sentence
    assert "amount" not in lossy.sentence


def test_null_that_is_rejected_is_announced() -> None:
    """``init`` writes that for text, which has no NaN; it need not be wrong."""
    text = {"name": "channel", "type": ["null", "string"]}
    reader = parse({"type": "record", "name": "Event", "fields": [text]})
    features = map_features([TEXT], leaf_paths(reader), {"t": ["channel"]}, Missing("reject"))
    *_, announced = judge_features(features)
    assert announced.level == "ok"
    assert announced.sentence == (
        "Where channel is null, the event is a dead letter (missing_feature), since model.missing "
        "rejects it."
    )


def test_ints_in_floats_are_one_quiet_line() -> None:
    """They are rarely so large; times are, whatever their type."""
    time = {"type": "int", "logicalType": "time-millis"}
    fields: list[dict[str, Any]] = [
        {"name": "n", "type": "int"},
        {"name": "m", "type": ["null", "int"]},
        {"name": "day", "type": {"type": "int", "logicalType": "date"}},
        {"name": "at", "type": time},
    ]
    reader = leaf_paths(parse({"type": "record", "name": "Event", "fields": fields}))
    specs = [TensorSpec(name, np.dtype("float32"), (None, 2)) for name in ("x", "z")]
    features = map_features(specs, reader, {"x": ["n", "day"], "z": ["m", "at"]}, Missing())
    *_, loud, quiet = judge_features(features)
    assert "takes at as floats: integers beyond ±16777216" in loud.sentence
    assert (loud.level, quiet.level) == ("warning", "ok")
    assert quiet.sentence == (
        "As floats, ints up to ±16777216 are exact, larger ones rounded: n, m."
    )


def test_a_time_is_as_large_as_it_is_in_this_century() -> None:
    """A double holds microseconds, and not nanoseconds."""

    def loud(logical: str) -> list[str]:
        of = {"type": "long", "logicalType": logical}
        schema = {"type": "record", "name": "E", "fields": [{"name": "at", "type": of}]}
        spec = TensorSpec("x", np.dtype("float64"), (None, 1))
        mapped = map_features([spec], leaf_paths(parse(schema)), {"x": ["at"]}, Missing())
        return mapped.lossy()

    assert loud("timestamp-micros") == loud("local-timestamp-millis") == loud("time-micros") == []
    assert len(loud("timestamp-nanos")) == len(loud("unknown")) == 1


def test_the_fields_of_the_scored_event_are_named_with_their_types() -> None:
    """As they stand in its schema."""
    (finding,) = judge_outputs(map_outputs([SCORES], {"all": "y", "first": "y[0]"}).fields)
    assert finding.sentence == "The scored event gets all (array of float), first (float)."
