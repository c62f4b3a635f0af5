"""Columns: one field of many events, as arrays. Avro fills them, the model reads them.

Every column answers ``len``, ``present`` (``None`` when no row is null) and ``take(rows)``.
Where a row is null, its value is unspecified but harmless (zero, empty).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

Kind = Literal[
    "null", "boolean", "int", "long", "float", "double", "bytes", "string",
    "enum", "fixed", "array", "map", "record", "union",
]  # fmt: skip
Present = NDArray[np.bool_] | None


@dataclass(frozen=True, slots=True)
class FieldType:
    """The type of a field as the reader's schema has it; ``[null, T]`` is T and nullable.

    ``schema`` is the Avro JSON of the type, null branch included, self-contained (a named type is
    defined where it is first used) and without defaults. ``union`` is a union of more than null and
    one type. ``ignored`` names the logical type that the specification says to ignore, and why.
    """

    kind: Kind
    nullable: bool = False
    items: FieldType | None = None
    symbols: tuple[str, ...] = ()
    size: int = 0
    logical: str | None = None
    schema: Any = field(default=None, compare=False)
    ignored: str = field(default="", compare=False)


def _taken(present: Present, rows: NDArray[np.intp]) -> Present:
    return None if present is None else present[rows]


@dataclass(frozen=True, slots=True)
class Numbers:
    """Booleans, ints, longs, floats, doubles: the dtype is bool, int32, int64, float32, float64.

    A logical type is its raw number; a decimal is a float64, unscaled value times 10^-scale.
    Where fields lie side by side in every event, ``values`` is column ``place`` of a ``table`` that
    they share, so that whoever wants them all copies them at once.
    """

    values: NDArray[Any]
    present: Present = None
    table: NDArray[Any] | None = field(default=None, compare=False, repr=False)
    place: int = field(default=0, compare=False, repr=False)

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.values)

    def take(self, rows: NDArray[np.intp]) -> Numbers:
        """Return the given rows, in that order."""
        return Numbers(self.values[rows], _taken(self.present, rows))


@dataclass(frozen=True, slots=True)
class Texts:
    """Strings, bytes and fixed: row ``i`` is ``buffer[starts[i]:starts[i] + lengths[i]]``.

    A string's bytes are valid UTF-8. ``buffer`` is shared, never copied.
    """

    buffer: bytes
    starts: NDArray[np.int64]
    lengths: NDArray[np.int64]
    present: Present = None

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.starts)

    def take(self, rows: NDArray[np.intp]) -> Texts:
        """Return the given rows, in that order."""
        return Texts(self.buffer, self.starts[rows], self.lengths[rows], _taken(self.present, rows))

    def to_bytes(self) -> list[bytes]:
        """Return one ``bytes`` a row; a null row is empty."""
        buffer = self.buffer
        ends = (self.starts + self.lengths).tolist()
        return [buffer[a:b] for a, b in zip(self.starts.tolist(), ends, strict=True)]


@dataclass(frozen=True, slots=True)
class Encoded:
    """Encoded Avro values of a field's type, including a union's branch, ready to be written."""

    octets: Texts

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.octets)

    def take(self, rows: NDArray[np.intp]) -> Encoded:
        """Return the given rows, in that order."""
        return Encoded(self.octets.take(rows))


@dataclass(frozen=True, slots=True)
class Enums:
    """Enum values as positions (int32) in the reader's ``symbols``."""

    indices: NDArray[np.int32]
    symbols: tuple[str, ...]
    present: Present = None

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.indices)

    def take(self, rows: NDArray[np.intp]) -> Enums:
        """Return the given rows, in that order."""
        return Enums(self.indices[rows], self.symbols, _taken(self.present, rows))


