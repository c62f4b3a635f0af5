"""The named points of a worker's cycle, and what can be ordered to happen there."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any


class Point(StrEnum):
    """A place between two steps of the cycle."""

    AFTER_FETCH = "after-fetch"
    AFTER_SCORING = "after-scoring"
    SET_OPENED = "set-opened"
    AFTER_BEGIN = "after-begin"
    MID_PRODUCE = "mid-produce"
    AFTER_SEND_OFFSETS = "after-send-offsets"
    END_UNANSWERED = "end-unanswered"
    AFTER_COMMIT = "after-commit"
    WHILE_ABORTING = "while-aborting"
    IN_INIT = "in-init"
    IN_REVOKE = "in-revoke"


class Act(StrEnum):
    """What happens at a point."""

    KILL = "SIGKILL"
    TERMINATE = "SIGTERM"
    FREEZE = "SIGSTOP"
    ABORT = "abort"
    SLEEP = "sleep"


@dataclass(frozen=True, slots=True)
class Order:
    """What a worker must do to itself at the next pass of a point, ``times`` passes in a row.

    ``times`` 0 takes back what was ordered for the point.

    ``share`` is the part of the passes that count, by the worker's own seeded dice; ``seconds`` is
    how long a ``sleep`` takes.
    """

    point: Point
    act: Act
    seconds: float = 0.0
    times: int = 1
    share: float = 1.0

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return asdict(self)

    @classmethod
    def from_json(cls, fields: dict[str, Any]) -> Order:
        """Return the order of such fields."""
        return cls(Point(fields["point"]), Act(fields["act"]), fields["seconds"],
                   fields["times"], fields["share"])  # fmt: skip
