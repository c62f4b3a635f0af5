"""The steps of a compiled plan that pass over a value of every row, and see that it is well formed.

A value whose bytes are copied as they are is passed over too; then its strings must be UTF-8.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby

from stream_scorer.avro.branching import (
    ReadItems,
    choice,
    one_by_one,
    skipped_blocks,
    skipped_widths,
    solid_skip,
)
from stream_scorer.avro.steps import (
    Cell,
    Step,
    octets,
    one_after_another,
    skipped_cell,
    skipped_symbol,
    span,
    text,
    whole_number,
)
from stream_scorer.avro.strict import least_width, width_of
from stream_scorer.avro.types import Array, Enum, Fixed, Map, Primitive, Record, Type, Union

Piece = Cell | Step


def straight(pieces: Iterable[Piece]) -> Step:
    """Return one step for pieces in the order of the bytes; adjacent cells become a span."""
    steps: list[Step] = []
    for is_cell, run in groupby(pieces, lambda piece: isinstance(piece, Cell)):
        if is_cell:
            steps.append(span([piece for piece in run if isinstance(piece, Cell)]))
        else:
            steps.extend(piece for piece in run if not isinstance(piece, Cell))
    return one_after_another(steps)


def skip(of: Type, *, utf8: bool = False) -> list[Piece]:
    """Return the pieces that skip a value of a writer's type.

    Args:
        of: The type.
        utf8: Whether a string that is no UTF-8 loses its row.
    """
    match of:
        case Record():
            return [piece for each in of.fields for piece in skip(each.type, utf8=utf8)]
        case Union():
            return [_skipped_union(of, utf8=utf8)]
        case Array():
            return [skipped_blocks(_skipped_items(of.items, utf8=utf8), least_width(of.items))]
        case Map():
            entry = straight([_string(utf8=utf8), *skip(of.values, utf8=utf8)])
            return [skipped_blocks(one_by_one(entry, None), 1)]
        case Enum():
            return [skipped_symbol(len(of.symbols))]
        case Primitive() if of.kind in {"int", "long"}:
            return [whole_number(of.kind, of.kind, None)]
        case Primitive() if of.kind == "string":
            return [_string(utf8=utf8)]
        case Primitive() if of.kind == "bytes":
            return [octets(None, None)]
        case Primitive() | Fixed():
            return [skipped_cell(width_of(of) or 0, of.kind)]


def _string(*, utf8: bool) -> Step:
    return text(None) if utf8 else octets(None, None)


def _skipped_union(of: Union, *, utf8: bool) -> Step:
    widths = [_solid(branch) for branch in of.branches]
    known = [width for width in widths if width is not None]
    if len(known) == len(widths):
        return skipped_widths(known)
    return choice([straight(skip(branch, utf8=utf8)) for branch in of.branches])


def _skipped_items(of: Type, *, utf8: bool) -> ReadItems:
    width = _solid(of)
    return one_by_one(straight(skip(of, utf8=utf8)), None) if width is None else solid_skip(width)


def _solid(of: Type) -> int | None:
    """Return the width of a type whose bytes may be anything: a boolean's may not."""
    return None if _holds_boolean(of) else width_of(of)


def _holds_boolean(of: Type) -> bool:
    """Return whether a type holds a boolean, itself or in a record's fields."""
    if isinstance(of, Record):
        return any(_holds_boolean(each.type) for each in of.fields)
    return of.kind == "boolean"
