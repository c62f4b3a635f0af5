"""Which logical types are valid; an invalid one is ignored (Avro 1.12, "Logical Types").

Its values are then those of the type that it annotates: a decimal that is none is bytes, no number.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

MAX_PRECISION = 1_000
"""The specification bounds the precision of a fixed decimal alone, and that by its size."""

_TIMESTAMPS = ("timestamp-millis", "timestamp-micros", "timestamp-nanos")
_ANNOTATED: Mapping[str, tuple[str, ...]] = {
    "decimal": ("bytes", "fixed"),
    "big-decimal": ("bytes",),
    "uuid": ("string", "fixed"),
    "date": ("int",),
    "time-millis": ("int",),
    "time-micros": ("long",),
    "duration": ("fixed",),
    **dict.fromkeys(_TIMESTAMPS, ("long",)),
    **{f"local-{name}": ("long",) for name in _TIMESTAMPS},
}
_SIZES = {"uuid": 16, "duration": 12}
_OF_DECIMALS = ("precision", "scale")


@dataclass(frozen=True, slots=True)
class Logical:
    """The effect of a type's logical-type annotation.

    Attributes:
        name: the logical type, ``None`` without one or with one that is ignored. One that the
            specification does not know is kept, and means nothing here.
        scale: a decimal's.
        ignored: the logical type that is ignored, and why, as ``decimal (its scale 127 exceeds its
            precision 64)``; else empty.
        without: the attributes that mean nothing with it, so that nobody else trips over them.
    """

    name: str | None = None
    scale: int | None = None
    ignored: str = ""
    without: frozenset[str] = frozenset()


def logical_of(source: Mapping[str, Any], kind: str, size: int | None = None) -> Logical:
    """Return what the annotation of a type's JSON means.

    Args:
        source: the type's JSON.
        kind: the type that is annotated.
        size: the number of bytes of a fixed.
    """
    name = source.get("logicalType")
    if not isinstance(name, str):
        return Logical(without=frozenset({"logicalType"}))
    fault = _fault(name, source, kind, size)
    if fault is None:
        return Logical(name, source.get("scale", 0) if name == "decimal" else None)
    attributes = ("logicalType", *(_OF_DECIMALS if name == "decimal" else ()))
    return Logical(ignored=f"{name} ({fault})", without=frozenset(attributes))


def _fault(name: str, source: Mapping[str, Any], kind: str, size: int | None) -> str | None:
    kinds = _ANNOTATED.get(name, (kind,))
    if kind not in kinds:
        return f"it annotates {kind}, not {' or '.join(kinds)}"
    wanted = _SIZES.get(name)
    if size is not None and wanted not in {None, size}:
        return f"it takes {wanted} bytes, not {size}"
    return _decimal_fault(source, size) if name == "decimal" else None


def _decimal_fault(source: Mapping[str, Any], size: int | None) -> str | None:
    if "precision" not in source:
        return "it has no precision"
    precision, scale = source["precision"], source.get("scale", 0)
    for what, number, least in (("precision", precision, 1), ("scale", scale, 0)):
        if type(number) is not int or number < least:
            return f"its {what} is {number!r:.40}"
    held = MAX_PRECISION if size is None else math.floor((8 * size - 1) * math.log10(2))
    most = min(held, MAX_PRECISION)
    if precision > most:
        bound = "that are read" if most == MAX_PRECISION else f"that {size} bytes hold"
        return f"its precision {precision!s:.40} exceeds the {max(most, 0)} digits {bound}"
    if scale > precision:
        return f"its scale {scale!s:.40} exceeds its precision {precision}"
    return None
