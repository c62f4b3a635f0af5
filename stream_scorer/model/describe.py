"""Describes a model file without opening a session, for ``inspect``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stream_scorer.errors import ContractError
from stream_scorer.model.graph import read_graph, read_proto


@dataclass(frozen=True, slots=True)
class ValueDescription:
    """An input or output as the graph declares it: ``float32``, ``[batch, 20]``."""

    name: str
    type: str
    shape: str
    dynamic_axes: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class ModelDescription:
    """A model file at a glance. ``operators`` are counted, the most frequent first."""

    path: Path
    sha256: str
    size_bytes: int
    ir_version: int
    producer: str
    opsets: Mapping[str, int]
    inputs: tuple[ValueDescription, ...]
    outputs: tuple[ValueDescription, ...]
    operators: Mapping[str, int]
    metadata: Mapping[str, str]


def describe_model(path: Path) -> ModelDescription:
    """Describe a model file; one that this machine can't run is described all the same.

    Raises:
        ContractError: the file is missing, empty or no ONNX model.
    """
    graph = read_graph(path)
    proto = read_proto(path)
    if proto is None:
        raise ContractError(f"The model '{path}' is not an ONNX model, or is cut off.")
    initializers = {tensor.name for tensor in proto.graph.initializer}
    return ModelDescription(
        path=path,
        sha256=graph.sha256,
        size_bytes=graph.size_bytes,
        ir_version=proto.ir_version,
        producer=f"{proto.producer_name} {proto.producer_version}".strip(),
        opsets={each.domain or "ai.onnx": each.version for each in proto.opset_import},
        inputs=tuple(_value(each) for each in proto.graph.input if each.name not in initializers),
        outputs=tuple(_value(each) for each in proto.graph.output),
        operators=dict(Counter(_operators(proto.graph)).most_common()),
        metadata={each.key: each.value for each in proto.metadata_props},
    )


def _value(value: Any) -> ValueDescription:
    kind = value.type.WhichOneof("value")
    if kind != "tensor_type":
        return ValueDescription(value.name, (kind or "unknown").removesuffix("_type"), "")
    tensor = value.type.tensor_type
    if not tensor.HasField("shape"):
        return ValueDescription(value.name, _element(tensor.elem_type), "unknown")
    axes = [
        str(axis.dim_value) if axis.HasField("dim_value") else axis.dim_param or "?"
        for axis in tensor.shape.dim
    ]
    dynamic = tuple(
        index for index, axis in enumerate(tensor.shape.dim) if not axis.HasField("dim_value")
    )
    return ValueDescription(value.name, _element(tensor.elem_type), f"[{', '.join(axes)}]", dynamic)


def _element(elem_type: int) -> str:
    import onnx  # noqa: PLC0415 - the file was read with it

    name = onnx.TensorProto.DataType.Name(elem_type).lower()
    return {"float": "float32", "double": "float64"}.get(name, str(name))


def _operators(graph: Any) -> Iterator[str]:
    """Yield the operators of a graph and of the graphs within it, with their domain."""
    for node in graph.node:
        yield f"{node.domain}.{node.op_type}" if node.domain else node.op_type
        for attribute in node.attribute:
            for inner in (attribute.g, *attribute.graphs):
                yield from _operators(inner)
