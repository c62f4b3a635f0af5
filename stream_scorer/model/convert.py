"""Columns to the dtype of a tensor, and the rows whose value that dtype can't hold.

Rules: a float rounds to nearest, but a finite one never becomes infinite; an integer must be in
range; a float in an integer tensor must be whole; a boolean is 0 or 1, and back; text fits text.
"""

from __future__ import annotations

from typing import Any, assert_never

import numpy as np
from numpy.typing import NDArray

from stream_scorer.columns import Column, Enums, Lists, Numbers, Objects, Texts
from stream_scorer.model.tensors import Dtype, empty

Mask = NDArray[np.bool_]
"""One boolean a row."""


def convert(column: Column, dtype: Dtype) -> tuple[NDArray[Any], Mask | None]:
    """Return the column as ``[rows]`` of ``dtype``, and the rows that don't fit (None: all do).

    A row that doesn't fit, or is null, holds a harmless value.
    """
    match column:
        case Numbers(values):
            if dtype == "string":
                return _nothing_fits(column, dtype)
            return numbers(values, dtype)
        case Texts() | Enums():
            return _texts(column, dtype)
        case Objects(values):
            return _objects(values, dtype)
        case Lists():
            return _nothing_fits(column, dtype)
        case _:
            assert_never(column)


def numbers(values: NDArray[Any], dtype: np.dtype[Any]) -> tuple[NDArray[Any], Mask | None]:
    """Return numbers in ``dtype``, and the rows that it can't hold."""
    if dtype.kind == "f":
        return _to_float(values, dtype)
    if np.can_cast(values.dtype, dtype, "safe"):
        return values.astype(dtype, copy=False), None
    low, high = (0, 1) if dtype.kind == "b" else (np.iinfo(dtype).min, np.iinfo(dtype).max)
    if values.dtype.kind == "f":
        # high + 1 is a power of two, which every float holds; high itself would round up to it.
        # A comparison with NaN is false, so NaN is outside.
        fits = (values >= float(low)) & (values < float(high + 1)) & (np.trunc(values) == values)
    else:
        fits = (values >= low) & (values <= high)
    return np.where(fits, values, 0).astype(dtype), _or_none(~fits)


def _to_float(values: NDArray[Any], dtype: np.dtype[Any]) -> tuple[NDArray[Any], Mask | None]:
    if np.can_cast(values.dtype, dtype, "safe"):
        return values.astype(dtype, copy=False), None
    with np.errstate(over="ignore"):
        floats = values.astype(dtype)
    overflown = np.isinf(floats)
    if not overflown.any():
        return floats, None
    if values.dtype.kind == "f":
        overflown &= np.isfinite(values)
    floats[overflown] = 0
    return floats, _or_none(overflown)


def _texts(column: Texts | Enums, dtype: Dtype) -> tuple[NDArray[Any], Mask | None]:
    if dtype != "string":
        return _nothing_fits(column, dtype)
    if isinstance(column, Enums):
        return np.array(column.symbols, dtype=object)[column.indices], None
    texts = np.empty(len(column), dtype=object)
    texts[:] = [text.decode() for text in column.to_bytes()]
    return texts, None


def _objects(values: list[Any], dtype: Dtype) -> tuple[NDArray[Any], Mask | None]:
    """Convert the values of a general union: by the type of each value, as the columns are."""
    result = empty(dtype, (len(values),))
    unfit = np.zeros(len(values), dtype=np.bool_)
    for row, value in enumerate(values):
        if value is None:
            continue
        if dtype == "string":
            fits = isinstance(value, str)
            result[row] = value if fits else ""
        elif isinstance(value, bool | int | float):
            # Avro's long is 64 bits; NumPy picks bool, int64 or float64 by the value's own type.
            cell, cell_unfit = numbers(np.array([value]), dtype)
            result[row], fits = cell[0], cell_unfit is None
        else:
            fits = False
        unfit[row] = not fits
    return result, _or_none(unfit)


def _nothing_fits(column: Column, dtype: Dtype) -> tuple[NDArray[Any], Mask | None]:
    return empty(dtype, (len(column),)), np.ones(len(column), dtype=np.bool_)


def _or_none(mask: Mask) -> Mask | None:
    return mask if mask.any() else None
