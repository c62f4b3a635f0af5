"""One byte per offset: the expected and the actual result of its event."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stream_scorer.records import Reason

_BLOCK = 1 << 16
#: The possible results of an event; code ``n`` is ``KINDS[n - 1]``, and 0 is none.
KINDS: tuple[Reason | None, ...] = (None, *Reason)
_CODES = {kind: code for code, kind in enumerate(KINDS, start=1)}
_DUE_SHIFT = 4
_DONE_MASK = 0xF


class Marks:
    """The expected and the actual result for each offset of one partition.

    They are stored in blocks, so a result with an absurd offset costs no more than another.
    """

    def __init__(self) -> None:
        self._blocks: dict[int, bytearray] = {}

    def due(self, offset: int) -> int:
        """Return the code of the event's expected result; 0 if there is no such event."""
        return self._get(offset) >> _DUE_SHIFT

    def done(self, offset: int) -> int:
        """Return the code of the event's actual result; 0 if it has none."""
        return self._get(offset) & _DONE_MASK

    def set_due(self, offset: int, kind: Reason | None) -> None:
        """Record an event and its expected result."""
        self._put(offset, _CODES[kind] << _DUE_SHIFT)

    def set_done(self, offset: int, kind: Reason | None) -> None:
        """Record an event's first result."""
        self._put(offset, _CODES[kind])

    def without_trace(self, start: int, end: int) -> Iterator[int]:
        """Yield the offsets in ``[start, end)`` of events that have no result."""
        yield from self._where(start, end, lambda due, done: (due != 0) & (done == 0))

    def with_trace(self, start: int) -> Iterator[int]:
        """Yield the offsets from ``start`` on that have a result."""
        yield from self._where(start, None, lambda _, done: done != 0)

    def _get(self, offset: int) -> int:
        block = self._blocks.get(offset // _BLOCK)
        return 0 if block is None else block[offset % _BLOCK]

    def _put(self, offset: int, bits: int) -> None:
        block = self._blocks.setdefault(offset // _BLOCK, bytearray(_BLOCK))
        block[offset % _BLOCK] |= bits

    def _where(self, start: int, end: int | None, wanted: Any) -> Iterator[int]:
        for number in sorted(self._blocks):
            marks: NDArray[np.uint8] = np.frombuffer(bytes(self._blocks[number]), np.uint8)
            hits = np.flatnonzero(wanted(marks >> _DUE_SHIFT, marks & _DONE_MASK))
            for hit in hits.tolist():
                offset = number * _BLOCK + hit
                if offset >= start and (end is None or offset < end):
                    yield offset
