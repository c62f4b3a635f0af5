"""A model file at a glance."""

from __future__ import annotations

from pathlib import Path

import pytest
from onnx import helper

from stream_scorer.errors import ContractError
from stream_scorer.model.describe import describe_model
from tests.model.making import passing, value, write_model

GOLDEN = Path(__file__).parents[1] / "golden"


def test_inputs_outputs_operators_and_opsets_are_listed() -> None:
    """As the graph declares them, ZipMap and all."""
    description = describe_model(GOLDEN / "sklearn_fraud_pipeline" / "model.onnx")

    assert [(each.name, each.type, each.shape) for each in description.inputs] == [
        ("amount", "float32", "[?, 1]"),
        ("velocity_1h", "int64", "[?, 1]"),
        ("country_match", "int64", "[?, 1]"),
        ("merchant_category", "string", "[?, 1]"),
        ("channel", "string", "[?, 1]"),
    ]
    assert [(each.name, each.type) for each in description.outputs] == [
        ("output_label", "int64"),
        ("output_probability", "sequence"),
    ]
    assert description.operators["ai.onnx.ml.ZipMap"] == 1
    assert description.operators["ai.onnx.ml.OneHotEncoder"] == 2
    assert set(description.opsets) == {"ai.onnx", "ai.onnx.ml"}
    assert description.producer.startswith("skl2onnx")
    assert description.size_bytes == 1513


def test_axes_that_the_graph_leaves_open_are_named() -> None:
    """A symbol by its own name."""
    description = describe_model(GOLDEN / "keras_iot_two_outputs" / "model.onnx")

    assert description.inputs[0].shape == "[batch, 12]"
    assert description.inputs[0].dynamic_axes == (0,)


def test_a_model_that_can_not_run_here_is_described_all_the_same(tmp_path: Path) -> None:
    """A newer opset, an operator that no one knows."""
    path = write_model(
        tmp_path / "m.onnx",
        [helper.make_node("Frobnicate", ["x"], ["y"])],
        [value("x", "float32", 32, 2)],
        [value("y", "float32", 32, 2)],
        opset=99,
        ir_version=99,
    )

    description = describe_model(path)

    assert description.operators == {"Frobnicate": 1}
    assert description.opsets["ai.onnx"] == 99
    assert description.ir_version == 99
    assert description.inputs[0].dynamic_axes == ()


def test_what_is_no_model_is_not_described(tmp_path: Path) -> None:
    """A truncated file."""
    whole = passing(tmp_path / "whole.onnx", "float32", "N", 2).read_bytes()
    half = tmp_path / "half.onnx"
    half.write_bytes(whole[: len(whole) // 2])

    with pytest.raises(ContractError, match="not an ONNX model"):
        describe_model(half)
