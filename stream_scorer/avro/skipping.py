"""The steps of a compiled plan that pass over a value of every row, and see that it is well formed.

A value whose bytes are copied as they are is passed over too; then its strings must be UTF-8.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
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
    Out,
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
from stream_scorer.avro.types import (
    Array,
    Enum,
    Fixed,
    Map,
    Primitive,
    Record,
    Type,
    Union,
    is_shared,
    is_solid,
)
from stream_scorer.avro.wire import Wire

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
        utf8: Whether a string that is not UTF-8 loses its row.
    """
    return _Skips(utf8, is_shared(of)).pieces(of)


@dataclass(frozen=True, slots=True)
class _Skips:
    """Builds skips; ``once`` holds the one step of each record that is shared."""

    utf8: bool
    shared: bool
    once: dict[Record, Step] = field(default_factory=dict)

    def pieces(self, of: Type) -> list[Piece]:
        match of:
            case Record():
                return self._record(of)
            case Union():
                return [self._union(of)]
            case Array():
                return [skipped_blocks(self._items(of.items), least_width(of.items))]
            case Map():
                entry = straight([self._string(), *self.pieces(of.values)])
                return [skipped_blocks(one_by_one(entry, None), 1)]
            case Enum():
                return [skipped_symbol(len(of.symbols))]
            case Primitive() if of.kind in {"int", "long"}:
                return [whole_number(of.kind, of.kind, None)]
            case Primitive() if of.kind == "string":
                return [self._string()]
            case Primitive() if of.kind == "bytes":
                return [octets(None, None)]
            case Primitive() | Fixed():
                return [skipped_cell(width_of(of) or 0, of.kind)]

    def _record(self, of: Record) -> list[Piece]:
        if not self.shared:
            return [piece for each in of.fields for piece in self.pieces(each.type)]
        if is_solid(of):
            return [skipped_cell(width_of(of) or 0, of.kind)]
        if of not in self.once:
            self.once[of] = _while_it_lasts(
                straight(piece for each in of.fields for piece in self.pieces(each.type))
            )
        return [self.once[of]]

    def _string(self) -> Step:
        return text(None) if self.utf8 else octets(None, None)

    def _union(self, of: Union) -> Step:
        if all(map(is_solid, of.branches)):
            return skipped_widths([width_of(branch) or 0 for branch in of.branches])
        return choice([straight(self.pieces(branch)) for branch in of.branches])

    def _items(self, of: Type) -> ReadItems:
        if is_solid(of):
            return solid_skip(width_of(of) or 0)
        return one_by_one(straight(self.pieces(of)), None)


def _while_it_lasts(step: Step) -> Step:
    """Return a step that is not taken once all rows are past their ends.

    It stands for any number of steps, and each takes a byte of a row: so a batch costs no more of
    them than its longest row has bytes.
    """

    def lasting(wire: Wire, out: Out) -> None:
        if (wire.at <= wire.end).any():
            step(wire, out)

    return lasting
