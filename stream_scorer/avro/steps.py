"""The steps of a compiled plan that read or skip one value of every row.

A step takes the rows at the start of a value, moves them to its end, and adds the columns that are
wanted to ``out``, by path.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stream_scorer.avro.actions import Copy, Symbol
from stream_scorer.avro.building import DTYPES, promoted
from stream_scorer.avro.decimals import decimals
from stream_scorer.avro.wire import Whole, Wire
from stream_scorer.columns import Column, Enums, Numbers, Texts

Out = dict[str, Column]
Step = Callable[[Wire, Out], None]

_FORMATS = {"float": "<f4", "double": "<f8", "boolean": "u1"}
_GAP = 64
"""Cells that lie further apart than this many bytes are gathered apart."""


@dataclass(frozen=True, slots=True)
class Cell:
    """A value of one width. ``path`` is where it goes, ``None`` if it is not read.

    ``scale`` is set for a decimal, ``kind`` the reader's, ``copy`` where its bytes go if they are
    copied.
    """

    width: int
    format: str = ""
    path: str | None = None
    kind: str = ""
    scale: int | None = None
    copy: str | None = None


def cell_of(action: Copy, path: str) -> Cell | None:
    """Return the cell of a value to read, or ``None`` if its width is not the same in all rows."""
    writer, reader = action.writer, action.reader
    if writer.kind in _FORMATS:
        form = _FORMATS[writer.kind]
        return Cell(np.dtype(form).itemsize, form, path, reader.kind)
    if writer.kind == "fixed":
        size = getattr(writer, "size", 0)
        return Cell(size, "", path, reader.kind, reader.scale)
    return None


def skipped_cell(width: int, kind: str) -> Cell:
    """Return the cell of a value to skip; a boolean is looked at all the same."""
    return Cell(width, _FORMATS["boolean"] if kind == "boolean" else "")


def span(cells: Sequence[Cell]) -> Step:
    """Read adjacent cells: those that are looked at in one gather, or few."""
    placed = []
    width = 0
    for cell in cells:
        placed.append((width, cell))
        width += cell.width
    gathers = [_gather(group) for group in _grouped(placed)]
    fixed = [(at, each, each.path) for at, each in placed if each.path and not each.format]
    copies = [(at, each.width, each.copy) for at, each in placed if each.copy]

    def step(wire: Wire, out: Out) -> None:
        for gather in gathers:
            gather(wire, out)
        for offset, cell, path in fixed:
            lengths = np.full(len(wire), cell.width, np.int64)
            out[path] = _octets(wire, wire.at + offset, lengths, cell.scale)
        for offset, size, key in copies:
            starts = wire.at + offset if offset else wire.at.copy()
            out[key] = _sound(wire, starts, starts + size)
        wire.at += width

    return step


def _grouped(placed: Sequence[tuple[int, Cell]]) -> list[list[tuple[int, Cell]]]:
    groups: list[list[tuple[int, Cell]]] = []
    end = -_GAP
    for offset, cell in placed:
        if cell.format:
            if not groups or offset - end > _GAP:
                groups.append([])
            groups[-1].append((offset, cell))
            end = offset + cell.width
    return groups


def _gather(group: Sequence[tuple[int, Cell]]) -> Step:
    places = _places(group)
    return _fields(group) if places is None else _table(group, places)


def _places(group: Sequence[tuple[int, Cell]]) -> dict[str, int] | None:
    """Return the column of each field, if a group is a table of numbers that stay as they are."""
    start, first = group[0]
    places: dict[str, int] = {}
    for offset, cell in group:
        place, rest = divmod(offset - start, first.width)
        stays = cell.path is not None and np.dtype(cell.format) == DTYPES[cell.kind]
        if rest or cell.path is None or cell.format != first.format or not stays:
            return None
        places[cell.path] = place
    return places


def _table(group: Sequence[tuple[int, Cell]], places: Mapping[str, int]) -> Step:
    start, first = group[0]
    width = (max(places.values()) + 1) * first.width

    def step(wire: Wire, out: Out) -> None:
        windows = wire.windows(wire.at + start if start else wire.at, width)
        table = windows.view(first.format).reshape(len(wire), -1)
        for path, place in places.items():
            out[path] = Numbers(table[:, place], None, table, place)

    return step


def _fields(group: Sequence[tuple[int, Cell]]) -> Step:
    start, (last, final) = group[0][0], group[-1]
    width = last + final.width - start
    names = [str(offset) for offset, _ in group]
    form = np.dtype(
        {
            "names": names,
            "formats": [cell.format for _, cell in group],
            "offsets": [offset - start for offset, _ in group],
            "itemsize": width,
        }
    )
    cells = list(zip(names, (cell for _, cell in group), strict=True))

    def step(wire: Wire, out: Out) -> None:
        gathered = wire.windows(wire.at + start if start else wire.at, width).view(form)
        for name, cell in cells:
            values = gathered[name]
            if cell.format == "u1":
                wire.lose(values > 1)
                values = values != 0
            if cell.path is not None:
                out[cell.path] = Numbers(promoted(values, cell.kind))

    return step


def nullable_cell(cell: Cell, *, null_first: bool) -> Step:
    """Read a float or double that may be null, or skip it, without parting the rows."""
    present_byte = 2 if null_first else 0  # the zig-zag form of its branch

    def step(wire: Wire, out: Out) -> None:
        branch = wire.bytes_ahead()
        strange = branch & 0xFD  # neither 0 nor 1: no branch, or more than one byte
        if strange.any():
            wire.lose(strange != 0)
        present = branch == present_byte
        wire.at += 1
        if cell.path is not None:
            values = wire.windows(wire.at, cell.width).view(cell.format)
            values = np.where(present, values, values.dtype.type(0))
            values = promoted(values, cell.kind)
            out[cell.path] = Numbers(values, None if present.all() else present)
        wire.at += present * np.int64(cell.width)

    return step


def whole_number(writer: str, reader: str, path: str | None) -> Step:
    """Read an int or long, or skip it; an int beyond 32 bits loses its row."""

    def step(wire: Wire, out: Out) -> None:
        values = wire.varints()
        if writer == "int":
            beyond = values != values.astype(np.int32)
            if beyond.any():
                wire.lose(beyond)
        if path is not None:
            out[path] = Numbers(promoted(values, reader))

    return step


def octets(path: str | None, scale: int | None) -> Step:
    """Read bytes, or a decimal, or skip it."""

    def step(wire: Wire, out: Out) -> None:
        lengths = wire.lengths()
        if path is None:
            wire.at += lengths
            return
        starts = wire.at.copy()
        wire.at += lengths
        out[path] = _octets(wire, starts, lengths, scale)

    return step


def _octets(
    wire: Wire, starts: NDArray[np.int64], lengths: NDArray[np.int64], scale: int | None
) -> Column:
    if scale is None:
        return Texts(wire.raw, starts, lengths)
    return Numbers(decimals(wire, starts, lengths, scale))


def text(path: str | None) -> Step:
    """Read a string, or skip it; one that is not UTF-8 loses its row."""

    def step(wire: Wire, out: Out) -> None:
        lengths = wire.lengths()
        starts = wire.at.copy()
        wire.at += lengths
        wrong = wire.not_utf8(starts, lengths)
        if wrong:
            wire.lose(np.array(wrong))
        if path is not None:
            out[path] = Texts(wire.raw, starts, lengths)

    return step


def symbol(action: Symbol, path: str) -> Step:
    """Read an enum; a symbol that the reader has not, and no default for, loses its row."""
    positions = np.array(action.positions or (-1,), np.int32)

    def step(wire: Wire, out: Out) -> None:
        indices = positions.take(wire.indices(len(action.positions)))
        unknown = indices < 0
        if unknown.any():
            wire.lose(unknown)
        out[path] = Enums(indices, action.reader.symbols)

    return step


def spanned(step: Step, key: str) -> Step:
    """Take a step and copy the bytes that it moves over."""

    def over(wire: Wire, out: Out) -> None:
        starts = wire.at.copy()
        step(wire, out)
        out[key] = _sound(wire, starts, wire.at.copy())

    return over


def _sound(wire: Wire, starts: Whole, ends: Whole) -> Texts:
    """Return bytes of each row; none of a row that is past its end."""
    past = ends > wire.end
    if past.any():
        starts, ends = np.where(past, 0, starts), np.where(past, 0, ends)
    return Texts(wire.raw, starts, ends - starts)


def twice(first: Step, second: Step) -> Step:
    """Take two steps over the same value, and lose the rows that either loses."""

    def step(wire: Wire, out: Out) -> None:
        starts = wire.at.copy()
        first(wire, out)
        ends = wire.at
        wire.at = starts
        second(wire, out)
        np.maximum(wire.at, ends, out=wire.at)

    return step


def skipped_symbol(choices: int) -> Step:
    """Skip an enum."""

    def step(wire: Wire, _: Out) -> None:
        wire.indices(choices)

    return step


def constants(columns: Mapping[str, Column]) -> Step:
    """Read nothing: every row has the one row of these columns."""

    def step(wire: Wire, out: Out) -> None:
        first = np.zeros(len(wire), np.intp)
        for path, column in columns.items():
            out[path] = column.take(first)

    return step


def refusal(columns: Mapping[str, Column]) -> Step:
    """Read nothing, and lose every row: the writer's branch is none of the reader's."""
    nulls = constants(columns)

    def step(wire: Wire, out: Out) -> None:
        nulls(wire, out)
        wire.lose(np.arange(len(wire)))

    return step


def one_after_another(steps: Sequence[Step]) -> Step:
    """Take steps in turn."""
    if len(steps) == 1:
        return steps[0]

    def step(wire: Wire, out: Out) -> None:
        for each in steps:
            each(wire, out)

    return step
