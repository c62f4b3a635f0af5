"""Words that several findings share."""

from __future__ import annotations

from collections.abc import Sequence

from stream_scorer.columns import FieldType

_SHOWN = 6


def type_text(of: FieldType) -> str:
    """Return the type as people say it: ``float``, ``array of array of double``."""
    if of.kind == "array" and of.items is not None:
        return f"array of {type_text(of.items)}"
    return of.kind


def some(names: Sequence[str]) -> str:
    """Return the names, the first of them if they are many: ``a, b, c, d, e, f, … (20)``."""
    if len(names) <= _SHOWN:
        return ", ".join(names)
    return f"{', '.join(names[:_SHOWN])}, … ({len(names)})"


def one_line(text: str) -> str:
    """Return a text of somebody else's in one line, without characters that steer a terminal."""
    line = " ".join(text.split())
    return "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in line)


def escaped(text: str) -> str:
    """Return the same without loss: an escape for each character that steers a terminal."""
    return "".join(
        each if each.isprintable() else each.encode("unicode_escape").decode() for each in text
    )


def counted(number: int, what: str) -> str:
    """Return ``1 field``, ``2 fields``."""
    return f"{number} {what}" + ("" if number == 1 else "s")
