"""One writer's events as the two things that are read of them: features, and fields to copy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from stream_scorer.avro.plan import Plan, compile_plan
from stream_scorer.avro.schema import Schema, parse
from stream_scorer.columns import Columns, Payloads


@dataclass(frozen=True, slots=True)
class Read:
    """The columns by path, and which rows are malformed and why."""

    features: Columns
    copied: Columns
    malformed: dict[int, str]


@dataclass(frozen=True, slots=True)
class Reading:
    """How the events of one writer are read.

    A decimal is a number to the model and bytes to the scored event: as a double it could not be
    written back with all its digits. So where one is copied, a second plan reads its bytes.
    """

    plan: Plan
    bytes_of_decimals: Plan | None

    def read(self, payloads: Payloads) -> Read:
        """Return both kinds of columns, of as many rows as there are payloads."""
        decoded = self.plan.decode(payloads)
        copied = decoded.columns
        if self.bytes_of_decimals is not None:
            copied = {**copied, **self.bytes_of_decimals.decode(payloads).columns}
        return Read(decoded.columns, copied, decoded.malformed)


def compile_reading(
    writer: Schema, reader: Schema, features: Sequence[str], copied: Sequence[str]
) -> Reading:
    """Return how to read ``writer``'s events as ``reader`` has them.

    Raises:
        ContractError: the two don't resolve; the text names the field.
    """
    plan = compile_plan(writer, reader, (*features, *copied))
    plain = _without_decimals(reader)
    if plain == reader or not copied:
        return Reading(plan, None)
    return Reading(plan, compile_plan(_without_decimals(writer), plain, copied))


def _without_decimals(schema: Schema) -> Schema:
    return parse(_plain(schema.json))


def _plain(json: Any) -> Any:
    if isinstance(json, list):
        return [_plain(each) for each in json]
    if not isinstance(json, dict):
        return json
    is_decimal = json.get("logicalType") == "decimal"
    return {
        key: value if key == "default" else _plain(value)
        for key, value in json.items()
        if not (is_decimal and key in {"logicalType", "precision", "scale"})
    }
