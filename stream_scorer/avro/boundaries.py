"""Finds the boundaries between datums in a block that states only their count.

Values are skipped, not judged: an int beyond 32 bits or text that is not UTF-8 has a certain end,
and is left to whoever reads that one datum. Where the end itself is in doubt (a union branch that
does not exist, a negative length, bytes that run out) nothing after it can be told apart.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from stream_scorer.avro.strict import MAX_EMPTY_ITEMS, Malformed, read_varint, width_of
from stream_scorer.avro.types import Array, Map, Record, Type, Union

Skip = Callable[[bytes, int], int]
"""Takes a buffer and where a value begins; returns where it ends, which may be past the buffer."""

_CONTINUED = 0x80
"""A varint's byte from here on is followed by another."""
_ONE_BYTE_INDICES = 64


class Undelimited(ValueError):
    """A datum has no certain end; ``datum`` counts from 0 within its block."""

    def __init__(self, datum: int, cause: str) -> None:
        super().__init__(cause)
        self.datum = datum


def split(skip: Skip, content: bytes, count: int) -> list[bytes]:
    """Return the ``count`` datums that ``content`` is made of.

    Raises:
        Undelimited: one of them has no certain end, or bytes are left after the last.
    """
    if not 0 <= count <= max(len(content), MAX_EMPTY_ITEMS):
        raise Undelimited(0, f"the block claims {count} of them in {len(content)} bytes")
    datums: list[bytes] = []
    at = 0
    try:
        for _ in range(count):
            end = skip(content, at)
            if end > len(content):
                raise Malformed("it runs past the end of the block")  # noqa: TRY301 - as below
            datums.append(content[at:end])
            at = end
    except IndexError:
        raise Undelimited(len(datums), "it runs past the end of the block") from None
    except RecursionError:
        raise Undelimited(len(datums), "it nests too deep") from None
    except Malformed as error:
        raise Undelimited(len(datums), str(error)) from None
    if at != len(content):
        raise Undelimited(max(count - 1, 0), f"{len(content) - at} bytes are left after the last")
    return datums


def skip_over(root: Type) -> Skip:
    """Return a function that finds the end of a datum of this type."""
    return _Skips().over(root)


@dataclass(slots=True)
class _Skips:
    """Builds skips; ``records`` holds those under way and done, so that recursion ends."""

    records: dict[Record, Skip] = field(default_factory=dict)

    def over(self, of: Type) -> Skip:
        width = width_of(of)
        if width is not None:
            return lambda _, at: at + width
        match of:
            case Record():
                return self._record(of)
            case Union():
                return self._union(of)
            case Array():
                return _blocks(self.over(of.items), width_of(of.items))
            case Map():
                return _blocks(_sequence([(0, _octets), (0, self.over(of.values))], 0), None)
        return _octets if of.kind in ("string", "bytes") else _varint

    def _record(self, of: Record) -> Skip:
        if of not in self.records:

            def itself(content: bytes, at: int) -> int:
                return self.records[of](content, at)

            self.records[of] = itself  # what a record within itself calls
            steps: list[tuple[int, Skip]] = []
            fixed = 0
            for each in of.fields:
                width = width_of(each.type)
                if width is not None:
                    fixed += width
                    continue
                steps.append((fixed, self.over(each.type)))
                fixed = 0
            self.records[of] = _sequence(steps, fixed)
        return self.records[of]

    def _union(self, of: Union) -> Skip:
        branches = [self.over(branch) for branch in of.branches]
        widths = [width_of(branch) for branch in of.branches[:_ONE_BYTE_INDICES]]
        # By the byte of its index: the whole length of a branch of fixed width, such as null.
        lengths = {2 * n: 1 + width for n, width in enumerate(widths) if width is not None}

        def union(content: bytes, at: int) -> int:
            length = lengths.get(content[at])
            if length is not None:
                return at + length
            index, at = _number(content, at)
            if not 0 <= index < len(branches):
                raise Malformed(f"a union has the index {index}, of {len(branches)} branches")
            return branches[index](content, at)

        return union


def _sequence(steps: Sequence[tuple[int, Skip]], tail: int) -> Skip:
    """Return a skip over values in turn, each after so many bytes of fixed width."""

    def sequence(content: bytes, at: int) -> int:
        for width, skip in steps:
            at = skip(content, at + width)
        return at + tail

    return sequence


def _varint(content: bytes, at: int) -> int:
    return at + 1 if content[at] < _CONTINUED else read_varint(content, at, "")[1]


def _octets(content: bytes, at: int) -> int:
    size, at = _number(content, at)
    if size < 0:
        raise Malformed(f"a length is {size}")
    return at + size


def _blocks(item: Skip, width: int | None) -> Skip:
    """Return a skip over the blocks of an array or a map; ``width`` is an item's, if fixed."""

    def blocks(content: bytes, at: int) -> int:
        while True:
            count, at = _number(content, at)
            if not count:
                return at
            if count < 0:
                count = -count
                at = _varint(content, at)
            if width is not None:
                at += count * width
                continue
            for _ in range(count):
                at = item(content, at)

    return blocks


def _number(content: bytes, at: int) -> tuple[int, int]:
    byte = content[at]
    if byte < _CONTINUED:
        return (byte >> 1) ^ -(byte & 1), at + 1
    return read_varint(content, at, "")