@dataclass(frozen=True, slots=True)
class Lists:
    """Arrays: row ``i`` holds ``lengths[i]`` items, which follow each other flat in ``items``."""

    lengths: NDArray[np.int64]
    items: Column
    present: Present = None

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.lengths)

    def take(self, rows: NDArray[np.intp]) -> Lists:
        """Return the given rows, in that order."""
        items, present = self.items, _taken(self.present, rows)
        lengths = self.lengths[rows]
        if isinstance(items, Numbers) and items.present is None and self._are_even():
            cells = items.values.reshape(len(self), -1)[rows]  # a whole row a copy
            return Lists(lengths, Numbers(cells.reshape(-1)), present)
        starts = np.cumsum(self.lengths) - self.lengths
        ends = np.cumsum(lengths)
        flat = np.arange(ends[-1] if len(ends) else 0) + np.repeat(
            starts[rows] - (ends - lengths), lengths
        )
        return Lists(lengths, items.take(flat), present)

    def _are_even(self) -> bool:
        """Return whether all rows have the same number of items, and some."""
        return bool(len(self) and self.lengths[0] and (self.lengths == self.lengths[0]).all())


@dataclass(frozen=True, slots=True)
class Objects:
    """Values of any other type (maps, records, general unions), as fastavro has them.

    Logical types are their raw values; ``None`` is null.
    """

    values: list[Any]

    @property
    def present(self) -> Present:
        """Return which rows are not null."""
        return np.fromiter((v is not None for v in self.values), np.bool_, len(self.values))

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.values)

    def take(self, rows: NDArray[np.intp]) -> Objects:
        """Return the given rows, in that order."""
        return Objects([self.values[row] for row in rows.tolist()])


Column = Numbers | Texts | Enums | Lists | Objects
Columns = Mapping[str, Column]
"""Dotted path of a field to its column."""
ColumnKind = TypeVar("ColumnKind", Numbers, Texts, Enums, Lists, Objects)


def concatenated(parts: Sequence[Column]) -> Column:
    """Return the rows of several columns of one type, one part after the other."""
    first = parts[0]
    if len(parts) == 1:
        return first
    if isinstance(first, Objects):
        return Objects([value for part in _alike(parts, Objects) for value in part.values])
    present = _joined_present(parts)
    if isinstance(first, Numbers):
        values = np.concatenate([part.values for part in _alike(parts, Numbers)])
        return Numbers(values, present)
    if isinstance(first, Enums):
        indices = np.concatenate([part.indices for part in _alike(parts, Enums)])
        return Enums(indices, first.symbols, present)
    if isinstance(first, Lists):
        lists = _alike(parts, Lists)
        lengths = np.concatenate([part.lengths for part in lists])
        return Lists(lengths, concatenated([part.items for part in lists]), present)
    return _joined_texts(_alike(parts, Texts), present)


def _alike(parts: Sequence[Column], kind: type[ColumnKind]) -> list[ColumnKind]:
    alike = [part for part in parts if isinstance(part, kind)]
    if len(alike) < len(parts):
        raise TypeError(f"columns of one type differ in kind: {[type(part) for part in parts]}")
    return alike


def _joined_present(parts: Sequence[Column]) -> Present:
    masks = [part.present for part in parts]
    if all(mask is None for mask in masks):
        return None
    return np.concatenate(
        [
            np.ones(len(part), np.bool_) if mask is None else mask
            for part, mask in zip(parts, masks, strict=True)
        ]
    )


def _joined_texts(parts: Sequence[Texts], present: Present) -> Texts:
    """Join texts; parts that share a buffer go on sharing it."""
    offsets: dict[int, int] = {}
    buffers: list[bytes] = []
    size = 0
    for part in parts:
        if part.buffer and id(part.buffer) not in offsets:
            offsets[id(part.buffer)] = size
            buffers.append(part.buffer)
            size += len(part.buffer)
    starts = [part.starts + offsets.get(id(part.buffer), 0) for part in parts]
    buffer = buffers[0] if len(buffers) == 1 else b"".join(buffers)
    lengths = np.concatenate([part.lengths for part in parts])
    return Texts(buffer, np.concatenate(starts), lengths, present)


@dataclass(frozen=True, slots=True)
class Payloads:
    """The Avro bytes of many events in one buffer: row ``i`` is ``buffer[starts[i]:ends[i]]``."""

    buffer: bytes
    starts: NDArray[np.int64]
    ends: NDArray[np.int64]

    def __len__(self) -> int:
        """Return the number of events."""
        return len(self.starts)

    @classmethod
    def of(cls, values: Sequence[bytes]) -> Payloads:
        """Lay the values out in one buffer, one after the other."""
        lengths = np.fromiter(map(len, values), np.int64, len(values))
        ends = np.cumsum(lengths)
        return cls(b"".join(values), ends - lengths, ends)
