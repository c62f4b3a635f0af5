"""The shapes of a load: when the next burst is due."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, Protocol

#: How soon to check a backlog again after it was high enough.
LOOK_AGAIN_SECONDS = 0.005


class Progress(NamedTuple):
    """The progress of writing.

    Attributes:
        seconds: since the start, without time that is not made up for.
        written: events handed over to the client.
        under_way: events among them that Kafka has not accepted yet.
    """

    seconds: float
    written: int
    under_way: int


class Pace(Protocol):
    """A shape of load. It is queried before each burst, and again after each wait."""

    def wait_seconds(self, progress: Progress) -> float:
        """Return the time until the next burst is due; below 0, by how much it is late."""


@dataclass(frozen=True, slots=True)
class Steady:
    """A constant rate."""

    events_per_second: float

    def wait_seconds(self, progress: Progress) -> float:
        """Return the time until the next burst is due; below 0, by how much it is late."""
        return progress.written / self.events_per_second - progress.seconds


@dataclass(frozen=True, slots=True)
class Bursts:
    """A constant average rate, with all events of a period written at once at its start."""

    events_per_second: float
    every_seconds: float

    def wait_seconds(self, progress: Progress) -> float:
        """Return the time until the next burst is due; below 0, by how much it is late."""
        lumps = math.floor(progress.written / (self.events_per_second * self.every_seconds))
        return lumps * self.every_seconds - progress.seconds


@dataclass(frozen=True, slots=True)
class Backlog:
    """Writes as fast as possible while fewer than ``ahead`` events wait, so there are always more.

    Events that Kafka has not accepted yet count, so none pile up while brokers are away.

    Attributes:
        ahead: how many events may wait.
        behind: returns how many events in the topic are not processed yet; called before each
            burst, in the writing thread.
    """

    ahead: int
    behind: Callable[[], int]

    def wait_seconds(self, progress: Progress) -> float:
        """Return the time until the next check."""
        waiting = progress.under_way + self.behind()
        return 0.0 if waiting < self.ahead else LOOK_AGAIN_SECONDS
