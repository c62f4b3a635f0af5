"""Byte pieces of many rows, laid side by side without a loop over rows.

A column of Avro values is a sequence of pieces: bytes of one width (a double, a union branch, a
constant) or bytes whose length differs from row to row (a string). ``join`` lays several pieces out
row after row in one buffer. Adjacent pieces of fixed width become one matrix first; each piece is
then scattered to its rows' cursors through windows that overlap at every byte, so that one numpy
assignment writes ``width`` bytes of every row.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Buffer = bytes | NDArray[np.uint8]

_FEW_BYTES = 3
"""Numbers of so many bytes are sooner taken apart a byte at a time."""


@dataclass(frozen=True, slots=True)
class Even:
    """Bytes of one width: row ``i`` is ``cells[i]``; a single row of cells stands for every row.

    ``cells`` is contiguous.
    """

    cells: NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Uneven:
    """Bytes of any length: row ``i`` is ``buffer[starts[i]:starts[i] + lengths[i]]``."""

    buffer: Buffer
    starts: NDArray[np.int64]
    lengths: NDArray[np.int64]


Piece = Even | Uneven


@dataclass(frozen=True, slots=True)
class Packed:
    """Rows one after the other: row ``i`` is ``buffer[bounds[i]:bounds[i + 1]]``."""

    buffer: NDArray[np.uint8]
    bounds: NDArray[np.int64]

    def as_piece(self) -> Piece:
        """Return the rows as a piece of longer rows."""
        return slices(self.buffer, self.bounds[:-1], np.diff(self.bounds))

    def to_bytes(self) -> list[bytes]:
        """Return one ``bytes`` a row."""
        rows = len(self.bounds) - 1
        width = len(self.buffer) // max(rows, 1)
        if width and (np.diff(self.bounds) == width).all():
            cells: list[bytes] = self.buffer.view(f"V{width}").tolist()  # a fifth of slicing's cost
            return cells
        content = self.buffer.tobytes()
        return [content[start:end] for start, end in pairwise(self.bounds.tolist())]


def same(content: bytes) -> Even:
    """Return a piece with the same bytes in every row."""
    return Even(np.frombuffer(content, np.uint8).reshape(1, -1))


def fixed_width(values: NDArray[np.generic]) -> Even:
    """Return the bytes of an array's items, a row each, in the byte order that they have."""
    contiguous = np.ascontiguousarray(values)
    return Even(contiguous.view(np.uint8).reshape(len(values), values.dtype.itemsize))


def slices(buffer: Buffer, starts: NDArray[np.int64], lengths: NDArray[np.int64]) -> Piece:
    """Return slices of a buffer as a piece, ``Even`` where all have one length."""
    width = int(lengths[0]) if len(lengths) else 0
    if (lengths != width).any():
        return Uneven(buffer, starts, lengths)
    return fixed_width(_windows(buffer, width)[starts]) if width else same(b"")


def varints(values: NDArray[np.int64]) -> Piece:
    """Return zigzag varints (Avro specification, "int and long values")."""
    if not len(values):
        return same(b"")
    zigzag = ((values << 1) ^ (values >> 63)).view(np.uint64)
    lowest, highest = int(zigzag.min()), int(zigzag.max())
    if lowest == highest:
        zigzag = zigzag[:1]
    width = _varint_length(highest)
    cells = _sevens(zigzag, width)
    if _varint_length(lowest) == width:
        cells[:, -1] &= 0x7F
        return Even(cells)
    lengths = np.ones(len(values), np.int64)
    for place in range(1, width):
        lengths += zigzag >= np.uint64(1 << 7 * place)
    rows = np.arange(len(values), dtype=np.int64)
    cells[rows, lengths - 1] &= 0x7F
    return Uneven(cells.reshape(-1), rows * width, lengths)


def _sevens(zigzag: NDArray[np.uint64], width: int) -> NDArray[np.uint8]:
    """Return ``width`` bytes of seven bits of each number, the lowest first, top bits set."""
    cells = np.empty((len(zigzag), width), np.uint8)
    at_once = min(width, 8) if width > _FEW_BYTES else 0
    if at_once:
        words = _eight_of_seven(zigzag).astype("<u8", copy=False)
        cells[:, :at_once] = words.view(np.uint8).reshape(-1, 8)[:, :at_once]
    for place in range(at_once, width):
        cells[:, place] = (zigzag >> np.uint64(7 * place)) | np.uint64(0x80)
    return cells


