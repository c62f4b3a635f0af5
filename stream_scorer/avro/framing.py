"""Adds and removes the framing by which a Kafka value names its writer schema.

Three framings:

* ``confluent``: magic 0 and a 4-byte big-endian schema id, or magic 1 and a 16-byte schema GUID,
  either before the Avro bytes or in the record header ``__value_schema_id``. The header wins, and
  the value is then bare Avro (Confluent wire format; ``DualSchemaIdDeserializer`` of its clients).
* ``single_object``: ``C3 01`` and the CRC-64-AVRO fingerprint of the schema, little-endian (Avro
  specification, "Single-object encoding").
* ``none``: the value is bare Avro and the schema is agreed beforehand.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from stream_scorer.columns import Payloads
from stream_scorer.records import Headers

Framing = Literal["confluent", "single_object", "none"]

SCHEMA_ID_HEADER = "__value_schema_id"
"""The record header of Confluent's header mode."""


@dataclass(frozen=True, slots=True)
class ById:
    """The schema that a registry (or ``ids.yaml``) holds under this id."""

    id: int

    def __str__(self) -> str:
        return f"schema id {self.id}"


@dataclass(frozen=True, slots=True)
class ByGuid:
    """The schema that a registry holds under this GUID."""

    guid: uuid.UUID

    def __str__(self) -> str:
        return f"schema GUID {self.guid}"


@dataclass(frozen=True, slots=True)
class ByFingerprint:
    """The schema with this CRC-64-AVRO fingerprint, its 8 bytes little-endian as on the wire."""

    fingerprint: bytes

    def __str__(self) -> str:
        return f"schema fingerprint {self.fingerprint[::-1].hex()}"


@dataclass(frozen=True, slots=True)
class Unframed:
    """The one schema that was agreed beforehand."""

    def __str__(self) -> str:
        return "the agreed schema"


SchemaKey = ById | ByGuid | ByFingerprint | Unframed


@dataclass(frozen=True, slots=True)
class Group:
    """The rows that one schema wrote: row ``rows[i]`` of the batch is ``payloads[i]``."""

    key: SchemaKey
    rows: NDArray[np.intp]
    payloads: Payloads


@dataclass(frozen=True, slots=True)
class Stripped:
    """A batch by schema; ``problems`` holds one sentence a row whose framing is not legible.

    Every row is in exactly one group or in ``problems``. Within a group rows keep their order.
    """

    groups: tuple[Group, ...]
    problems: Mapping[int, str]


@dataclass(frozen=True, slots=True)
class _Form:
    """One form of prefix: a marker, then a key of fixed width."""

    marker: bytes
    width: int
    key: Callable[[bytes], SchemaKey]

    @property
    def length(self) -> int:
        return len(self.marker) + self.width


_FORMS: Mapping[Framing, tuple[_Form, ...]] = {
    "confluent": (
        _Form(b"\x00", 4, lambda key: ById(int.from_bytes(key, "big"))),
        _Form(b"\x01", 16, lambda key: ByGuid(uuid.UUID(bytes=key))),
    ),
    "single_object": (_Form(b"\xc3\x01", 8, ByFingerprint),),
    "none": (),
}
_EXPECTED: Mapping[Framing, str] = {
    "confluent": "the Confluent framing (00 and a 4-byte schema id, or 01 and a 16-byte GUID)",
    "single_object": "Avro's single-object framing (c3 01 and an 8-byte schema fingerprint)",
}


def strip(values: Sequence[bytes], headers: Sequence[Headers | None], framing: Framing) -> Stripped:
    """Take the framing off a batch and group its rows by the schema that wrote them.

    Args:
        values: the Kafka values, one a row.
        headers: the Kafka headers, one entry a row; looked at in ``confluent`` framing only.
        framing: which framing the values carry.

    Returns:
        The groups and the rows without legible framing. Payloads share one joined buffer.
    """
    whole = Payloads.of(values)
    everything = np.arange(len(values), dtype=np.intp)
    if framing == "none":
        agreed = Group(Unframed(), everything, whole)
        return Stripped((agreed,) if len(values) else (), {})
    found = _Found({}, {})
    rows = everything
    if framing == "confluent" and any(headers):
        rows = _take_header_keys(headers, found)
    for form in _FORMS[framing]:
        rows = _take_prefixes(whole, rows, form, found)
    for row in rows.tolist():
        found.problems[row] = _illegible(values[row], framing)
    return Stripped(tuple(_group(whole, *each) for each in found.parts.items()), found.problems)


def prefix_for(framing: Framing, key: SchemaKey) -> bytes:
    """Return the bytes to write before an Avro datum so that ``strip`` finds ``key``.

    Raises:
        ValueError: this framing has no form for such a key.
    """
    match framing, key:
        case "none", _:
            return b""
        case "confluent", ById(number):
            return b"\x00" + number.to_bytes(4, "big")
        case "confluent", ByGuid(guid):
            return b"\x01" + guid.bytes
        case "single_object", ByFingerprint(fingerprint):
            return b"\xc3\x01" + fingerprint
    raise ValueError(f"{framing} framing can't carry a {type(key).__name__} key.")


