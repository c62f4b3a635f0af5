"""The named points of a worker's cycle, and the acts that can be ordered there."""

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
    """An act at a point."""

    KILL = "SIGKILL"
    TERMINATE = "SIGTERM"
    FREEZE = "SIGSTOP"
    ABORT = "abort"
    SLEEP = "sleep"


@dataclass(frozen=True, slots=True)
class Order:
    """An act that a worker performs on itself at the next ``times`` passes of a point.

    ``times`` 0 cancels the order for the point.

    ``share`` is the fraction of passes that count, by the worker's own seeded dice; ``seconds`` is
    the length of a ``sleep``.
    """

    point: Point
    act: Act
    seconds: float = 0.0
    times: int = 1
    share: float = 1.0

    def to_json(self) -> dict[str, Any]:
        """Return the order as JSON fields."""
        return asdict(self)

    @classmethod
    def from_json(cls, fields: dict[str, Any]) -> Order:
        """Return the order with these JSON fields."""
        return cls(Point(fields["point"]), Act(fields["act"]), fields["seconds"],
                   fields["times"], fields["share"])  # fmt: skip
