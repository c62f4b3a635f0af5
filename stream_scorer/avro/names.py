"""Names: those of the specification, which we write, and those of Java's parser, which we read.

Java, and so the registry, looks at the last part of a name alone, and takes letters of any
alphabet. A namespace may be any text: Debezium puts ``my-server`` or ``2024-orders`` there.
"""

from __future__ import annotations

import re

from stream_scorer.avro.types import Enum, Fixed, Record, Type, types_within

_NAMED = (Record, Enum, Fixed)
_LEGAL = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def is_legal(name: str) -> bool:
    """Return whether a name without dots is one by the specification (Avro 1.12, "Names")."""
    return _LEGAL.fullmatch(name) is not None


def is_read(name: str) -> bool:
    """Return whether Java's parser takes a name without dots: letters, digits and ``_``."""
    letters = name.replace("_", "a")
    return letters[:1].isalpha() and all(each.isalpha() or each.isdecimal() for each in letters)


def is_namespace(text: str) -> bool:
    """Return whether a namespace can be read: any text can, if UTF-8 has it."""
    return not any("\ud800" <= each <= "\udfff" for each in text)


def legal_names(root: Type) -> dict[str, str]:
    """Return a legal full name for each name and alias of a schema that is none; all differ."""
    types = [each for each in (root, *types_within(root)) if isinstance(each, _NAMED)]
    named = {name for each in types for name in (each.name, *each.aliases)}
    taken = {name for name in named if all(map(is_legal, name.split(".")))}
    legal: dict[str, str] = {}
    for name in sorted(named - taken):
        parts = [re.sub("[^A-Za-z0-9_]", "_", part) for part in name.split(".")]
        spelled = ".".join(part if is_legal(part) else f"_{part}" for part in parts)
        while spelled in taken:
            spelled += "_"
        taken.add(spelled)
        legal[name] = spelled
    return legal


def never_written(of: Type) -> str | None:
    """Return a field's name or an enum's symbol within a type that is not legal, if there is one.

    They can't be written under another name: whoever reads them looks for this one.
    """
    for each in (of, *types_within(of)):
        match each:
            case Record():
                names = [field.name for field in each.fields]
            case Enum():
                names = list(each.symbols)
            case _:
                continue
        if not all(map(is_legal, names)):
            return next(name for name in names if not is_legal(name))
    return None
