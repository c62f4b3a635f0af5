"""The model by itself: batch neighbours, nulls, packages, one row a call."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from stream_scorer.avro.schema import leaf_paths, parse
from stream_scorer.check.findings import Finding, exit_code_of
from stream_scorer.check.model import (
    judge_model,
    judge_nulls,
    judge_packages,
    judge_scores,
    judge_trees,
    made_up_rows,
)
from stream_scorer.model.features import FeatureMap, map_features
from stream_scorer.model.fields import Missing
from stream_scorer.model.outputs import map_outputs
from stream_scorer.model.session import Model, load_model
from tests.model.making import passing, value, write_model
from tests.model.test_trees import model as tree_model
from tests.model.test_trees import trees

READER = parse(
    {
        "type": "record",
        "name": "Event",
        "fields": [
            {"name": "a", "type": ["null", "double"]},
            {"name": "b", "type": ["null", "float"]},
            {"name": "colour", "type": {"type": "enum", "name": "C", "symbols": ["RED", "BLUE"]}},
        ],
    }
)


def features_of(model: Model, *fields: str, missing: object = "nan") -> FeatureMap:
    """The features ``x`` of these fields."""
    return map_features(model.inputs, leaf_paths(READER), {"x": fields}, Missing(missing))


def neighbours(model: Model) -> list[Finding]:
    """What is found of batch neighbours."""
    outputs = map_outputs(model.outputs, None)
    return list(judge_scores(model, features_of(model, "a", "b"), outputs))


def test_scores_of_a_plain_model_do_not_depend_on_the_batch(tmp_path: Path) -> None:
    """It is looked at, and said."""
    model = load_model(passing(tmp_path / "m.onnx", "float32", None, 2))
    (finding,) = neighbours(model)
    assert finding.level == "ok"


def test_dynamic_quantisation_is_found_out_with_the_way_out(tmp_path: Path) -> None:
    """One scale for the whole batch: the scores of a row change with its neighbours."""
    weights = numpy_helper.from_array(np.array([[3], [-2]], np.int8), "w")
    zero = numpy_helper.from_array(np.array(0, np.int8), "z")
    nodes = [
        helper.make_node("DynamicQuantizeLinear", ["x"], ["q", "scale", "zero"]),
        helper.make_node("MatMulInteger", ["q", "w", "zero", "z"], ["product"]),
        helper.make_node("Cast", ["product"], ["float"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["float", "scale"], ["y"]),
    ]
    path = write_model(
        tmp_path / "m.onnx",
        nodes,
        [value("x", "float32", None, 2)],
        [value("y", "float32", None, 1)],
        initializers=[weights, zero],
    )
    (finding,) = neighbours(load_model(path))
    assert finding.level == "warning"
    assert "Scores depend on the rows scored beside them" in finding.sentence
    assert "batching.max_records to 1" in finding.sentence


@pytest.mark.parametrize("rows", [None, 1])
@pytest.mark.parametrize("random", ["Dropout", "Bernoulli", "RandomNormalLike"])
def test_a_random_model_is_called_random_and_not_quantised(
    random: str, rows: int | None, tmp_path: Path
) -> None:
    """Dropout that is exported as in training, or an operator that draws."""
    ratio = numpy_helper.from_array(np.array(0.2, np.float32), "ratio")
    training = numpy_helper.from_array(np.array(True), "training")
    nodes = {
        "Dropout": [helper.make_node("Dropout", ["x", "ratio", "training"], ["y"])],
        "RandomNormalLike": [helper.make_node("RandomNormalLike", ["x"], ["y"])],
        "Bernoulli": [
            helper.make_node("Sigmoid", ["x"], ["chance"]),
            helper.make_node("Bernoulli", ["chance"], ["y"], dtype=TensorProto.FLOAT),
        ],
    }
    path = write_model(
        tmp_path / "m.onnx",
        nodes[random],
        [value("x", "float32", rows, 2)],
        [value("y", "float32", rows, 2)],
        initializers=[ratio, training] if random == "Dropout" else [],
    )
    (finding,) = neighbours(load_model(path))
    assert finding.level == "warning"
    assert finding.sentence.startswith(
        "The model's scores differ from run to run: dropout or a random operator is in the graph."
    )
    assert "uantisation" not in finding.sentence


def test_a_model_that_takes_too_few_rows_is_told_of_and_not_called_random(tmp_path: Path) -> None:
    """It has room for seven, and eight are tried."""
    nodes = [
        helper.make_node("Shape", ["x"], ["rows"], end=1),
        helper.make_node("Gather", ["room", "rows"], ["some"]),
        helper.make_node("Add", ["x", "some"], ["y"]),
    ]
    shape = ("float32", "N", 2)
    room = numpy_helper.from_array(np.zeros(8, np.float32), "room")
    path = write_model(
        tmp_path / "m.onnx", nodes, [value("x", *shape)], [value("y", *shape)], initializers=[room]
    )
    (finding,) = neighbours(load_model(path))
    assert "they change altogether" in finding.sentence


def test_a_model_of_one_row_a_call_has_no_neighbours(tmp_path: Path) -> None:
    """Its cost is the warning instead."""
    model = load_model(passing(tmp_path / "m.onnx", "float32", 1, 2))
    assert neighbours(model) == []
    _, slow = judge_model(model)
    assert slow.level == "warning"
    assert "dynamic first axis" in slow.sentence


def test_how_the_model_runs_is_said(tmp_path: Path) -> None:
    """Provider, threads and why so many."""
    (finding,) = judge_model(load_model(passing(tmp_path / "m.onnx", "float32", None, 2)))
    assert "CPUExecutionProvider" in finding.sentence
    assert "intra-op threads" in finding.sentence


def test_a_null_that_becomes_nan_and_then_no_score_is_found_by_asking_the_model(
    tmp_path: Path,
) -> None:
    """The model passes NaN on; each field that does it is named."""
    model = load_model(passing(tmp_path / "m.onnx", "float32", None, 2))
    outputs = map_outputs(model.outputs, None)
    (finding,) = judge_nulls(model, features_of(model, "a", "b"), outputs)
    assert finding.level == "warning"
    assert finding.sentence.startswith("Where a, b is null")
    assert list(judge_nulls(model, features_of(model, "a", "b", missing=0), outputs)) == []
    assert list(judge_nulls(model, features_of(model, "a", "b", missing="reject"), outputs)) == []


def test_a_value_for_null_that_has_no_score_is_found_by_asking_the_model(tmp_path: Path) -> None:
    """A number whose logarithm there is not, a text that the model does not know."""
    shifted = [
        helper.make_node("Add", ["x", "one"], ["x1"]),
        helper.make_node("Log", ["x1"], ["y"]),
    ]
    one = numpy_helper.from_array(np.array(1, np.float32), "one")
    shape = ("float32", None, 2)
    path = write_model(
        tmp_path / "m.onnx", shifted, [value("x", *shape)], [value("y", *shape)], initializers=[one]
    )
    model = load_model(path)
    outputs = map_outputs(model.outputs, None)
    findings = list(judge_nulls(model, features_of(model, "a", "b", missing=-1), outputs))
    assert [each.level for each in findings] == ["warning", "warning"]
    assert findings[0].sentence.startswith("Where a is null, the model gets -1 and gives no finite")
    assert "model.missing.fields.a to another value, or to reject" in findings[0].sentence


def test_null_that_goes_astray_in_trees_is_warned_of(tmp_path: Path) -> None:
    """By field and operator, with the way out."""
    path = tree_model(tmp_path / "m.onnx", trees("x", None))
    model = load_model(path)
    fields = {"x": ("a", "b", "a")}
    features = map_features(model.inputs, leaf_paths(READER), fields, Missing())
    (finding,) = judge_trees(path, features)
    assert finding.level == "warning"
    assert finding.sentence.startswith("Where a is null, TreeEnsembleRegressor gets NaN")
    assert "nodes_missing_value_tracks_true" in finding.sentence


def test_a_model_that_scores_nan_is_left_alone() -> None:
    """Trees route it."""
    golden = Path(__file__).parents[1] / "golden" / "xgboost_churn"
    model = load_model(golden / "model.onnx")
    fields = leaf_paths(parse((golden / "event.avsc").read_text()))
    names = [path for path in fields if path.startswith("f")]
    features = map_features(model.inputs, fields, {"features": names}, Missing())
    assert list(judge_nulls(model, features, map_outputs(model.outputs, None))) == []


def test_two_builds_of_the_runtime_are_an_error() -> None:
    """Whichever was installed last wins, so nothing else can be trusted."""
    conflict = "onnxruntime and onnxruntime-gpu are both installed: uninstall both."
    findings = list(judge_packages(conflict))
    assert [each.sentence for each in findings] == [conflict]
    assert exit_code_of(findings) == 2
    assert list(judge_packages(None)) == []


@pytest.mark.parametrize("dtype", ["float32", "int64", "bool", "float16"])
def test_made_up_rows_have_the_shape_and_type_of_the_tensor(tmp_path: Path, dtype: str) -> None:
    """And differ from each other, so that neighbours can matter."""
    model = load_model(passing(tmp_path / "m.onnx", dtype, None, 2))
    rows = made_up_rows(features_of(model, "a", "b", missing=0))["x"]
    assert (rows.dtype, rows.shape[1:]) == (np.dtype(dtype), (2,))
    assert len(np.unique(rows, axis=0)) > 1


def test_made_up_text_is_of_the_field_s_symbols(tmp_path: Path) -> None:
    """A model may know no other."""
    model = load_model(passing(tmp_path / "m.onnx", "string", None, 1))
    rows = made_up_rows(features_of(model, "colour"))["x"]
    assert set(rows.ravel()) == {"RED", "BLUE"}
