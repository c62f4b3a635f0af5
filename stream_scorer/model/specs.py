"""Reads tensor specifications from a session, and decides which can be served."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from numpy.typing import NDArray

from stream_scorer.errors import ContractError
from stream_scorer.model.graph import Graph
from stream_scorer.model.tensors import OutputSpec, Shape, TensorSpec, dtype_of, empty
from stream_scorer.model.unserved import fill_advice


def input_spec(node: Any) -> TensorSpec:
    """Return an input of a session (its ``NodeArg``).

    Raises:
        ContractError: it is no tensor that columns can fill, or it has no batch axis, or the batch
            axis has a fixed size other than 1.
    """
    dtype = dtype_of(node.type)
    if dtype is None:
        raise ContractError(
            f"Input '{node.name}' is a {node.type}, which no field can fill: "
            f"{fill_advice(node.type)}."
        )
    spec = TensorSpec(node.name, dtype, _shape(node.shape))
    if not spec.shape:
        raise ContractError(
            f"Input '{node.name}' has no batch axis (or no declared shape), so it can't take one "
            f"row an event: export the model with a dynamic first axis, or with this input as a "
            f"constant."
        )
    if spec.shape[0] not in (None, 1):
        raise ContractError(
            f"Input {spec} takes exactly {spec.shape[0]} rows a call: export the model with a "
            f"dynamic first axis (torch: dynamic_shapes; scikit-learn: [None, width])."
        )
    return spec


def output_spec(node: Any, graph: Graph) -> OutputSpec:
    """Return an output of a session (its ``NodeArg``).

    A first axis of 1 is taken as open: exporters write the size of their sample there.
    """
    classes = graph.classes.get(node.name)
    shape = _shape(node.shape)
    if shape[:1] == (1,):
        shape = (None, *shape[1:])
    return OutputSpec(node.name, dtype_of(node.type), shape, classes, node.type)


def _shape(axes: Sequence[Any]) -> Shape:
    """Return the axes with ``None`` for a symbol, an unknown size and the -1 of old exporters."""
    return tuple(axis if isinstance(axis, int) and axis > 0 else None for axis in axes)


def seen_shape(first: Shape, second: Shape, rows: tuple[int, int]) -> Shape:
    """Return the shape of an output that was seen with two numbers of rows.

    An axis of equal size in both is fixed; axis 0 is open only if it follows the rows, so that an
    output which isn't one row an event is told by its first axis.
    """
    if len(first) != len(second):
        return (None,) * len(first)
    axes = [a if a == b else None for a, b in zip(first, second, strict=True)]
    if axes and (first[0], second[0]) == rows:
        axes[0] = None
    elif axes:
        axes[0] = first[0]
    return tuple(axes)


def plain_row(inputs: Sequence[TensorSpec], fill: int) -> dict[str, NDArray[Any]] | None:
    """Return one row of zeros or ones (texts are empty), ``None`` if its shape is left open."""
    row: dict[str, NDArray[Any]] = {}
    for spec in inputs:
        sizes = [axis for axis in spec.row_shape if axis is not None]
        if len(sizes) < len(spec.row_shape):
            return None
        row[spec.name] = empty(spec.dtype, (1, *sizes))
        if spec.dtype != "string":
            row[spec.name][...] = fill
    return row