@dataclass(frozen=True, slots=True)
class _Found:
    """Recognised rows: for each schema key, its rows and the number of bytes to skip in them."""

    parts: dict[SchemaKey, list[tuple[NDArray[np.intp], int]]]
    problems: dict[int, str]

    def add(self, key: SchemaKey, rows: NDArray[np.intp], skipped_bytes: int) -> None:
        self.parts.setdefault(key, []).append((rows, skipped_bytes))


def _group(whole: Payloads, key: SchemaKey, parts: list[tuple[NDArray[np.intp], int]]) -> Group:
    rows, skipped_bytes = parts[0]
    if len(parts) == 1 and len(rows) == len(whole):
        return Group(key, rows, Payloads(whole.buffer, whole.starts + skipped_bytes, whole.ends))
    rows = np.concatenate([each for each, _ in parts])
    skips = np.concatenate([np.full(len(each), skip, np.int64) for each, skip in parts])
    if len(parts) > 1:  # one schema both in headers and in prefixes
        order = np.argsort(rows)
        rows, skips = rows[order], skips[order]
    return Group(key, rows, Payloads(whole.buffer, whole.starts[rows] + skips, whole.ends[rows]))


def _take_header_keys(headers: Sequence[Headers | None], found: _Found) -> NDArray[np.intp]:
    """Recognise the rows with a schema id header; return those that have none."""
    named: dict[bytes | None, list[int]] = {}
    without = np.ones(len(headers), np.bool_)
    for row, entries in enumerate(headers):
        if entries:
            # Of a repeated header the last counts, as with Headers.lastHeader in Java.
            for name, header in reversed(entries):
                if name == SCHEMA_ID_HEADER:
                    named.setdefault(header, []).append(row)
                    without[row] = False
                    break
    for header, rows in named.items():
        key = _header_key(header)
        if key is not None:
            found.add(key, np.array(rows, np.intp), 0)
            continue
        shown = "null" if header is None else header[:24].hex(" ") or "empty"
        sentence = f"The header {SCHEMA_ID_HEADER} is {shown}, which names no schema"
        found.problems.update(
            dict.fromkeys(rows, f"{sentence}: expected {_EXPECTED['confluent']}.")
        )
    return np.flatnonzero(without)


def _header_key(header: bytes | None) -> SchemaKey | None:
    for form in _FORMS["confluent"]:
        if header is not None and header[:1] == form.marker and len(header) == form.length:
            return form.key(header[1:])
    return None


def _take_prefixes(
    whole: Payloads, rows: NDArray[np.intp], form: _Form, found: _Found
) -> NDArray[np.intp]:
    """Recognise the rows with this form of prefix; return the others, in order."""
    long_enough = whole.ends[rows] - whole.starts[rows] >= form.length
    candidates = rows if long_enough.all() else rows[long_enough]
    if not len(candidates):
        return rows
    # Windows of the prefix's length that overlap at every byte: one gather reads all prefixes.
    # The dtype S compares bytewise; it pads with zeros, which changes nothing at equal widths.
    windows: NDArray[np.bytes_] = np.ndarray(
        (len(whole.buffer) - form.length + 1,), f"S{form.length}", whole.buffer, strides=(1,)
    )
    prefixes = windows[whole.starts[candidates]]
    recognised = np.zeros(len(whole), np.bool_)
    for prefix, places in _distinct(prefixes):
        if prefix.startswith(form.marker):
            found.add(form.key(prefix[len(form.marker) :]), candidates[places], form.length)
            recognised[candidates[places]] = True
    return rows[~recognised[rows]]


def _distinct(prefixes: NDArray[np.bytes_]) -> Iterator[tuple[bytes, NDArray[np.intp]]]:
    """Yield each distinct prefix and where it stands, in order."""
    cells = prefixes.view(np.uint8).reshape(len(prefixes), -1)
    if (cells == cells[0]).all():  # many times faster than comparing them as bytes
        yield prefixes[:1].tobytes(), np.arange(len(prefixes), dtype=np.intp)
        return
    order = np.argsort(prefixes, kind="stable")
    in_order = prefixes[order]
    changes = np.flatnonzero(in_order[1:] != in_order[:-1]) + 1
    for places in np.split(order, changes):
        yield prefixes[places[:1]].tobytes(), places


def _illegible(value: bytes, framing: Framing) -> str:
    if not value:
        return f"The value is empty, without {_EXPECTED[framing]}."
    shown = value[:5].hex(" ")
    if any(value.startswith(form.marker) for form in _FORMS[framing]):
        return (
            f"The value is {len(value)} bytes long ({shown}), too short for {_EXPECTED[framing]}."
        )
    return (
        f"The value begins with {shown}, not with {_EXPECTED[framing]}; "
        "`schemas.framing` says which framing to expect."
    )
