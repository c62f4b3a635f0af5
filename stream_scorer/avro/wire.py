"""Numpy kernels over the wire: a cursor for each row, all of them in one buffer.

A read takes the value at every row's cursor and moves the cursors past it. No read is checked
against the end of its row: cursors only ever grow, so a row that overran is past its end for good,
and one comparison after the last field finds it. A row that can't be read is sent there at once,
by ``lose``. Whatever such a row still yields is garbage that the caller replaces.

No read leaves the buffer: where a cursor is too near to its end, or beyond it, the read is moved
back into the buffer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stream_scorer.columns import Payloads

Rows = NDArray[np.intp]
Whole = NDArray[np.int64]

FAR = 1 << 61
"""Where lost rows are: no buffer reaches it, and no schema's fields carry it over 2^63."""

_CONTINUES = 0x80
_ZIGZAG = np.array([(byte >> 1) ^ -(byte & 1) for byte in range(_CONTINUES)], np.int64)
_LONGEST_WINDOW = 64


@dataclass(slots=True)
class Wire:
    """The read position of each row: its next byte is ``octets[at]``, its end ``octets[end]``.

    ``at`` is changed in place; ``octets`` are those of ``raw``, 8 at least.
    """

    raw: bytes
    octets: NDArray[np.uint8]
    at: Whole
    end: Whole

    @classmethod
    def of(cls, payloads: Payloads) -> Wire:
        """Return the rows at their first byte."""
        raw = payloads.buffer.ljust(8, b"\0")
        return cls(raw, np.frombuffer(raw, np.uint8), payloads.starts.copy(), payloads.ends)

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.at)

    def only(self, rows: Rows) -> Wire:
        """Return some of the rows, with cursors of their own; see ``resume``."""
        return Wire(self.raw, self.octets, self.at[rows], self.end[rows])

    def resume(self, rows: Rows, from_: Wire) -> None:
        """Take over the cursors of what ``only(rows)`` returned."""
        self.at[rows] = from_.at

    def lose(self, rows: NDArray[Any]) -> None:
        """Send rows, given by number or by mask, past every end."""
        self.at[rows] = FAR

    def windows(self, starts: Whole, width: int) -> NDArray[np.void]:
        """Return ``width`` bytes from each start, in one pass over overlapping windows."""
        last = len(self.octets) - width
        if last < 0:  # then every row overruns
            return np.zeros(len(starts), f"V{width}")
        every = np.ndarray((last + 1,), f"V{width}", self.octets, strides=(1,))
        return every[np.minimum(starts, last)]

    def bytes_ahead(self) -> NDArray[np.uint8]:
        """Return the byte at each cursor, which stays."""
        return self.octets.take(self.at, mode="clip")

    def varints(self) -> Whole:
        """Read a zig-zag number of up to 64 bits and 10 bytes; rows with a longer one are lost."""
        first = self.bytes_ahead()
        if not (first & _CONTINUES).any():
            self.at += 1
            return _ZIGZAG.take(first)
        return self._long_varints()

    def _long_varints(self) -> Whole:
        word = self._words()
        stop = ~word & np.uint64(0x8080808080808080)
        stop &= -stop  # the lowest: the top bit of the last byte; none within 8 bytes: zero
        within = stop | (stop - np.uint64(1))
        word &= within
        value = _seven_of_eight(word)
        self.at += np.bitwise_count(within) >> 3
        longer = np.flatnonzero(stop == 0)
        if len(longer):
            self._last_two(value, longer)
        value = (value >> np.uint64(1)) ^ -(value & np.uint64(1))
        return value.view(np.int64)

    def _words(self) -> NDArray[np.uint64]:
        """Return the next 8 bytes as little-endian words; zeros stand beyond the buffer."""
        word = self.windows(self.at, 8).view("<u8").astype(np.uint64, copy=False)
        beyond = self.at - (len(self.octets) - 8)
        if (beyond > 0).any():
            word >>= np.clip(beyond, 0, 7).astype(np.uint64) << np.uint64(3)
        return word

    def _last_two(self, value: NDArray[np.uint64], rows: Rows) -> None:
        """Add the ninth and, where there is one, the tenth byte of long numbers."""
        rest = self.only(rows)
        ninth = rest.bytes_ahead().astype(np.uint64)
        rest.at += 1
        tenth = np.where(ninth & _CONTINUES, rest.bytes_ahead(), 0).astype(np.uint64)
        rest.at += (ninth >> np.uint64(7)).astype(np.int64)
        value[rows] |= (ninth & np.uint64(0x7F)) << np.uint64(56) | tenth << np.uint64(63)
        rest.lose(tenth > 1)
        self.resume(rows, rest)

    def varint_runs(self, counts: Whole) -> Whole:
        """Read so many numbers of each row, flat; a row that has not so many is lost."""
        stops = np.flatnonzero(self.octets < _CONTINUES)  # the last byte of each number
        before = np.cumsum(counts) - counts
        index = np.repeat(np.searchsorted(stops, self.at) - before, counts)
        index += np.arange(len(index))
        ends = stops.take(index, mode="clip") + 1 if len(stops) else index
        starts = np.empty_like(ends)
        starts[1:] = ends[:-1]
        some = counts > 0
        starts[before[some]] = self.at[some]
        numbers = Wire(self.raw, self.octets, starts, ends)
        values = numbers.varints()
        self.at[some] = ends[(before + counts - 1)[some]]
        wrong = (index >= len(stops)) | (numbers.at != ends)
        if wrong.any():
            self.lose(np.repeat(np.arange(len(self)), counts)[wrong])
        return values

    def lengths(self) -> Whole:
        """Read the length of bytes or a string; a row with one that can't be is lost.

        A length under 64 may still overrun the row, as any read may.
        """
        first = self.bytes_ahead()
        if not (first & (_CONTINUES | 1)).any():
            self.at += 1
            return (first >> 1).astype(np.int64)
        length = self.varints()
        self._bound(length, self.end - self.at)
        return length

    def indices(self, choices: int) -> Whole:
        """Read the index of a branch or symbol; a row with one that doesn't exist is lost."""
        index = self.varints()
        unknown = (index < 0) | (index >= choices)
        if unknown.any():
            self.lose(unknown)
            index[unknown] = 0
        return index

    def block_counts(self, least: int) -> tuple[Whole, Whole | None]:
        """Read the head of a block of items that take ``least`` bytes each, or more.

        Returns:
            The number of items, zero for rows that are lost, and where the block must end: -1
            where it does not say, ``None`` if none does.
        """
        count = self.varints()
        sized = np.flatnonzero(count < 0)
        ends = None
        if len(sized):
            count[sized] = -count[sized]
            head = self.only(sized)
            size = head.varints()
            head._bound(size, head.end - head.at)  # noqa: SLF001 - one of our own
            ends = np.full(len(self), -1, np.int64)
            ends[sized] = head.at + size
            self.resume(sized, head)
        if least:
            self._bound(count, (self.end - self.at) // least)
        else:  # their number is bounded in all, which one row at a time is better placed to count
            self._bound(count, np.zeros(len(self), np.int64))
        return count, ends

    def _bound(self, number: Whole, most: Whole) -> None:
        """Lose rows whose number is not within 0 and ``most``, and make it zero."""
        impossible = (number < 0) | (number > most)
        if impossible.any():
            self.lose(impossible)
            number[impossible] = 0

    def not_utf8(self, starts: Whole, lengths: Whole) -> list[int]:
        """Return the rows whose bytes are not UTF-8; pure ASCII is told for all rows at once."""
        return [
            row
            for row in self._not_ascii(starts, lengths).tolist()
            if not _is_utf8(self.raw[starts[row] : starts[row] + lengths[row]])
        ]

    def _not_ascii(self, starts: Whole, lengths: Whole) -> Rows:
        """Return the rows that may hold a byte beyond ASCII: all that do, and those too long."""
        longest = int(lengths.max(initial=0))
        width = min(longest, _LONGEST_WINDOW, len(self.octets))
        if not width:
            return np.zeros(0, np.intp)
        cells = self.windows(starts, width).view(np.uint8).reshape(len(starts), width)
        suspect = starts > len(self.octets) - width  # whose window was moved
        if longest > width:
            suspect |= lengths > width
        if cells.max(initial=0) >= _CONTINUES:  # in the strings, or behind a shorter one
            inside = np.arange(width) < lengths[:, np.newaxis]
            inside &= cells >= _CONTINUES
            suspect |= inside.any(axis=1)
        return np.flatnonzero(suspect)


def _seven_of_eight(word: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return the 56 bits of 8 varint bytes, the first the lowest: pairs, then fours, then all."""
    word &= np.uint64(0x7F7F7F7F7F7F7F7F)
    for shift, low in (
        (1, 0x007F007F007F007F),
        (2, 0x00003FFF00003FFF),
        (4, 0x000000000FFFFFFF),
    ):
        lower = word & np.uint64(low)
        word ^= lower
        word >>= np.uint64(shift)
        word |= lower
    return word


def _is_utf8(text: bytes) -> bool:
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True
