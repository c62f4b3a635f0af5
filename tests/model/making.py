"""What the tests of the model feed it with: columns from plain values, models from a few nodes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper

from stream_scorer.columns import Column, Enums, FieldType, Kind, Lists, Numbers, Objects, Texts

_DTYPES: Mapping[str, str] = {
    "boolean": "bool",
    "int": "int32",
    "long": "int64",
    "float": "float32",
    "double": "float64",
}
ELEMENTS: Mapping[str, int] = {
    "float16": TensorProto.FLOAT16,
    "float32": TensorProto.FLOAT,
    "float64": TensorProto.DOUBLE,
    "bool": TensorProto.BOOL,
    "string": TensorProto.STRING,
    **{f"int{bits}": getattr(TensorProto, f"INT{bits}") for bits in (8, 16, 32, 64)},
    **{f"uint{bits}": getattr(TensorProto, f"UINT{bits}") for bits in (8, 16, 32, 64)},
}


def field_type(kind: Kind, *, nullable: bool = False, **more: Any) -> FieldType:
    """Return the type of a field."""
    return FieldType(kind, nullable, **more)


def array_of(items: FieldType, *, nullable: bool = False) -> FieldType:
    """Return the type of an array field."""
    return FieldType("array", nullable, items)


def column_of(kind: FieldType, values: Sequence[Any]) -> Column:
    """Return the column that the Avro reader makes of these values; None is null."""
    if kind.kind == "union":
        return Objects(list(values))
    present = None
    if kind.nullable:
        present = np.array([value is not None for value in values], dtype=np.bool_)
    if kind.kind in _DTYPES:
        numbers = [0 if value is None else value for value in values]
        return Numbers(np.array(numbers, dtype=_DTYPES[kind.kind]), present)
    if kind.kind == "string":
        encoded = [(value or "").encode() for value in values]
        lengths = np.array([len(text) for text in encoded], dtype=np.int64)
        return Texts(b"".join(encoded), np.cumsum(lengths) - lengths, lengths, present)
    if kind.kind == "enum":
        positions = [0 if value is None else kind.symbols.index(value) for value in values]
        return Enums(np.array(positions, dtype=np.int32), kind.symbols, present)
    assert kind.kind == "array"
    assert kind.items is not None
    lists = [value or [] for value in values]
    items = column_of(kind.items, [item for each in lists for item in each])
    return Lists(np.array([len(each) for each in lists], dtype=np.int64), items, present)


def write_model(
    path: Path,
    nodes: Sequence[onnx.NodeProto],
    inputs: Sequence[onnx.ValueInfoProto],
    outputs: Sequence[onnx.ValueInfoProto],
    *,
    initializers: Sequence[onnx.TensorProto] = (),
    opset: int = 18,
    ir_version: int = 9,
) -> Path:
    """Write a model of these nodes and return its path; ``ai.onnx.ml`` is there too."""
    graph = helper.make_graph(nodes, "made", inputs, outputs, initializers)
    opsets = [helper.make_opsetid("", opset), helper.make_opsetid("ai.onnx.ml", 3)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=ir_version)
    path.write_bytes(model.SerializeToString())
    return path


def value(name: str, dtype: str, *shape: int | str | None) -> onnx.ValueInfoProto:
    """Return an input or output of a model."""
    return helper.make_tensor_value_info(name, ELEMENTS[dtype], shape)


def passing(path: Path, dtype: str, *shape: int | str | None) -> Path:
    """Write a model whose output ``y`` is its input ``x``."""
    node = helper.make_node("Identity", ["x"], ["y"])
    return write_model(path, [node], [value("x", dtype, *shape)], [value("y", dtype, *shape)])