def _eight_of_seven(number: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return the low 56 bits as 8 bytes of seven, top bits set: halves, then quarters, then all."""
    word = number & np.uint64((1 << 56) - 1)
    for shift, low in (
        (4, 0x000000000FFFFFFF),
        (2, 0x00003FFF00003FFF),
        (1, 0x007F007F007F007F),
    ):
        upper = word & ~np.uint64(low)
        word ^= upper
        word |= upper << np.uint64(shift)
    return word | np.uint64(0x8080808080808080)


def either(present: NDArray[np.bool_], some: Packed, otherwise: bytes) -> Uneven:
    """Return the rows of ``some``, in order, where ``present`` holds; elsewhere ``otherwise``."""
    buffer = np.concatenate([some.buffer, np.frombuffer(otherwise, np.uint8)])
    starts = np.full(len(present), len(some.buffer), np.int64)
    lengths = np.full(len(present), len(otherwise), np.int64)
    starts[present] = some.bounds[:-1]
    lengths[present] = np.diff(some.bounds)
    return Uneven(buffer, starts, lengths)


def blocks(lengths: NDArray[np.int64], items: Packed) -> list[Piece]:
    """Return arrays of so many items, each one block and the end mark; an empty one has that alone.

    ``items`` are those of all rows, one after the other.
    """
    end = same(b"\x00")
    filled = lengths > 0
    counts = lengths[filled]
    if not len(counts):
        return [end]
    arrays = Packed(items.buffer, items.bounds[np.append(0, np.cumsum(counts))])
    block = [varints(counts), arrays.as_piece()]
    if len(counts) == len(lengths):
        return [*block, end]
    return [either(filled, join(block, len(counts)), b""), end]


def join(pieces: Sequence[Piece], rows: int) -> Packed:
    """Lay the pieces side by side in each of ``rows`` rows, and the rows one after the other."""
    if not rows:
        return Packed(np.empty(0, np.uint8), np.zeros(1, np.int64))
    merged = list(_merged(pieces, rows))
    lengths = [_length(piece) for piece in merged]
    bounds = np.zeros(rows + 1, np.int64)
    np.cumsum(np.broadcast_to(sum(lengths), rows), out=bounds[1:])
    if len(merged) == 1 and isinstance(merged[0], Even) and len(merged[0].cells) == rows:
        return Packed(merged[0].cells.reshape(-1), bounds)
    buffer = np.empty(int(bounds[-1]), np.uint8)
    if len(buffer):
        cursor = bounds[:-1].copy()
        for piece, length in zip(merged, lengths, strict=True):
            _write(piece, buffer, cursor)
            cursor += length
    return Packed(buffer, bounds)


def _merged(pieces: Sequence[Piece], rows: int) -> Iterator[Piece]:
    """Yield the pieces with each run of fixed-width ones as one, and no empty one."""
    run: list[Even] = []
    for piece in pieces:
        if isinstance(piece, Even):
            if piece.cells.shape[1]:
                run.append(piece)
            continue
        yield from _side_by_side(run, rows)
        yield piece
        run = []
    yield from _side_by_side(run, rows)


def _side_by_side(run: Sequence[Even], rows: int) -> Sequence[Even]:
    """Return a run of fixed-width pieces as one piece, or none for none."""
    if len(run) <= 1:
        return run
    template = np.concatenate([piece.cells[0] for piece in run])
    if all(len(piece.cells) == 1 for piece in run):
        return [Even(template.reshape(1, -1))]
    cells = np.empty((rows, len(template)), np.uint8)
    cells[:] = template
    start = 0
    for piece in run:
        width = piece.cells.shape[1]
        if len(piece.cells) > 1:
            column = np.ndarray((rows,), f"V{width}", cells, start, (len(template),))
            column[:] = piece.cells.view(f"V{width}").reshape(-1)
        start += width
    return [Even(cells)]


def _length(piece: Piece) -> int | NDArray[np.int64]:
    """Return the bytes of each row, as one number where that is the same by construction."""
    return int(piece.cells.shape[1]) if isinstance(piece, Even) else piece.lengths


def _write(piece: Piece, buffer: NDArray[np.uint8], cursor: NDArray[np.int64]) -> None:
    """Write each row of a piece at its cursor."""
    if isinstance(piece, Even):
        width = piece.cells.shape[1]
        _windows(buffer, width)[cursor] = piece.cells.view(f"V{width}").reshape(-1)
        return
    # A length is a sum of powers of two. Each pass copies one power of two bytes of those rows that
    # have it in their length: as many passes as the longest length has bits.
    source, target = piece.starts.copy(), cursor.copy()
    for bit in range(int(piece.lengths.max()).bit_length()):
        width = 1 << bit
        rows = np.flatnonzero(piece.lengths & width)
        if len(rows):
            _windows(buffer, width)[target[rows]] = _windows(piece.buffer, width)[source[rows]]
            source[rows] += width
            target[rows] += width


def _windows(buffer: Buffer, width: int) -> NDArray[np.void]:
    """Return a view in which item ``i`` is ``buffer[i:i + width]``; the items overlap."""
    return np.ndarray((len(buffer) - width + 1,), f"V{width}", buffer, strides=(1,))


def _varint_length(zigzag: int) -> int:
    return max(1, -(-zigzag.bit_length() // 7))
