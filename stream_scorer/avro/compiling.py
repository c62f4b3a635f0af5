"""From the actions of schema resolution to the steps of a columnar plan.

Records are laid out flat, in the order of the bytes, so that a run of values of one width is one
gather, whatever records it runs through.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any

from stream_scorer.avro.actions import Action, Choice, Copy, Fields, Items, Mismatch, Symbol
from stream_scorer.avro.branching import (
    ReadItems,
    array,
    choice,
    one_by_one,
    skipped_blocks,
    skipped_widths,
    solid_items,
    solid_skip,
    whole_items,
)
from stream_scorer.avro.building import column_of
from stream_scorer.avro.schema import nullable
from stream_scorer.avro.steps import (
    Cell,
    Step,
    all_null,
    cell_of,
    constants,
    nullable_cell,
    octets,
    one_after_another,
    refusal,
    skipped_cell,
    skipped_octets,
    skipped_symbol,
    span,
    symbol,
    text,
    whole_number,
)
from stream_scorer.avro.strict import least_width, width_of
from stream_scorer.avro.types import Array, Enum, Fixed, Map, Primitive, Record, Type, Union
from stream_scorer.columns import Column

Wanted = Mapping[str, Any]
"""Names of fields to what is wanted below them; nothing more below a field that is read itself."""

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


def tree_of(paths: Sequence[str]) -> Wanted:
    """Return dotted paths as a tree of names."""
    tree: dict[str, Any] = {}
    for path in paths:
        at = tree
        for name in path.split("."):
            at = at.setdefault(name, {})
    return tree


def leaves_of(of: Type, wanted: Wanted, path: str) -> dict[str, Type]:
    """Return the types of the wanted fields at and below a reader's type, by path."""
    if not wanted:
        return {path: of}
    record, _ = nullable(of)
    leaves: dict[str, Type] = {}
    if isinstance(record, Record):
        for each in record.fields:
            if each.name in wanted:
                leaves |= leaves_of(each.type, wanted[each.name], _below(path, each.name))
    return leaves


def read(action: Action, of: Type, wanted: Wanted, path: str) -> list[Piece]:
    """Return the pieces that read a value.

    Args:
        action: How it is resolved.
        of: The reader's type.
        wanted: What is wanted below it.
        path: Where its column goes, or what the paths of its fields begin with.
    """
    match action:
        case Fields():
            return _record(action, wanted, path)
        case Choice():
            return [_choice(action, of, wanted, path)]
        case Mismatch():
            return [refusal(leaves_of(of, wanted, path))]
        case Symbol():
            return [symbol(action, path)]
        case Items():
            return [_array(action, of, path)]
        case Copy() if action.writer.kind == "null":
            return [constants(all_null(leaves_of(of, wanted, path)))]
        case Copy():
            return [cell_of(action, path) or _varying(action, path)]
    raise TypeError(f"{action} is not read by columns")


def _record(action: Fields, wanted: Wanted, path: str) -> list[Piece]:
    pieces: list[Piece] = []
    for each in action.sources:
        if each.reader is not None and each.action is not None and each.reader.name in wanted:
            name = each.reader.name
            pieces += read(each.action, each.reader.type, wanted[name], _below(path, name))
        else:
            pieces += skip(each.writer.type)
    defaults: dict[str, Column] = {}
    for field in action.reader.fields:
        if field.name in wanted and field.name in action.defaults:
            below = _below(path, field.name)
            value = action.defaults[field.name]
            for leaf, of in leaves_of(field.type, wanted[field.name], below).items():
                names = leaf.removeprefix(below).split(".")[1:]
                defaults[leaf] = column_of([_dug(value, names)], of)
    return [*pieces, constants(defaults)] if defaults else pieces


def _dug(value: Any, names: Sequence[str]) -> Any:
    for name in names:
        value = None if value is None else value[name]
    return value


def _choice(action: Choice, of: Type, wanted: Wanted, path: str) -> Step:
    branches = [read(branch, of, wanted, path) for branch in action.branches]
    nulls = [isinstance(each, Copy) and each.writer.kind == "null" for each in action.branches]
    if sorted(nulls) == [False, True]:
        cell = _number_cell(branches[nulls.index(False)])
        if cell is not None:
            return nullable_cell(cell, null_first=nulls[0])
    return choice([straight(branch) for branch in branches])


def _array(action: Items, of: Type, path: str) -> Step:
    value, _ = nullable(of)
    if not isinstance(value, Array):
        raise TypeError(f"{of} is no array")
    pieces = read(action.items, value.items, {}, path)
    cell = _number_cell(pieces)
    if cell is not None:
        return array(solid_items(cell), cell.width, path)
    item, one = action.items, one_by_one(straight(pieces), path)
    if isinstance(item, Copy) and item.writer.kind in {"int", "long"}:
        return array(whole_items(item.writer.kind, item.reader.kind, one), 1, path)
    return array(one, least_width(action.writer.items), path)


def _number_cell(pieces: Sequence[Piece]) -> Cell | None:
    """Return the cell of a lone float or double: any of its bytes will do."""
    first = pieces[0] if len(pieces) == 1 else None
    return first if isinstance(first, Cell) and first.format in {"<f4", "<f8"} else None


def _varying(action: Copy, path: str) -> Step:
    if action.writer.kind in {"int", "long"}:
        return whole_number(action.writer.kind, action.reader.kind, path)
    if action.reader.kind == "string":
        return text(path)
    return octets(path, action.reader.scale)


def skip(of: Type) -> list[Piece]:
    """Return the pieces that skip a value of a writer's type."""
    match of:
        case Record():
            return [piece for each in of.fields for piece in skip(each.type)]
        case Union():
            return [_skipped_union(of)]
        case Array():
            return [skipped_blocks(_skipped_items(of.items), least_width(of.items))]
        case Map():
            entry = straight([skipped_octets, *skip(of.values)])
            return [skipped_blocks(one_by_one(entry, None), 1)]
        case Enum():
            return [skipped_symbol(len(of.symbols))]
        case Primitive() if of.kind in {"int", "long"}:
            return [whole_number(of.kind, of.kind, None)]
        case Primitive() if of.kind in {"bytes", "string"}:
            return [skipped_octets]
        case Primitive() | Fixed():
            return [skipped_cell(width_of(of) or 0, of.kind)]


def _skipped_union(of: Union) -> Step:
    widths = [_solid(branch) for branch in of.branches]
    known = [width for width in widths if width is not None]
    if len(known) == len(widths):
        return skipped_widths(known)
    return choice([straight(skip(branch)) for branch in of.branches])


def _skipped_items(of: Type) -> ReadItems:
    width = _solid(of)
    return one_by_one(straight(skip(of)), None) if width is None else solid_skip(width)


def _solid(of: Type) -> int | None:
    """Return the width of a type whose bytes may be anything: a boolean's may not."""
    return None if _holds_boolean(of) else width_of(of)


def _holds_boolean(of: Type) -> bool:
    """Return whether a type holds a boolean, itself or in a record's fields."""
    if isinstance(of, Record):
        return any(_holds_boolean(each.type) for each in of.fields)
    return of.kind == "boolean"


def _below(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
