"""Why a row has no place in a tensor, in one sentence that names the field and the value."""

from __future__ import annotations

from typing import Any

import numpy as np

from stream_scorer.columns import Column, Enums, Lists, Numbers, Objects, Texts
from stream_scorer.model.convert import convert
from stream_scorer.model.tensors import TensorSpec
from stream_scorer.records import Problem, Reason, Stage

_LONGEST_VALUE = 80


def missing_problem(path: str) -> Problem:
    """Return the problem of a null that ``model.missing`` rejects."""
    return Problem(
        Reason.MISSING_FEATURE,
        Stage.FEATURES,
        f"The field '{path}' is null, and model.missing rejects it.",
    )


def unfit_problem(
    path: str, spec: TensorSpec, column: Column, row: int, shape: tuple[int, ...]
) -> Problem:
    """Return the problem of a value that the tensor can't hold.

    Args:
        path: the field.
        spec: the tensor.
        column: the field's column.
        row: the row whose value it is.
        shape: the lengths of the arrays that the tensor takes, empty for a scalar field.
    """
    message = (
        f"The field '{path}' {_fault(column.take(np.array([row])), spec, shape)}, "
        f"which input {spec} can't hold."
    )
    return Problem(Reason.NOT_REPRESENTABLE, Stage.FEATURES, message)


def _fault(column: Column, spec: TensorSpec, shape: tuple[int, ...]) -> str:
    """Return what is wrong with the values of a column; at least one is."""
    if shape and isinstance(column, Lists):
        wrong = column.lengths != shape[0]
        if column.present is not None:
            wrong &= column.present
        if wrong.any():
            return f"has an array of length {column.lengths[wrong][0]} instead of {shape[0]}"
        return _fault(column.items, spec, shape[1:])
    unfit = convert(column, spec.dtype)[1]
    present = column.present
    if unfit is not None and present is not None:
        unfit = unfit & present
    row = int(np.argmax(unfit)) if unfit is not None else 0
    return f"holds {_shown(value_of(column, row))}"


def value_of(column: Column, row: int) -> Any:
    """Return the value of a row as Python has it; of a null row something harmless."""
    match column:
        case Numbers(values):
            return values[row].item()
        case Texts():
            return column.take(np.array([row])).to_bytes()[0].decode("utf-8", "replace")
        case Enums(indices, symbols):
            return symbols[indices[row]]
        case Objects(values):
            return values[row]
        case Lists(lengths):
            return f"an array of {lengths[row]}"


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _LONGEST_VALUE else text[:_LONGEST_VALUE] + "…"
