"""The ways in which an event can be broken, and the reason to dead-letter it for each."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from stream_scorer.demo.simulation import Row
from stream_scorer.records import Reason

UNKNOWN_SCHEMA_ID = 404


def _unchanged(row: Row) -> Row:
    return row


def _intact(value: bytes) -> bytes:
    return value


@dataclass(frozen=True, slots=True)
class Fault:
    """One way to break an event: in its values, or in its bytes."""

    title: str
    reason: Reason
    spoil_row: Callable[[Row], Row] = _unchanged
    spoil_value: Callable[[bytes], bytes | None] = _intact


CUT_SHORT = Fault(
    "truncated halfway",
    Reason.UNDECODABLE,
    spoil_value=lambda value: value[: len(value) // 2],
)
BYTES_LEFT_OVER = Fault(
    "bytes after the last field",
    Reason.UNDECODABLE,
    spoil_value=lambda value: value + b"\x00\x00",
)
UNKNOWN_SCHEMA = Fault(
    "written with an unregistered schema",
    Reason.NO_SCHEMA,
    spoil_value=lambda value: b"\x00" + UNKNOWN_SCHEMA_ID.to_bytes(4, "big") + value[5:],
)
NOT_AVRO = Fault(
    "JSON instead of Avro",
    Reason.NO_SCHEMA,
    spoil_value=lambda _: b'{"event_id": "hello", "amount": 12.5}',
)
EMPTIED = Fault(
    "a null value, which a compacted topic keeps for a deleted key",
    Reason.TOMBSTONE,
    spoil_value=lambda _: None,
)
AMOUNT_MISSING = Fault(
    "a payment without an amount",
    Reason.MISSING_FEATURE,
    spoil_row=lambda row: row | {"amount": None},
)
AMOUNT_ABSURD = Fault(
    "an amount that no float32 can hold",
    Reason.NOT_REPRESENTABLE,
    spoil_row=lambda row: row | {"amount": 1e300},
)


def _with_torque(row: Row, torque: float | None) -> Row:
    return row | {"reading": row["reading"] | {"torque_newton_metres": torque}}


TORQUE_MISSING = Fault(
    "a torque sensor that is off",
    Reason.MISSING_FEATURE,
    spoil_row=lambda row: _with_torque(row, None),
)
TORQUE_NOT_A_NUMBER = Fault(
    "a torque sensor that reports NaN, which makes the score NaN",
    Reason.NON_FINITE_SCORE,
    spoil_row=lambda row: _with_torque(row, math.nan),
)
