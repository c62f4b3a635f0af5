"""Default values: the JSON of a reader's schema to values (Avro 1.12, "Complex Types", Records).

A value of a reader's type is plain: ``None``, ``bool``, ``int``, ``float``, ``bytes``, ``str`` (an
enum's symbol too), ``list``, ``dict``; only a 32-bit float is a ``numpy.float32``, so that
each of its bits survives until it is a column.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from stream_scorer.avro.parsing import MAX_DEPTH
from stream_scorer.avro.types import (
    MAX_WRITTEN_OUT,
    Array,
    Enum,
    Fixed,
    Map,
    Primitive,
    Record,
    Type,
    Union,
    unqualified,
)
from stream_scorer.errors import ContractError

_SPELLED = frozenset({"NaN", "Infinity", "-Infinity"})


def default_value(json: Any, of: Type, where: str) -> Any:
    """Return the value of a default.

    Bytes and fixed are text whose code points are the bytes. A union's default is one of its first
    branch that fits.

    Raises:
        ContractError: The JSON is not a value of the type; the text names the field.
    """
    try:
        return _value(json, of, 0)
    except _Unfit:
        raise ContractError(
            f"Field {where!r} has the default {json!r}, which is no {unqualified(_name(of))}; "
            "correct it in the reader's schema."
        ) from None


def for_others(json: Any, of: Type) -> tuple[Any, ...]:
    """Return a default as every parser takes it, in a tuple; none if it is no value of the type.

    A whole number of a float or double has a decimal point: fastavro wants one. ``NaN`` and
    infinities, which Java knows, are no numbers of JSON.
    """
    try:
        value = _value(json, of, 0)
    except _Unfit:
        return ()
    if not _is_finite(value):
        return ()
    is_float = isinstance(of, Primitive) and of.kind in {"float", "double"}
    return (float(json) if is_float else json,)


def _is_finite(value: Any) -> bool:
    if isinstance(value, list | dict):
        return all(map(_is_finite, value.values() if isinstance(value, dict) else value))
    return not isinstance(value, float | np.float32) or bool(np.isfinite(value))


def fitting_branch(json: Any, of: Union) -> int:
    """Return which branch of a union a default is of; it is known to be one of the union."""
    return _first_fit(json, of, 0)[0]


class _Unfit(Exception):
    """The JSON is not a value of the type."""


def _name(of: Type) -> str:
    return of.name if isinstance(of, Record | Enum | Fixed) else of.kind


def _value(json: Any, of: Type, depth: int) -> Any:
    if depth > MAX_DEPTH:  # a record's default may call for that default again
        raise _Unfit
    match of:
        case Primitive():
            return _primitive(json, of.kind)
        case Fixed():
            return _sized(_octets(json), of.size)
        case Enum() if json in of.symbols:
            return json
        case Array() if isinstance(json, list):
            return [_value(item, of.items, depth + 1) for item in json]
        case Map() if isinstance(json, dict):
            return {key: _value(item, of.values, depth + 1) for key, item in json.items()}
        case Record() if isinstance(json, dict):
            return _record(json, of, depth)
        case Union():
            return _first_fit(json, of, depth)[1]
    raise _Unfit


def _primitive(json: Any, kind: str) -> Any:
    match kind:
        case "null" if json is None:
            return None
        case "boolean" if isinstance(json, bool):
            return json
        case "int":
            return _whole(json, 31)
        case "long":
            return _whole(json, 63)
        case "float":
            return _single(_number(json))
        case "double":
            return _number(json)
        case "bytes":
            return _octets(json)
        case "string" if isinstance(json, str):
            return _text(json)
    raise _Unfit


def _whole(json: Any, bits: int) -> int:
    if type(json) is not int or not -(1 << bits) <= json < 1 << bits:
        raise _Unfit
    return json


def _number(json: Any) -> float:
    spelled = isinstance(json, str) and json in _SPELLED
    if not spelled and type(json) not in {int, float}:
        raise _Unfit
    try:
        return float(json)
    except OverflowError:
        raise _Unfit from None


def _single(number: float) -> np.float32:
    with np.errstate(over="ignore"):
        single = np.float32(number)
    if np.isinf(single) and not np.isinf(number):
        raise _Unfit
    return single


def _text(json: str) -> str:
    try:
        json.encode()
    except UnicodeEncodeError:  # a lone surrogate
        raise _Unfit from None
    return json


def _octets(json: Any) -> bytes:
    if not isinstance(json, str):
        raise _Unfit
    try:
        return json.encode("iso-8859-1")
    except UnicodeEncodeError:
        raise _Unfit from None


def _sized(octets: bytes, size: int) -> bytes:
    if len(octets) != size:
        raise _Unfit
    return octets


def _record(json: dict[str, Any], of: Record, depth: int) -> dict[str, Any]:
    if of.extent.least > MAX_WRITTEN_OUT:  # a short default may call for very many others
        raise _Unfit
    values = {}
    for each in of.fields:
        if each.name not in json and not each.has_default:
            raise _Unfit
        values[each.name] = _value(json.get(each.name, each.default), each.type, depth + 1)
    return values


def _first_fit(json: Any, of: Union, depth: int) -> tuple[int, Any]:
    for index, branch in enumerate(of.branches):
        try:
            return index, _value(json, branch, depth + 1)
        except _Unfit:
            continue
    raise _Unfit
