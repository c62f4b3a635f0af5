"""The wanted part of an event as a tree of names: fields to read, and fields to copy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from stream_scorer.avro.actions import Fields
from stream_scorer.avro.copies import Target, copied_default
from stream_scorer.avro.schema import Schema, nullable
from stream_scorer.avro.types import Record, Type


@dataclass(slots=True)
class Wanted:
    """The wanted part of one value.

    Attributes:
        read: Whether it becomes a column.
        copy: What it is copied as, if it is.
        below: What is wanted of its fields, by name.
    """

    read: bool = False
    copy: Target | None = None
    below: dict[str, Wanted] = field(default_factory=dict)

    def at(self, path: str) -> Wanted:
        """Return what is wanted at a dotted path below, nothing as yet where it is new."""
        wanted = self
        for name in path.split("."):
            wanted = wanted.below.setdefault(name, Wanted())
        return wanted


def tree_of(reader: Schema, read: Sequence[str], copied: Sequence[str]) -> Wanted:
    """Return dotted paths of a reader's fields as a tree.

    Raises:
        ConfigError: The reader has no such field to copy.
    """
    root = Wanted()
    for path in read:
        root.at(path).read = True
    for path in copied:
        root.at(path).copy = Target.at(reader, path)
    return root


def below(path: str, name: str) -> str:
    """Return the dotted path of a field."""
    return f"{path}.{name}" if path else name


def reads_of(of: Type, wanted: Wanted, path: str) -> dict[str, Type]:
    """Return the types of the fields that are read at and below a reader's type, by path."""
    leaves = {path: of} if wanted.read else {}
    record, _ = nullable(of)
    if isinstance(record, Record):
        for each in record.fields:
            if each.name in wanted.below:
                inner = wanted.below[each.name]
                leaves |= reads_of(each.type, inner, below(path, each.name))
    return leaves


def copies_of(wanted: Wanted, path: str) -> dict[str, Target]:
    """Return what is copied at and below a field, by path."""
    targets = {} if wanted.copy is None else {path: wanted.copy}
    for name, each in wanted.below.items():
        targets |= copies_of(each, below(path, name))
    return targets


def copied_nulls(wanted: Wanted, path: str) -> dict[str, bytes]:
    """Return, by path, what is copied at and below a field where it is null."""
    return {each: target.null for each, target in copies_of(wanted, path).items()}


def copied_defaults(action: Fields, wanted: Wanted, path: str) -> dict[str, bytes]:
    """Return, by path, what is copied of the fields that the writer's schema does not have."""
    copies: dict[str, bytes] = {}
    for each in action.reader.fields:
        if each.name in wanted.below and each.name in action.defaults:
            at = below(path, each.name)
            for leaf, target in copies_of(wanted.below[each.name], at).items():
                names = leaf.removeprefix(at).split(".")[1:]
                copies[leaf] = copied_default(each.default, each.type, names, target)
    return copies
