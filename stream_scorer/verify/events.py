"""Events whose expected result follows from their number alone.

All numbers in them are multiples of 1/4 below 2**12, so a float32 holds every score exactly and a
recomputed score must be equal, not just close.
"""

from __future__ import annotations

import io
import json
import math
import random
import string
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import fastavro

from stream_scorer.avro.framing import ByFingerprint, prefix_for
from stream_scorer.avro.schema import parse
from stream_scorer.records import Headers, Reason

#: The header that identifies a record's event, even if its value is malformed.
NUMBER_HEADER = "verify.number"
KEYS = 200
#: What the model adds for each pick.
TABLE = (0.0, 0.25, 0.5, 0.75)
_PICK_OUTSIDE = 9
#: These fates depend on the text at an event's end, which not every writer schema has.
_WITH_FILLER = frozenset({Reason.TOO_LARGE, Reason.UNDECODABLE})
#: Larger than the output topic accepts, smaller than the dead-letter topic accepts.
OUTPUT_MESSAGE_BYTES = 64 * 1024
_TOO_LARGE_BYTES = 96 * 1024
#: The longest text that fits into a scored event beside its other fields and its headers.
LARGEST_BYTES = OUTPUT_MESSAGE_BYTES - 1024
#: Only the output topic refuses events that are older than this.
OLDEST_OUTPUT_MS = 30 * 24 * 3600 * 1000
#: Just too old, so that the worker lets the brokers refuse it.
_TOO_OLD_MS = OLDEST_OUTPUT_MS + 5_000

#: The reader's schema, and the first writer's.
EVENT = {
    "type": "record",
    "name": "Event",
    "fields": [
        {"name": "number", "type": "long"},
        {"name": "a", "type": "double"},
        {"name": "b", "type": "double"},
        {"name": "pick", "type": "long"},
        {"name": "filler", "type": "string", "default": ""},
    ],
}
#: Other writers of the same events: other types in another order, one field more, one field fewer.
_OTHERS: tuple[Mapping[str, Any], ...] = (
    {
        "type": "record",
        "name": "Event",
        "fields": [
            {"name": "filler", "type": "string"},
            {"name": "note", "type": ["null", "string"]},
            {"name": "pick", "type": "int"},
            {"name": "b", "type": "float"},
            {"name": "a", "type": "double"},
            {"name": "number", "type": "int"},
        ],
    },
    {
        "type": "record",
        "name": "Event",
        "fields": [
            {"name": "number", "type": "long"},
            {"name": "a", "type": "float"},
            {"name": "b", "type": "double"},
            {"name": "pick", "type": "long"},
        ],
    },
)
#: One event in this many has this fate. The numbers are primes, so that no two coincide regularly.
FATES: Mapping[Reason, int] = {
    Reason.REJECTED_BY_BROKER: 2003,
    Reason.TOO_LARGE: 1009,
    Reason.NON_FINITE_SCORE: 401,
    Reason.INFERENCE_FAILED: 307,
    Reason.UNDECODABLE: 211,
}
#: The same for rates of thousands of events a second.
SELDOM: Mapping[Reason, int] = {
    **FATES, Reason.REJECTED_BY_BROKER: 20_011, Reason.TOO_LARGE: 4001,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Look:
    """The shape of a round's events.

    Attributes:
        fates: one event in this many must be dead-lettered for this reason; the first match wins.
        large_every: one event in this many is about as large as the output topic accepts.
        writers: the number of writer schemas, 1 to 3. With more than one, each event is framed as
            an Avro single object.
    """

    fates: Mapping[Reason, int]
    large_every: int | None = None
    writers: int = 1

    def is_large(self, number: int) -> bool:
        """Tell whether this event is about as large as the output topic accepts."""
        return self.large_every is not None and number % self.large_every == self.large_every - 1


PLAIN = Look(FATES)


@dataclass(frozen=True, slots=True)
class Event:
    """A record to write, before its topic and partition are chosen."""

    key: bytes
    value: bytes
    timestamp_ms: int
    headers: Headers


def fate_of(number: int, look: Look = PLAIN) -> Reason | None:
    """Return why this event must be dead-lettered, ``None`` if it must be scored."""
    for reason, every in look.fates.items():
        if number % every == every - 1:
            return reason
    return None


def score_of(number: int) -> float:
    """Return the score that the model must give the event."""
    a, b, pick = _features(number)
    return a / 2 + b + TABLE[pick]


def event(number: int, now_ms: int, look: Look = PLAIN) -> Event:
    """Return the event with this number."""
    fate = fate_of(number, look)
    a, b, pick = _features(number)
    row = {
        "number": number,
        "a": a,
        "b": math.nan if fate is Reason.NON_FINITE_SCORE else b,
        "pick": _PICK_OUTSIDE if fate is Reason.INFERENCE_FAILED else pick,
        "filler": _filler(number, fate, look),
    }
    whole = fate in _WITH_FILLER or look.is_large(number)
    writer, prefix = writers(look.writers)[0 if whole else number % look.writers]
    stream = io.BytesIO()
    fastavro.schemaless_writer(stream, writer, row)
    value = stream.getvalue()
    return Event(
        key=b"key-%d" % (number % KEYS),
        value=prefix + (value[:-3] + b"\xff" * 9 if fate is Reason.UNDECODABLE else value),
        timestamp_ms=now_ms - (_TOO_OLD_MS if fate is Reason.REJECTED_BY_BROKER else 0),
        headers=[(NUMBER_HEADER, b"%d" % number)],
    )


def expectation(headers: Headers, look: Look = PLAIN) -> tuple[Reason | None, float | None]:
    """Return the expected result of the event with these headers: a reason, or a score."""
    number = int(dict(headers)[NUMBER_HEADER] or b"")
    fate = fate_of(number, look)
    return (fate, None) if fate else (None, score_of(number))


def _filler(number: int, fate: Reason | None, look: Look) -> str:
    if fate is Reason.TOO_LARGE:
        return "x" * _TOO_LARGE_BYTES
    if fate is None and look.is_large(number):
        return _noise()[number % LARGEST_BYTES :][:LARGEST_BYTES]
    return "x" * (number % 40)


@cache
def _noise() -> str:
    """Return letters that hardly compress, enough of them to start a text anywhere."""
    dice = random.Random(1)  # noqa: S311 - dice, not secrets
    return "".join(dice.choices(string.ascii_letters + string.digits, k=2 * LARGEST_BYTES))


@cache
def writers(count: int) -> tuple[tuple[Mapping[str, Any], bytes], ...]:
    """Return each writer's schema, and the prefix of its events."""
    schemas = (EVENT, *_OTHERS)[:count]
    if count == 1:
        return ((schemas[0], b""),)
    return tuple(
        (schema, prefix_for("single_object", ByFingerprint(parse(json.dumps(schema)).fingerprint)))
        for schema in schemas
    )


def _features(number: int) -> tuple[float, float, int]:
    return float(number % 1000), float(number // 7 % 1000), number % len(TABLE)
