"""Which features and scores are watched, and what is counted of a batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from stream_scorer.columns import FieldType
from stream_scorer.model.features import FeatureMap, map_features
from stream_scorer.model.fields import Missing
from stream_scorer.model.outputs import OutputMap, map_outputs
from stream_scorer.model.tensors import OutputSpec, TensorSpec, dtype_of
from stream_scorer.profile import Profile
from stream_scorer.scoring.profiling import MOST_FEATURES, MOST_SCORES, Profiler
from tests.model.making import column_of, field_type

DOUBLE = field_type("double")
NULLABLE = field_type("double", nullable=True)


def features_of(*tensors: Mapping[str, FieldType]) -> FeatureMap:
    """Tensors that are filled from these fields."""
    specs = [TensorSpec(f"x{n}", np.dtype("float32"), (None, None)) for n in range(len(tensors))]
    fields = {path: kind for tensor in tensors for path, kind in tensor.items()}
    filled = {spec.name: list(tensor) for spec, tensor in zip(specs, tensors, strict=True)}
    return map_features(specs, fields, filled, Missing())


def output(name: str, onnx_type: str, *row_shape: int) -> OutputSpec:
    """An output with one row an event."""
    kind = f"tensor({onnx_type})"
    return OutputSpec(name, dtype_of(kind), (None, *row_shape), onnx_type=kind)


def outputs_of(*specs: OutputSpec) -> OutputMap:
    """Each under its own name."""
    return map_outputs(specs, None)


SCORE = output("score", "float")


def test_only_what_can_be_null_is_watched_and_each_field_once() -> None:
    """A field may fill two tensors."""
    features = features_of({"a": DOUBLE, "b": NULLABLE}, {"b": NULLABLE, "c": NULLABLE})
    assert Profiler.of(features, outputs_of(SCORE)).features == ("b", "c")


def test_only_scalar_floats_are_scores() -> None:
    """Neither labels nor counts nor a row of probabilities."""
    outputs = outputs_of(
        output("label", "string"),
        output("count", "int64"),
        output("probabilities", "float", 3),
        output("wide", "double"),
        SCORE,
    )
    found = Profiler.of(features_of({"a": DOUBLE}), outputs)
    assert (found.features, found.scores) == ((), ("wide", "score"))


def test_so_many_are_watched_at_most() -> None:
    """Each is a series of the metrics; the first ones are those."""
    features = features_of({f"f{n}": NULLABLE for n in range(MOST_FEATURES + 5)})
    outputs = outputs_of(*(output(f"s{n}", "float") for n in range(MOST_SCORES + 5)))
    found = Profiler.of(features, outputs)
    assert found.features == tuple(f"f{n}" for n in range(100))
    assert found.scores == tuple(f"s{n}" for n in range(8))


def profile(
    values: Mapping[str, Sequence[Any]], malformed: Sequence[int] = (), scores: Sequence[float] = ()
) -> Profile:
    """Profile a batch in which each of these fields may be null."""
    features = features_of(dict.fromkeys(values, NULLABLE))
    outputs = outputs_of(SCORE)
    columns = {path: column_of(NULLABLE, each) for path, each in values.items()}
    made = outputs.columns({"score": np.array(scores, np.float32)}, len(scores))
    return Profiler.of(features, outputs).profile(columns, malformed, made)


def test_nulls_are_counted_by_field() -> None:
    """A field without any is there too, or not: it adds nothing."""
    found = profile({"a": [1.0, None, None], "b": [1.0, 2.0, 3.0], "c": [None, 1.0, None]})
    assert found.rows == 3
    assert {path: count for path, count in found.missing.items() if count} == {"a": 2, "c": 2}


def test_events_that_could_not_be_read_are_left_out() -> None:
    """What their columns hold instead of them says nothing."""
    found = profile({"a": [None, None, 1.0, None]}, malformed=[1, 3])
    assert (found.rows, found.missing["a"]) == (2, 1)


def test_scores_are_counted_those_that_are_no_number_too() -> None:
    """Before any is refused for that."""
    counts = profile({"a": [1.0] * 3}, scores=[0.5, np.nan, 0.25]).scores["score"]
    assert (counts.counts.sum(), counts.not_finite) == (2, 1)


def test_a_batch_of_which_nothing_could_be_read() -> None:
    """Counts nothing."""
    found = profile({"a": [None, None]}, malformed=[0, 1])
    assert (found.rows, found.missing["a"], found.scores["score"].counts.sum()) == (0, 0, 0)
