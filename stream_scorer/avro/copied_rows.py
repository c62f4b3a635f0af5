"""Fields that are copied, one event at a time: what the columns' copies must agree with.

Events have been walked by :mod:`stream_scorer.avro.strict` before, so a value that nobody copies is
only skipped.
"""

from __future__ import annotations

from collections.abc import Callable

from stream_scorer.avro.actions import Action, Choice, Fields, Mismatch, Source
from stream_scorer.avro.boundaries import skip_over
from stream_scorer.avro.rewriting import refusal, writing
from stream_scorer.avro.strict import read_index
from stream_scorer.avro.wanted import Wanted, below, copied_defaults, copied_nulls

Copies = dict[str, bytes]
Copying = Callable[[bytes, int, Copies], int]
"""Takes an event and where a value begins, adds what is copied of it, returns where it ends."""


def copying(action: Action, wanted: Wanted, where: str) -> Copying:
    """Return what copies the wanted fields at and below a value.

    It raises ``Malformed`` where a string is not UTF-8, or the schemas clash in a value.

    Args:
        action: How the value is resolved.
        wanted: What is copied at and below it.
        where: The dotted path of the value.
    """
    inner = _inner(action, wanted, where)
    if wanted.copy is None:
        return inner
    write = writing(action, wanted.copy, where)

    def whole(data: bytes, at: int, copies: Copies) -> int:
        out = bytearray()
        end = write(data, at, out)
        copies[where] = bytes(out)
        if wanted.below:
            inner(data, at, copies)
        return end

    return whole


def _inner(action: Action, wanted: Wanted, where: str) -> Copying:
    match action:
        case Choice():
            branches = [_inner(branch, wanted, where) for branch in action.branches]

            def choice(data: bytes, at: int, copies: Copies) -> int:
                index, at = read_index(data, at, len(branches), where)
                return branches[index](data, at, copies)

            return choice
        case Fields():
            return _record(action, wanted, where)
        case Mismatch():
            return refusal(action.reason)
    nulls = copied_nulls(Wanted(below=wanted.below), where)

    def null(_: bytes, at: int, copies: Copies) -> int:
        copies.update(nulls)
        return at

    return null


def _record(action: Fields, wanted: Wanted, where: str) -> Copying:
    defaults = copied_defaults(action, wanted, where)
    steps = [_source(each, wanted, where) for each in action.sources]

    def record(data: bytes, at: int, copies: Copies) -> int:
        for step in steps:
            at = step(data, at, copies)
        copies.update(defaults)
        return at

    return record


def _source(source: Source, wanted: Wanted, where: str) -> Copying:
    if source.reader is not None and source.action is not None:
        name = source.reader.name
        if name in wanted.below:
            return copying(source.action, wanted.below[name], below(where, name))
    skip = skip_over(source.writer.type)
    return lambda data, at, _: skip(data, at)
