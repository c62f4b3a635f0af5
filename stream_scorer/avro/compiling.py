"""Compiles the actions of schema resolution to the steps of a columnar plan.

Records are laid out flat, in the order of the bytes, so that a run of values of one width is one
gather, whatever records it runs through.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from stream_scorer.avro.actions import Action, Choice, Copy, Fields, Items, Mismatch, Symbol
from stream_scorer.avro.branching import array, choice, one_by_one, solid_items, whole_items
from stream_scorer.avro.building import column_of
from stream_scorer.avro.copied_columns import copied, one_text
from stream_scorer.avro.copies import is_verbatim
from stream_scorer.avro.schema import nullable
from stream_scorer.avro.skipping import Piece, skip, straight
from stream_scorer.avro.steps import (
    Cell,
    Step,
    cell_of,
    constants,
    nullable_cell,
    octets,
    refusal,
    spanned,
    symbol,
    text,
    twice,
    whole_number,
)
from stream_scorer.avro.strict import least_width
from stream_scorer.avro.types import Array, Type
from stream_scorer.avro.wanted import Wanted, below, copied_defaults, copied_nulls, reads_of
from stream_scorer.columns import Column


def copy_key(path: str) -> str:
    """Return where the bytes of a copied field go; its column, if it is read too, goes to its path.

    No path begins so.
    """
    return f"={path}"


def read(action: Action, of: Type, wanted: Wanted, path: str) -> list[Piece]:
    """Return the pieces that read and copy what is wanted of a value.

    Args:
        action: How it is resolved.
        of: The reader's type.
        wanted: What is wanted at it and below it.
        path: Where its column goes, or what the paths of its fields begin with.
    """
    if wanted.copy is None:
        return _values(action, of, wanted, path)
    key = copy_key(path)
    verbatim = is_verbatim(action, wanted.copy)
    if not (wanted.read or wanted.below):
        if verbatim:
            return _spanned(skip(action.writer, utf8=True), key)
        return [copied(action, wanted.copy, key)]
    values = _values(action, of, wanted, path)
    if verbatim and not wanted.below:  # to read all of it checks all of it
        return _spanned(values, key)
    return [twice(copied(action, wanted.copy, key), straight(values))]


def _spanned(pieces: list[Piece], key: str) -> list[Piece]:
    cell = pieces[0] if len(pieces) == 1 else None
    return [
        replace(cell, copy=key) if isinstance(cell, Cell) else spanned(straight(pieces), key),
    ]


def _values(action: Action, of: Type, wanted: Wanted, path: str) -> list[Piece]:
    match action:
        case Fields():
            return _record(action, wanted, path)
        case Choice():
            return [_choice(action, of, wanted, path)]
        case Mismatch():
            return [refusal(_nulls(of, wanted, path))]
        case Symbol():
            return [symbol(action, path)]
        case Items():
            return [_array(action, of, path)]
        case Copy() if action.writer.kind == "null":
            return [constants(_nulls(of, wanted, path))]
        case Copy():
            return [cell_of(action, path) or _varying(action, path)]
    raise TypeError(f"{action} is not read by columns")


def _nulls(of: Type, wanted: Wanted, path: str) -> dict[str, Column]:
    """Return one row of null for what is read at and below a value, and copied below it."""
    nulls = {at: column_of([None], each) for at, each in reads_of(of, wanted, path).items()}
    return nulls | _constants(copied_nulls(Wanted(below=wanted.below), path))


def _constants(copies: dict[str, bytes]) -> dict[str, Column]:
    return {copy_key(path): one_text(content) for path, content in copies.items()}


def _record(action: Fields, wanted: Wanted, path: str) -> list[Piece]:
    pieces: list[Piece] = []
    for each in action.sources:
        if each.reader is not None and each.action is not None and each.reader.name in wanted.below:
            name = each.reader.name
            pieces += read(each.action, each.reader.type, wanted.below[name], below(path, name))
        else:
            pieces += skip(each.writer.type)
    defaults = _constants(copied_defaults(action, wanted, path))
    for field in action.reader.fields:
        if field.name in wanted.below and field.name in action.defaults:
            at, value = below(path, field.name), action.defaults[field.name]
            for leaf, of in reads_of(field.type, wanted.below[field.name], at).items():
                names = leaf.removeprefix(at).split(".")[1:]
                defaults[leaf] = column_of([_dug(value, names)], of)
    return [*pieces, constants(defaults)] if defaults else pieces


def _dug(value: Any, names: Sequence[str]) -> Any:
    for name in names:
        value = None if value is None else value[name]
    return value


def _choice(action: Choice, of: Type, wanted: Wanted, path: str) -> Step:
    branches = [_values(branch, of, wanted, path) for branch in action.branches]
    nulls = [isinstance(each, Copy) and each.writer.kind == "null" for each in action.branches]
    if sorted(nulls) == [False, True]:
        cell = _number_cell(branches[nulls.index(False)])
        if cell is not None:
            return nullable_cell(cell, null_first=nulls[0])
    return choice([straight(branch) for branch in branches])


def _array(action: Items, of: Type, path: str) -> Step:
    value, _ = nullable(of)
    if not isinstance(value, Array):
        raise TypeError(f"{of} is not an array")
    pieces = _values(action.items, value.items, Wanted(read=True), path)
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
    if isinstance(first, Cell) and first.format in {"<f4", "<f8"} and first.copy is None:
        return first
    return None


def _varying(action: Copy, path: str) -> Step:
    if action.writer.kind in {"int", "long"}:
        return whole_number(action.writer.kind, action.reader.kind, path)
    if action.reader.kind == "string":
        return text(path)
    return octets(path, action.reader.scale)
