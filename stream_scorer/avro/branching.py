"""The steps of a compiled plan in which rows differ: unions, arrays and maps.

A union parts the rows by branch, runs each branch's step over its rows, and puts the columns
together again. Items of one width are gathered a block at a time; any others are read one item of
every row at a time. Where few rows are left in such a loop it no longer pays: they are lost, and
whoever runs the plan reads them one by one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import count

import numpy as np
from numpy.typing import NDArray

from stream_scorer.avro.building import promoted
from stream_scorer.avro.steps import Cell, Out, Step
from stream_scorer.avro.wire import Rows, Whole, Wire
from stream_scorer.columns import Column, Lists, Numbers, concatenated

_PATIENCE = 16
"""Number of loop iterations for any number of rows ..."""
_FEW = 16
"""... and later ones only for as many rows as this."""
_SPARSE = 16
"""The whole buffer is looked at only for an item in so many of its bytes, or for more."""


def choice(branches: Sequence[Step]) -> Step:
    """Read or skip a union: each branch's step adds the same columns."""

    def step(wire: Wire, out: Out) -> None:
        index = wire.indices(len(branches))
        parts: list[tuple[Rows, Out]] = []
        for number, branch in enumerate(branches):
            rows = np.flatnonzero(index == number)
            if len(rows) == len(wire):
                branch(wire, out)
                return
            if len(rows):
                some, found = wire.only(rows), Out()
                branch(some, found)
                wire.resume(rows, some)
                parts.append((rows, found))
        order = np.empty(len(wire), np.intp)
        order[np.concatenate([rows for rows, _ in parts])] = np.arange(len(wire))
        for path in parts[0][1]:
            out[path] = concatenated([found[path] for _, found in parts]).take(order)

    return step


def skipped_widths(widths: Sequence[int]) -> Step:
    """Skip a union each of whose branches has one width."""
    table = np.array(widths, np.int64)

    def step(wire: Wire, _: Out) -> None:
        index = wire.indices(len(table))
        wire.at += table.take(index)

    return step


@dataclass(frozen=True, slots=True)
class Part:
    """Some of the items of some rows, ascending: ``lengths`` of them each, flat in ``items``."""

    rows: Rows
    lengths: Whole
    items: Column


ReadItems = Callable[[Wire, Whole], list[Part]]
"""Reads or skips so many items of each row; a part's rows count within the given ones."""


def array(items: ReadItems, least: int, path: str) -> Step:
    """Read an array, of items that take ``least`` bytes each, or more."""

    def step(wire: Wire, out: Out) -> None:
        parts = _blocks(wire, items, least)
        if not parts:
            parts = items(wire.only(np.zeros(0, np.intp)), np.zeros(0, np.int64))
        out[path] = _joined(parts, len(wire))

    return step


def skipped_blocks(items: ReadItems, least: int) -> Step:
    """Skip an array or a map, of items that take ``least`` bytes each, or more."""

    def step(wire: Wire, _: Out) -> None:
        _blocks(wire, items, least)

    return step


def _blocks(wire: Wire, items: ReadItems, least: int) -> list[Part]:
    parts: list[Part] = []
    rows = np.arange(len(wire))
    for turn in count():
        if not len(rows):
            break
        if turn >= _PATIENCE and len(rows) < _FEW:
            wire.lose(rows)
            break
        some = wire.only(rows)
        counts, ends = some.block_counts(least)
        going_on = np.flatnonzero(counts)
        if len(going_on):
            found = items(some, counts)
            parts += [Part(rows[part.rows], part.lengths, part.items) for part in found]
        if ends is not None:
            some.lose((ends >= 0) & (some.at != ends))
        wire.resume(rows, some)
        rows = rows[going_on]
    return parts


def solid_items(cell: Cell) -> ReadItems:
    """Read floats or doubles: a block of every row in one gather."""
    width = cell.width

    def read(wire: Wire, counts: Whole) -> list[Part]:
        most = int(counts.max(initial=0))
        if most and (counts == most).all():
            gathered = wire.windows(wire.at, most * width)
        else:
            before = np.cumsum(counts) - counts
            starts = np.repeat(wire.at - before * width, counts)
            starts += np.arange(len(starts)) * width
            gathered = wire.windows(starts, width)
        wire.at += counts * width
        values = promoted(gathered.view(cell.format), cell.kind)
        return [Part(np.arange(len(wire)), counts, Numbers(values))]

    return read


def whole_items(writer: str, reader: str, one: ReadItems) -> ReadItems:
    """Read ints or longs: a block of every row at once, or with ``one`` if there are few items."""

    def read(wire: Wire, counts: Whole) -> list[Part]:
        if counts.sum() * _SPARSE < len(wire.octets):
            return one(wire, counts)
        values = wire.varint_runs(counts)
        if writer == "int":
            beyond = values != values.astype(np.int32)
            if beyond.any():
                wire.lose(np.repeat(np.arange(len(wire)), counts)[beyond])
        return [Part(np.arange(len(wire)), counts, Numbers(promoted(values, reader)))]

    return read


def solid_skip(width: int) -> ReadItems:
    """Skip items of one width."""

    def skip(wire: Wire, counts: Whole) -> list[Part]:
        wire.at += counts * width
        return []

    return skip


def one_by_one(item: Step, path: str | None) -> ReadItems:
    """Read or skip items with a step for one of them, an item of every row at a time."""

    def read(wire: Wire, counts: Whole) -> list[Part]:
        parts: list[Part] = []
        for turn in count():
            rows = np.flatnonzero((counts > turn) & (wire.at <= wire.end))
            if turn >= _PATIENCE and len(rows) < _FEW:
                wire.lose(rows)
                rows = rows[:0]
            if not len(rows) and (parts or path is None):
                return parts
            some, found = wire.only(rows), Out()
            item(some, found)
            wire.resume(rows, some)
            if path is not None:
                parts.append(Part(rows, np.ones(len(rows), np.int64), found[path]))
        return parts

    return read


def _joined(parts: Sequence[Part], rows: int) -> Lists:
    """Put parts together; one that came earlier holds earlier items of a row."""
    if len(parts) == 1 and len(parts[0].rows) == rows:
        return Lists(parts[0].lengths, parts[0].items)
    owners: NDArray[np.intp] = np.concatenate(
        [np.repeat(part.rows, part.lengths) for part in parts]
    )
    items = concatenated([part.items for part in parts])
    lengths = np.bincount(owners, minlength=rows).astype(np.int64)
    return Lists(lengths, items.take(np.argsort(owners, kind="stable")))
