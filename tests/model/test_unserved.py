"""What is said of types that can't be served helps: who follows the advice has a model that can."""

from __future__ import annotations

from pathlib import Path

import onnx
import pytest
from onnx import TensorProto, helper

from stream_scorer.errors import ContractError
from stream_scorer.model.outputs import map_outputs
from stream_scorer.model.session import load_model
from stream_scorer.model.unserved import column_advice, fill_advice
from tests.model.making import value, write_model

X = value("x", "float32", None, 2)


def with_output(
    path: Path, nodes: list[onnx.NodeProto], output: onnx.ValueInfoProto, *more: onnx.ValueInfoProto
) -> Path:
    """A model of ``x`` with these outputs."""
    return write_model(path, nodes, [X], [output, *more])


def refusal(path: Path) -> str:
    """Why the model's outputs can't be fields."""
    with pytest.raises(ContractError) as caught:
        map_outputs(load_model(path).outputs, None)
    return str(caught.value)


def kinds(path: Path) -> list[str]:
    """The types of the fields that the model's outputs are."""
    return [field.type.kind for field in map_outputs(load_model(path).outputs, None).fields]


def test_a_bfloat16_output_wants_a_cast(tmp_path: Path) -> None:
    """And with one it is served."""
    narrow = helper.make_node("Cast", ["x"], ["b"], to=TensorProto.BFLOAT16)
    exotic = helper.make_tensor_value_info("b", TensorProto.BFLOAT16, [None, 2])
    said = refusal(with_output(tmp_path / "b.onnx", [narrow], exotic))
    assert "'b' is a tensor(bfloat16), which has no column: export the model with a float" in said
    assert "a Cast beside it" in said
    wide = helper.make_node("Cast", ["b"], ["y"], to=TensorProto.FLOAT)
    output = value("y", "float32", None, 2)
    assert kinds(with_output(tmp_path / "y.onnx", [narrow, wide], output)) == ["array"]


def test_a_sequence_output_wants_to_be_joined_or_left_out(tmp_path: Path) -> None:
    """A multi-output classifier has one; the label beside it can be served as it is."""
    listed = helper.make_node("SequenceConstruct", ["x", "x"], ["s"])
    label = helper.make_node("ArgMax", ["x"], ["label"], axis=1, keepdims=0)
    sequence = helper.make_tensor_sequence_value_info("s", TensorProto.FLOAT, None)
    number = value("label", "int64", None)
    path = with_output(tmp_path / "s.onnx", [listed, label], sequence, number)
    said = refusal(path)
    assert "ConcatFromSequence (axis 1)" in said
    assert said.endswith("leave it out: name what you need in model.outputs (label).")
    assert map_outputs(load_model(path).outputs, {"l": "label"}).wanted == ("label",)
    joined = helper.make_node("ConcatFromSequence", ["s"], ["y"], axis=1)
    output = value("y", "float32", None, 4)
    assert kinds(with_output(tmp_path / "y.onnx", [listed, joined], output)) == ["array"]


def test_a_model_that_gives_sequences_alone_is_told_the_same(tmp_path: Path) -> None:
    """It has nothing to learn the shapes of."""
    listed = helper.make_node("SequenceConstruct", ["x", "x"], ["s"])
    sequence = helper.make_tensor_sequence_value_info("s", TensorProto.FLOAT, None)
    said = refusal(with_output(tmp_path / "s.onnx", [listed], sequence))
    assert "ConcatFromSequence (axis 1)" in said
    assert "leave it out" not in said


@pytest.mark.parametrize(
    ("onnx_type", "words"),
    [
        ("map(string,tensor(float))", "take the DictVectorizer"),
        ("seq(tensor(float))", "a tensor that has one row an event"),
        ("tensor(bfloat16)", "model.float() before the export"),
        ("sparse_tensor(float)", "a dense tensor"),
    ],
)
def test_each_kind_of_input_has_advice_of_its_own(onnx_type: str, words: str) -> None:
    """A Cast does not turn a map into a tensor."""
    assert words in fill_advice(onnx_type)
    assert ("Cast " in fill_advice(onnx_type)) == onnx_type.startswith("tensor(")


@pytest.mark.parametrize(
    ("onnx_type", "words"),
    [
        ("seq(map(int64,tensor(float)))", "zipmap=False"),
        ("optional(tensor(float))", "OptionalGetElement"),
        ("tensor(float8e4m3fn)", "a Cast beside it"),
        ("sparse_tensor(float)", "a dense tensor"),
    ],
)
def test_each_kind_of_output_has_advice_of_its_own(onnx_type: str, words: str) -> None:
    """Without another output there is nothing to leave it out for."""
    assert words in column_advice(onnx_type, [])
    assert "leave it out" not in column_advice(onnx_type, [])


def test_an_operator_of_onnxruntime_extensions_is_named_as_one(tmp_path: Path) -> None:
    """A newer onnxruntime does not have it either."""
    node = helper.make_node("BertTokenizer", ["x"], ["y"], domain="ai.onnx.contrib")
    path = with_output(tmp_path / "m.onnx", [node], value("y", "int64", None, 16))
    model = onnx.load(path)
    model.opset_import.append(helper.make_opsetid("ai.onnx.contrib", 1))
    onnx.save(model, path)
    with pytest.raises(ContractError, match="BertTokenizer of onnxruntime-extensions") as caught:
        load_model(path)
    assert "newer" not in str(caught.value)
