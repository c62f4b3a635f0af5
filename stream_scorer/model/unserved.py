"""Inputs that no field can fill and outputs that no column can hold: what helps with each type."""

from __future__ import annotations

from collections.abc import Sequence

_CAST = "(torch: model.float() before the export; ONNX: a Cast beside it)"


def fill_advice(onnx_type: str) -> str:
    """Return what to do about an input, as the end of a sentence."""
    if onnx_type.startswith("map("):
        return (
            "take the DictVectorizer (or CastMap) that reads it out of the graph, and give what "
            "follows a tensor with one value for each key, in the order of its vocabulary "
            "(scikit-learn: convert the steps after the DictVectorizer)"
        )
    if onnx_type.startswith(("seq(", "optional(")):
        return "export the model with a tensor that has one row an event in its place"
    if onnx_type.startswith("tensor("):
        return f"export the model with a float input {_CAST}"
    return "export the model with a dense tensor of floats, ints, booleans or strings"


def column_advice(onnx_type: str, others: Sequence[str]) -> str:
    """Return what to do about an output, as the end of a sentence.

    Args:
        onnx_type: its type, as ONNX Runtime writes it.
        others: the outputs that can be columns.
    """
    ways = [_as_column(onnx_type)]
    if others:
        ways.append(f"leave it out: name what you need in model.outputs ({', '.join(others)})")
    return ", or ".join(ways)


def _as_column(onnx_type: str) -> str:
    if onnx_type.startswith("seq(map("):
        return "export the model without the ZipMap that makes it (skl2onnx: zipmap=False)"
    if onnx_type.startswith("seq("):
        return (
            "join its tensors into one with a ConcatFromSequence (axis 1) behind it, or make each "
            "an output of its own (scikit-learn: convert each of the model's estimators_)"
        )
    if onnx_type.startswith("optional("):
        return "put an OptionalGetElement behind it"
    if onnx_type.startswith("tensor("):
        return f"export the model with a float output {_CAST}"
    return "export the model with a dense tensor of floats, ints, booleans or strings"
