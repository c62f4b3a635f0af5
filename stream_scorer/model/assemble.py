"""Columns of a batch to one input tensor: scalars side by side, or an array field as it is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stream_scorer.columns import Column, Lists, Numbers
from stream_scorer.model.convert import Mask, convert
from stream_scorer.model.tensors import Dtype, empty


@dataclass(frozen=True, slots=True)
class Block:
    """Values of some rows, ``[rows, ...]``; ``None`` for a mask that would be all false.

    ``unfit`` rows hold something that the tensor can't; ``missing`` rows hold a null that has no
    fill. Their values are harmless.
    """

    values: NDArray[Any]
    unfit: Mask | None = None
    missing: Mask | None = None


@dataclass(frozen=True, slots=True)
class Fill:
    """The replacement for a null; ``value`` ``None`` rejects the event."""

    value: Any


def scalar(column: Column, dtype: Dtype, fill: Fill) -> Block:
    """Return one value a row, ``[rows]``."""
    values, unfit = convert(column, dtype)
    present = column.present
    if present is None or present.all():
        return Block(values, unfit)
    if unfit is not None:
        unfit = unfit & present  # what a null row holds is no one's value
    if fill.value is None:
        return Block(values, unfit, ~present)
    filler = np.array(fill.value, dtype=object if dtype == "string" else dtype)
    return Block(np.where(present, values, filler), unfit)


def matrix(
    columns: Sequence[Column], dtype: Dtype, fills: Sequence[Fill]
) -> tuple[NDArray[Any], Sequence[Block | None]]:
    """Return scalar columns side by side, ``[rows, columns]``, and one block for each of them.

    Floats, the common case, are cast while they are laid side by side and looked over once: there
    is no block for a column without nulls.
    """
    if dtype != "string" and dtype.kind == "f" and all(_is_float(column) for column in columns):
        floats = _float_table(columns, dtype)
        if floats is not None:
            return floats, [
                _filled(floats[:, index], column, fill)
                for index, (column, fill) in enumerate(zip(columns, fills, strict=True))
            ]
    blocks = [scalar(column, dtype, fill) for column, fill in zip(columns, fills, strict=True)]
    table = np.empty((len(columns[0]), len(columns)), dtype=object if dtype == "string" else dtype)
    for index, block in enumerate(blocks):
        table[:, index] = block.values
    return table, blocks


def _is_float(column: Column) -> bool:
    return isinstance(column, Numbers) and column.values.dtype.kind == "f"


def _float_table(columns: Sequence[Column], dtype: np.dtype[Any]) -> NDArray[Any] | None:
    """Return the columns side by side, ``None`` if an infinity needs a closer look."""
    table = np.empty((len(columns[0]), len(columns)), dtype=dtype)
    with np.errstate(over="ignore"):
        start = 0
        for part in _neighbours(columns):
            width = 1 if part.ndim == 1 else part.shape[1]
            table[:, start : start + width] = part.reshape(-1, width)
            start += width
    return None if np.isinf(table).any() else table


def _neighbours(columns: Sequence[Column]) -> Iterator[NDArray[Any]]:
    """Yield the columns' values in order; neighbours in one table come as a part of it."""
    start = 0
    for stop in range(1, len(columns) + 1):
        if stop < len(columns) and _are_neighbours(columns[stop - 1], columns[stop]):
            continue
        first = columns[start]
        assert isinstance(first, Numbers)  # noqa: S101 - tells the type checker what was asked
        if first.table is None:
            yield first.values
        else:
            yield first.table[:, first.place : first.place + stop - start]
        start = stop


def _are_neighbours(left: Column, right: Column) -> bool:
    assert isinstance(left, Numbers) and isinstance(right, Numbers)  # noqa: S101, PT018
    return left.table is not None and left.table is right.table and right.place == left.place + 1


def _filled(values: NDArray[Any], column: Column, fill: Fill) -> Block | None:
    """Write the fill over the nulls in place; return nothing if there are none."""
    present = column.present
    if present is None or present.all():
        return None
    if fill.value is None:
        return Block(values, missing=~present)
    np.copyto(values, fill.value, where=~present)
    return Block(values)


def nested(column: Column, shape: tuple[int, ...], dtype: Dtype, fill: Fill) -> Block:
    """Return an array field as ``[rows, *shape]``; a list of another length is unfit.

    A null item counts as a null of the field, and a null list as a list of nulls.
    """
    if not shape:
        return scalar(column, dtype, fill)
    if not isinstance(column, Lists):
        count = len(column)
        return Block(empty(dtype, (count, *shape)), np.ones(count, dtype=np.bool_))
    right = column.lengths == shape[0]
    if column.present is not None:
        right &= column.present
    if right.all():
        return _items(column, shape, dtype, fill)
    rows = np.flatnonzero(right)
    part = _items(column.take(rows), shape, dtype, fill)
    whole = _scattered(part, rows, len(column))
    return _with_absent(whole, ~right, column, fill)


def _items(column: Lists, shape: tuple[int, ...], dtype: Dtype, fill: Fill) -> Block:
    """Return lists that all have the right length."""
    rows = len(column)
    flat = nested(column.items, shape[1:], dtype, fill)

    def by_row(mask: Mask | None) -> Mask | None:
        return None if mask is None else np.any(mask.reshape(rows, shape[0]), axis=1)

    return Block(flat.values.reshape(rows, *shape), by_row(flat.unfit), by_row(flat.missing))


def _scattered(part: Block, rows: NDArray[np.intp], count: int) -> Block:
    """Return the block with its rows at those positions among ``count``; the rest is harmless."""
    dtype: Dtype = "string" if part.values.dtype == object else part.values.dtype
    values = empty(dtype, (count, *part.values.shape[1:]))
    values[rows] = part.values

    def spread(mask: Mask | None) -> Mask | None:
        if mask is None:
            return None
        whole = np.zeros(count, dtype=np.bool_)
        whole[rows] = mask
        return whole

    return Block(values, spread(part.unfit), spread(part.missing))


def _with_absent(block: Block, wrong: Mask, column: Lists, fill: Fill) -> Block:
    """Add the rows without a list of the right length: null ones are filled, others unfit."""
    null = np.zeros_like(wrong) if column.present is None else ~column.present
    unfit = union(block.unfit, wrong & ~null)
    if fill.value is None:
        return Block(block.values, unfit, union(block.missing, null))
    block.values[null] = fill.value
    return Block(block.values, unfit, block.missing)


def union(first: Mask | None, second: Mask) -> Mask | None:
    """Return rows that are in either, ``None`` for none."""
    mask = second if first is None else first | second
    return mask if mask.any() else None
