"""Numbers, and durations and sizes as they are written: a number and its unit."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, PlainSerializer, WithJsonSchema

_SECONDS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_BYTES = {
    "B": 1,
    "kB": 10**3,
    "MB": 10**6,
    "GB": 10**9,
    "KiB": 2**10,
    "MiB": 2**20,
    "GiB": 2**30,
}
_NUMBER = r"\d+(?:\.\d+)?"
_DURATION = rf"^({_NUMBER}) ?(us|ms|s|m|h|d)$"
_SIZE = rf"^({_NUMBER}) ?(B|kB|KB|MB|GB|KiB|MiB|GiB)$"


def seconds(written: Any) -> Any:
    """Return the seconds that ``5ms``, ``2s``, ``1m``, ``1h`` or ``1d`` stand for.

    A float is seconds already (a default, a value from code) and is returned as it is.

    Raises:
        ValueError: there is no unit, or it is no duration.
    """
    if type(written) is float:
        return written
    found = re.match(_DURATION, str(written))
    if found is None:
        raise ValueError("must be a duration with its unit, such as 5ms, 2s or 1m")
    return float(found[1]) * _SECONDS[found[2]]


def size_bytes(written: Any) -> Any:
    """Return the bytes that ``16MiB``, ``1MB`` or ``512B`` stand for.

    An int is bytes already (a default, a value from code) and is returned as it is.

    Raises:
        ValueError: there is no unit, or it is no whole number of bytes.
    """
    if type(written) is int:
        return written
    found = re.match(_SIZE, str(written))
    size = float(found[1]) * _BYTES[found[2].replace("KB", "kB")] if found else 0.5
    if not size.is_integer():
        raise ValueError("must be a size with its unit, such as 64KiB, 16MiB or 1MB")
    return int(size)


def written_duration(value: float) -> str:
    """Return the duration as a person writes it: ``0.1`` is ``100ms``, ``60.0`` is ``60s``."""
    return f"{value:g}s" if value >= 1 else f"{value * 1000:g}ms"


def written_size(value: int) -> str:
    """Return the size in the largest unit that divides it: ``33554432`` is ``32MiB``."""
    for unit in ("GiB", "MiB", "KiB", "GB", "MB", "kB"):
        if value and value % _BYTES[unit] == 0:
            return f"{value // _BYTES[unit]}{unit}"
    return f"{value}B"


def _not_boolean(value: Any) -> Any:
    if isinstance(value, bool):
        raise ValueError("must be a number")  # noqa: TRY004 - pydantic lets a TypeError through
    return value


Whole = Annotated[int, BeforeValidator(_not_boolean)]
"""A whole number; in Python ``True`` would be 1."""

Port = Annotated[int, Field(ge=0, le=65535), BeforeValidator(_not_boolean)]
"""A TCP port, or 0."""

Number = Annotated[float, BeforeValidator(_not_boolean)]
"""A number; in Python ``True`` would be 1.0."""

Duration = Annotated[
    float,
    BeforeValidator(seconds),
    PlainSerializer(written_duration, return_type=str),
    WithJsonSchema({"type": "string", "pattern": _DURATION, "examples": ["5ms", "2s", "1m"]}),
]
"""Seconds, written with a unit."""

Size = Annotated[
    int,
    BeforeValidator(size_bytes),
    PlainSerializer(written_size, return_type=str),
    WithJsonSchema({"type": "string", "pattern": _SIZE, "examples": ["64KiB", "16MiB", "1MB"]}),
]
"""Bytes, written with a unit."""
