"""Do scores depend on the rows beside them?"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from stream_scorer.model.probes import TOLERANCE, batch_dependence, batch_dependence_warning
from stream_scorer.model.session import load_model
from tests.model.making import passing, value, write_model

GENERATOR = np.random.default_rng(7)
ROWS = GENERATOR.normal(size=(8, 4)).astype(np.float32)
WEIGHTS = GENERATOR.normal(size=(4, 2)).astype(np.float32)


def quantised(path: Path) -> Path:
    """Write a layer as onnxruntime.quantization.quantize_dynamic makes it: one scale a tensor."""
    nodes = [
        helper.make_node("DynamicQuantizeLinear", ["x"], ["q", "scale", "zero"]),
        helper.make_node("MatMulInteger", ["q", "w", "zero"], ["product"]),
        helper.make_node("Cast", ["product"], ["real"], to=1),
        helper.make_node("Mul", ["scale", "weight_scale"], ["factor"]),
        helper.make_node("Mul", ["real", "factor"], ["y"]),
    ]
    scale = np.float32(np.abs(WEIGHTS).max() / 127)
    initializers = [
        numpy_helper.from_array(np.round(WEIGHTS / scale).astype(np.int8), "w"),
        numpy_helper.from_array(np.array(scale), "weight_scale"),
    ]
    inputs, outputs = [value("x", "float32", "N", 4)], [value("y", "float32", "N", 2)]
    return write_model(path, nodes, inputs, outputs, initializers=initializers)


def test_dynamic_quantisation_depends_on_the_neighbours(tmp_path: Path) -> None:
    """The scale is that of the largest value in the batch."""
    model = load_model(quantised(tmp_path / "m.onnx"))

    difference = batch_dependence(model, {"x": ROWS}, ["y"])

    assert difference > 0.01
    assert "quantise statically" in (batch_dependence_warning(difference) or "")


def test_an_extreme_neighbour_shows_what_equal_rows_hide(tmp_path: Path) -> None:
    """Rows of one magnitude have one scale, until a large one comes."""
    model = load_model(quantised(tmp_path / "m.onnx"))

    difference = batch_dependence(model, {"x": np.ones((4, 4), np.float32)}, ["y"])

    assert difference > 0.01


def test_a_float_layer_does_not(tmp_path: Path) -> None:
    """The same weights, not quantised."""
    path = write_model(
        tmp_path / "m.onnx",
        [helper.make_node("MatMul", ["x", "w"], ["y"])],
        [value("x", "float32", "N", 4)],
        [value("y", "float32", "N", 2)],
        initializers=[numpy_helper.from_array(WEIGHTS, "w")],
    )

    difference = batch_dependence(load_model(path), {"x": ROWS}, ["y"])

    assert difference <= TOLERANCE
    assert batch_dependence_warning(difference) is None


def test_nan_beside_nan_is_no_difference(tmp_path: Path) -> None:
    """A null that is NaN goes through."""
    model = load_model(passing(tmp_path / "m.onnx", "float32", "N", 2))
    rows = np.array([[np.nan, 1], [2, np.inf]], np.float32)

    assert batch_dependence(model, {"x": rows}, ["y"]) == 0


def test_text_and_integers_go_through_as_they_are(tmp_path: Path) -> None:
    """Only floats have an extreme."""
    texts = load_model(passing(tmp_path / "t.onnx", "string", "N"))
    integers = load_model(passing(tmp_path / "i.onnx", "int64", "N"))

    assert batch_dependence(texts, {"x": np.array(["a", "b"], dtype=object)}, ["y"]) == 0
    assert batch_dependence(integers, {"x": np.array([1, 2])}, ["y"]) == 0


def test_a_label_that_depends_on_the_neighbours_is_as_bad_as_it_gets(tmp_path: Path) -> None:
    """The rank of a row among the others, say."""
    nodes = [
        helper.make_node("ReduceMax", ["x"], ["most"], keepdims=1),
        helper.make_node("Equal", ["x", "most"], ["y"]),
    ]
    path = write_model(
        tmp_path / "m.onnx", nodes, [value("x", "int64", "N", 1)], [value("y", "bool", "N", 1)]
    )

    difference = batch_dependence(load_model(path), {"x": np.array([[1], [2]])}, ["y"])

    assert difference == float("inf")
    assert "they change altogether" in (batch_dependence_warning(difference) or "")


def test_rows_that_can_not_be_scored_together_are_told(tmp_path: Path) -> None:
    """The model has room for three rows and refuses a fourth."""
    path = write_model(
        tmp_path / "m.onnx",
        [
            helper.make_node("Shape", ["x"], ["rows"], end=1),
            helper.make_node("Gather", ["room", "rows"], ["some"]),
            helper.make_node("Add", ["x", "some"], ["y"]),
        ],
        [value("x", "float32", "N", 1)],
        [value("y", "float32", "N", 1)],
        initializers=[numpy_helper.from_array(np.zeros(4, np.float32), "room")],
    )
    rows = {"x": np.zeros((5, 1), np.float32)}

    assert batch_dependence(load_model(path), rows, ["y"]) == float("inf")


@pytest.mark.parametrize("dtype", ["float16", "float64"])
def test_the_extreme_row_stays_within_the_dtype(tmp_path: Path, dtype: str) -> None:
    """A thousand times a large half float would be infinite."""
    model = load_model(passing(tmp_path / "m.onnx", dtype, "N", 1))

    assert batch_dependence(model, {"x": np.full((2, 1), 60000, dtype)}, ["y"]) == 0


def test_the_difference_of_the_score_is_told_before_that_of_its_label(tmp_path: Path) -> None:
    """A label that flips has a score that moved, and by how much is what helps."""
    path = quantised(tmp_path / "m.onnx")
    model = onnx.load(path)
    model.graph.node.append(helper.make_node("ArgMax", ["y"], ["label"], axis=1, keepdims=0))
    model.graph.output.append(value("label", "int64", "N"))
    onnx.save(model, path)

    difference = batch_dependence(load_model(path), {"x": ROWS}, ["y", "label"])

    assert 0.01 < difference < float("inf")
