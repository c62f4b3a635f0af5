"""The shapes of a load: when the next burst's turn is."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, Protocol

#: How soon a backlog that was high enough is looked at again.
LOOK_AGAIN_SECONDS = 0.005


class Progress(NamedTuple):
    """How far writing is.

    Attributes:
        seconds: since the start, without time that is not made up for.
        written: events that were handed over.
        under_way: those of them that Kafka has not taken yet.
    """

    seconds: float
    written: int
    under_way: int


class Pace(Protocol):
    """A shape of load. It is asked before each burst, and again once it was waited for."""

    def wait_seconds(self, progress: Progress) -> float:
        """Return how long to wait for the next burst's turn; below 0, by how much it is late."""


@dataclass(frozen=True, slots=True)
class Steady:
    """The same rate all the time."""

    events_per_second: float

    def wait_seconds(self, progress: Progress) -> float:
        """Return how long to wait for the next burst's turn; below 0, by how much it is late."""
        return progress.written / self.events_per_second - progress.seconds


@dataclass(frozen=True, slots=True)
class Bursts:
    """That rate on average, but all that is due in a time is written at once when it begins."""

    events_per_second: float
    every_seconds: float

    def wait_seconds(self, progress: Progress) -> float:
        """Return how long to wait for the next burst's turn; below 0, by how much it is late."""
        lumps = math.floor(progress.written / (self.events_per_second * self.every_seconds))
        return lumps * self.every_seconds - progress.seconds


@dataclass(frozen=True, slots=True)
class Backlog:
    """As fast as it can while fewer than ``ahead`` events wait, so that there is always more.

    Those that Kafka has not taken yet count, so that none pile up while brokers are away.

    Attributes:
        ahead: how many events may wait.
        behind: returns how many events in the topic are not done yet; asked before each burst, in
            the thread that writes.
    """

    ahead: int
    behind: Callable[[], int]

    def wait_seconds(self, progress: Progress) -> float:
        """Return how long to wait before it is worth another look."""
        waiting = progress.under_way + self.behind()
        return 0.0 if waiting < self.ahead else LOOK_AGAIN_SECONDS
