"""Schema resolution: what a reader makes of a writer's bytes (Avro 1.12, "Schema Resolution").

The result is a tree of actions in the writer's order, the order of the bytes. Both decoders are
compiled from it. A mismatch that only some events can show, in one branch of a writer's union, is
an action too; any other mismatch is an error.

Where the specification leaves a choice: unqualified names match, as it says; each writer's field
feeds one reader's field, by name before by alias; two decimals match if their scales do, since the
precision does not change the number; a union that has not changed keeps its branches, so that an
event is always read as written by its own schema (else an int could turn into a float of an earlier
branch); where several of a reader's branches match a named type, the one of the same full name is
taken before the first, and the one that has it among its aliases before the others, as Java does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from stream_scorer.avro.actions import (
    Action,
    Choice,
    Copy,
    Entries,
    Fields,
    Items,
    Mismatch,
    Source,
    Symbol,
)
from stream_scorer.avro.defaults import default_value
from stream_scorer.avro.forms import canonical
from stream_scorer.avro.types import (
    Array,
    Enum,
    Field,
    Fixed,
    Map,
    Named,
    Primitive,
    Record,
    Type,
    Union,
    holds_itself,
    is_shared,
    unqualified,
)
from stream_scorer.errors import ContractError

PROMOTIONS = frozenset(
    {
        ("int", "long"),
        ("int", "float"),
        ("int", "double"),
        ("long", "float"),
        ("long", "double"),
        ("float", "double"),
        ("string", "bytes"),
        ("bytes", "string"),
    }
)


def resolve(writer: Type, reader: Type) -> Action:
    """Return the actions that read ``writer``'s bytes as ``reader``.

    Raises:
        ContractError: No event of the writer can be read so; the text names the field.
    """
    return _Resolver(is_shared(writer, reader)).resolve(writer, reader, "")


@dataclass(slots=True)
class _Resolver:
    """One resolution; ``known`` holds the recursive pairs already met, so that recursion ends.

    Where types are ``shared`` it holds all pairs.
    """

    shared: bool
    known: dict[tuple[Record, Record], Fields] = field(default_factory=dict)

    def resolve(self, writer: Type, reader: Type, where: str) -> Action:
        if isinstance(writer, Union):
            return self._choice(writer, reader, where)
        if isinstance(reader, Union):
            taken = _branch_for(writer, reader)
            if taken is None:
                raise _mismatch(writer, reader, where)
            return self.resolve(writer, taken, where)
        if not matches(writer, reader):
            raise _mismatch(writer, reader, where)
        return self._same(writer, reader, where)

    def _same(self, writer: Type, reader: Type, where: str) -> Action:
        match writer, reader:
            case Record(), Record():
                return self._fields(writer, reader, where)
            case Array(), Array():
                items = self.resolve(writer.items, reader.items, where + "[]")
                return Items(writer, reader, items)
            case Map(), Map():
                values = self.resolve(writer.values, reader.values, where + "{}")
                return Entries(writer, reader, values)
            case Enum(), Enum():
                return Symbol(writer, reader, _positions(writer, reader), where)
            case ((Primitive() | Fixed()), (Primitive() | Fixed())):
                return Copy(writer, reader)
        raise _mismatch(writer, reader, where)

    def _choice(self, writer: Union, reader: Type, where: str) -> Choice:
        readers: Sequence[Type] = (reader,) * len(writer.branches)
        if isinstance(reader, Union) and _same_form(writer, reader):
            readers = reader.branches
        branches = tuple(
            self._branch(branch, each, where)
            for branch, each in zip(writer.branches, readers, strict=True)
        )
        reasons = [branch.reason for branch in branches if isinstance(branch, Mismatch)]
        if len(reasons) == len(branches):
            raise ContractError(reasons[0])
        return Choice(writer, branches)

    def _branch(self, writer: Type, reader: Type, where: str) -> Action:
        known = dict(self.known)
        try:
            return self.resolve(writer, reader, where)
        except ContractError as error:
            self.known = known  # those met since may hold what just failed
            return Mismatch(writer, str(error))

    def _fields(self, writer: Record, reader: Record, where: str) -> Fields:
        if (writer, reader) in self.known:
            return self.known[writer, reader]
        fields = Fields(writer, reader)
        if self.shared and where:
            where = reader.name
        if self.shared or holds_itself(writer):
            self.known[writer, reader] = fields
        feeds = _feeds(writer, reader)
        fed = {each.name for each in feeds.values()}
        for each in reader.fields:
            if each.name not in fed:
                fields.defaults[each.name] = _default(each, _below(where, each.name))
        sources = tuple(self._source(each, feeds.get(each.name), where) for each in writer.fields)
        object.__setattr__(fields, "sources", sources)
        return fields

    def _source(self, writer: Field, reader: Field | None, where: str) -> Source:
        if reader is None:
            return Source(writer, None, None)
        action = self.resolve(writer.type, reader.type, _below(where, reader.name))
        return Source(writer, reader, action)


def _branch_for(writer: Type, reader: Union) -> Type | None:
    """Return the first branch that matches; of named types, the one of the same full name first.

    An alias is a full name too, but comes after the branch's own.
    """
    taken = [branch for branch in reader.branches if matches(writer, branch)]
    if isinstance(writer, Named):
        named = [branch for branch in taken if isinstance(branch, Named)]
        same = [branch for branch in named if branch.name == writer.name]
        renamed = [branch for branch in named if writer.name in branch.aliases]
        taken = [*same, *renamed, *taken]
    return taken[0] if taken else None


def matches(writer: Type, reader: Type) -> bool:
    """Return whether two types match, without a look into records and unions."""
    if isinstance(writer, Union) or isinstance(reader, Union):
        return True
    match writer, reader:
        case Array(), Array():
            return matches(writer.items, reader.items)
        case Map(), Map():
            return matches(writer.values, reader.values)
        case Primitive(), Primitive():
            same = writer.kind == reader.kind or (writer.kind, reader.kind) in PROMOTIONS
            return same and _scales_match(writer, reader)
        case Fixed(), Fixed():
            same = writer.size == reader.size and _names_match(writer, reader)
            return same and _scales_match(writer, reader)
        case Record(), Record():
            return _names_match(writer, reader)
        case Enum(), Enum():
            return _names_match(writer, reader)
    return False


def _same_form(writer: Type, reader: Type) -> bool:
    return writer is reader or canonical(writer, set()) == canonical(reader, set())


def _names_match(writer: Named, reader: Named) -> bool:
    return unqualified(writer.name) in {unqualified(n) for n in (reader.name, *reader.aliases)}


def _scales_match(writer: Primitive | Fixed, reader: Primitive | Fixed) -> bool:
    return None in {writer.scale, reader.scale} or writer.scale == reader.scale


def _positions(writer: Enum, reader: Enum) -> tuple[int, ...]:
    known = {symbol: position for position, symbol in enumerate(reader.symbols)}
    otherwise = -1 if reader.default is None else known[reader.default]
    return tuple(known.get(symbol, otherwise) for symbol in writer.symbols)


def _feeds(writer: Record, reader: Record) -> dict[str, Field]:
    """Return, by the writer's field name, the reader's field that it feeds."""
    written = {each.name for each in writer.fields}
    feeds = {each.name: each for each in reader.fields if each.name in written}
    for each in reader.fields:
        if each.name not in written:
            found = [alias for alias in each.aliases if alias in written and alias not in feeds]
            if found:
                feeds[found[0]] = each
    return feeds


def _default(missing: Field, where: str) -> Any:
    if not missing.has_default:
        raise ContractError(
            f"The writer's schema has no field {where!r} and the reader's has no default for it; "
            "in the reader's schema add a default, or if the field was renamed its old name to its "
            '"aliases", or omit the field.'
        )
    return default_value(missing.default, missing.type, where)


def _below(where: str, name: str) -> str:
    return f"{where}.{name}" if where else name


def _mismatch(writer: Type, reader: Type, where: str) -> ContractError:
    subject = f"Field {where!r}" if where else "The event"
    return ContractError(
        f"{subject} is written as {_described(writer)}, which can't be read as "
        f"{_described(reader)}.{_if_renamed(writer, reader)}"
    )


def _if_renamed(writer: Type, reader: Type) -> str:
    """Return the way out where nothing but a name keeps the types apart."""
    for each in reader.branches if isinstance(reader, Union) else (reader,):
        match writer, each:
            case (Array(), Array()) if words := _if_renamed(writer.items, each.items):
                return words
            case (Map(), Map()) if words := _if_renamed(writer.values, each.values):
                return words
        if isinstance(writer, Named) and isinstance(each, Named) and writer.kind == each.kind:
            same_size = getattr(writer, "size", None) == getattr(each, "size", None)
            if same_size and not _names_match(writer, each):
                return (
                    f" If {unqualified(each.name)} is the same {each.kind} under a new name, add "
                    f'"aliases": ["{writer.name}"] to it in the reader\'s schema.'
                )
    return ""


def _described(of: Type) -> str:
    if isinstance(of, Union):
        return f"a union of {', '.join(map(_described, of.branches))}"
    if isinstance(of, Array):
        return f"array of {_described(of.items)}"
    if isinstance(of, Map):
        return f"map of {_described(of.values)}"
    if isinstance(of, Primitive):
        return of.kind if of.scale is None else f"decimal of scale {of.scale}"
    size = f" of {of.size} bytes" if isinstance(of, Fixed) else ""
    return f"{of.kind} {of.name}{size}"
