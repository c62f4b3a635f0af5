"""Random columns of the simple types: numbers, strings, bytes, symbols."""

from __future__ import annotations

import string
import uuid
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stream_scorer.avro.types import Enum, Fixed, Primitive
from stream_scorer.bench.needs import Needs
from stream_scorer.columns import Column, Enums, Numbers, Objects, Payloads, Texts

MOST_LETTERS = 16
LARGEST_WHOLE = 1_000_000
LARGEST_FLOAT = 10_000.0

_LETTERS = np.frombuffer((string.ascii_lowercase + string.digits).encode(), np.uint8)
_DAY_MS, _NOW_MS = 86_400_000, 1_793_491_200_000  # 2026-11-01
#: The first value and the size of the range, by logical type: dates that any library accepts.
_LOGICAL: Mapping[str, tuple[int, int]] = {
    "date": (10_000, 10_000),
    "time-millis": (0, _DAY_MS - 1),
    "time-micros": (0, _DAY_MS * 1_000 - 1),
    **{
        f"{prefix}timestamp-{unit}": (_NOW_MS * factor, _DAY_MS * factor)
        for prefix in ("", "local-")
        for unit, factor in {"millis": 1, "micros": 1_000, "nanos": 1_000_000}.items()
    },
}


@dataclass(frozen=True, slots=True)
class Rows:
    """The number of rows of a column, and which of them are not null (``None``: all)."""

    count: int
    present: NDArray[np.bool_] | None = None

    @property
    def there(self) -> int:
        """Return how many rows are not null."""
        return self.count if self.present is None else int(np.count_nonzero(self.present))


class Draws:
    """Draws columns; a generator with the same seed draws the same again.

    Numbers are positive, of several magnitudes, and small enough for the tensors; strings are
    random letters.
    """

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng

    def primitive(self, of: Primitive, needs: Needs, rows: Rows) -> Column:
        """Return a column of a primitive type."""
        match of.kind:
            case "null":
                return Objects([None] * rows.count)
            case "boolean":
                return Numbers(self._rng.integers(0, 2, rows.count).astype(np.bool_), rows.present)
            case "int":
                return Numbers(self._whole(of, needs, rows.count).astype(np.int32), rows.present)
            case "long":
                return Numbers(self._whole(of, needs, rows.count), rows.present)
            case "float":
                return Numbers(self._floats(needs, rows.count).astype(np.float32), rows.present)
            case "double":
                return Numbers(self._floats(needs, rows.count), rows.present)
            case "string" if of.logical == "uuid":
                return self._uuids(rows)
            case "string":
                return self._letters(rows)
        return self._decimals(of, 2, rows) if of.scale is not None else self._octets(rows)

    def enum(self, of: Enum, rows: Rows) -> Enums:
        """Return symbols, all equally likely."""
        indices = self._rng.integers(0, len(of.symbols), rows.count).astype(np.int32)
        return Enums(indices, of.symbols, rows.present)

    def fixed(self, of: Fixed, rows: Rows) -> Texts:
        """Return byte strings of a fixed length."""
        if of.scale is not None and of.size > 0:
            return self._decimals(of, of.size, rows)
        octets = self._rng.bytes(rows.count * of.size)
        return _texts(octets, np.full(rows.count, of.size, np.int64), rows)

    def keys(self, count: int) -> list[str]:
        """Return strings for the keys of maps."""
        return [text.decode() for text in self._letters(Rows(count)).to_bytes()]

    def _whole(self, of: Primitive, needs: Needs, count: int) -> NDArray[np.int64]:
        first, more = _LOGICAL.get(of.logical or "", (0, needs.largest or LARGEST_WHOLE))
        if needs.most is not None and first + more > needs.most:
            first, more = 0, needs.largest or needs.most
        return self._rng.integers(first, first + more + 1, count)

    def _floats(self, needs: Needs, count: int) -> NDArray[np.float64]:
        if needs.whole and needs.largest is not None:
            return self._rng.integers(0, needs.largest + 1, count).astype(np.float64)
        # No negative numbers, which a logarithm or a root in the model would not accept.
        values: NDArray[np.float64] = np.minimum(self._rng.lognormal(0, 2, count), LARGEST_FLOAT)
        return values

    def _letters(self, rows: Rows) -> Texts:
        lengths = self._rng.integers(MOST_LETTERS // 2, MOST_LETTERS + 1, rows.count)
        letters = _LETTERS[self._rng.integers(0, len(_LETTERS), int(lengths.sum()))]
        return _texts(letters.tobytes(), lengths, rows)

    def _uuids(self, rows: Rows) -> Texts:
        ids = (uuid.UUID(bytes=self._rng.bytes(16), version=4) for _ in range(rows.count))
        laid_out = Payloads.of([str(each).encode() for each in ids])
        return _texts(laid_out.buffer, laid_out.ends - laid_out.starts, rows)

    def _octets(self, rows: Rows) -> Texts:
        lengths = self._rng.integers(1, MOST_LETTERS + 1, rows.count)
        return _texts(self._rng.bytes(int(lengths.sum())), lengths, rows)

    def _decimals(self, of: Primitive | Fixed, size: int, rows: Rows) -> Texts:
        """Return decimals with few digits, as this many bytes each."""
        digits = min(int(of.properties.get("precision", 1)), 2)
        octets = np.zeros((rows.count, size), np.uint8)
        octets[:, -1] = self._rng.integers(0, 10**digits, rows.count)
        return _texts(octets.tobytes(), np.full(rows.count, size, np.int64), rows)


def _texts(buffer: bytes, lengths: NDArray[np.int64], rows: Rows) -> Texts:
    return Texts(buffer, np.cumsum(lengths) - lengths, lengths, rows.present)
