"""Readiness for ``/readyz``: whether the worker could process events.

The server is up only once the model is loaded and warm, and the loop joins the group only with a
producer that is initialised. So what is left to see is that the group has taken the worker in, with
partitions or without (a spare member must not block a rollout), and that nobody outside is away. A
partition that is held, while others go on, is no reason either.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from stream_scorer.records import Held, TopicPartition

NOT_A_MEMBER = "the group has not taken the worker in yet"
NO_BROKER = "no connection to a broker is up"
#: Between two failed tries to score an event there may be polls that bring nothing and go well.
STEADY_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Away:
    """A wait: its reason, its start, and when it was last reported (monotonic seconds)."""

    reason: str
    since: float
    seen_at: float


def reason_of(held: Mapping[TopicPartition, Held]) -> str:
    """Return which partitions wait, and why the first of them does."""
    (topic, partition), first = min(held.items(), key=lambda each: each[0])
    place = f"{topic}[{partition}] waits at offset {first.offset}"
    others = f", {len(held) - 1} more wait too" if len(held) > 1 else ""
    return f"{place}{others}: {first.why}"


class Readiness:
    """Told by the loop's thread, asked by any: each answer is one reference to a value.

    ``clock`` counts monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._is_member: Callable[[], bool] | None = None
        self._member = False
        self._brokers_up = True
        self._held_since = 0.0
        self.away: Away | None = None
        self.held: Mapping[TopicPartition, Held] = {}

    def ask(self, is_member: Callable[[], bool]) -> None:
        """Ask this client from now on, on the loop's thread and until it says yes."""
        self._is_member = is_member

    def waiting(self, reason: str) -> None:
        """Note that something outside is away."""
        now = self._clock()
        self.away = Away(reason, self.away.since if self.away else now, now)

    def holds(self, held: Mapping[TopicPartition, Held]) -> None:
        """Note which partitions wait."""
        if held and not self.held:
            self._held_since = self._clock()
        self.held = dict(held)

    @property
    def waits(self) -> Away | None:
        """The reason for the current wait, which may concern some partitions only."""
        away, held = self.away, self.held
        if away is None and held:
            return Away(reason_of(held), self._held_since, self._clock())
        return away

    def working(self, *, committed: bool = False) -> None:
        """Note that a round went well, or that events were committed."""
        away = self.away
        if committed or (away and self._clock() - away.seen_at >= STEADY_SECONDS):
            self.away = None
        if not self._member and self._is_member is not None:
            self._member = self._is_member()

    def lost(self) -> None:
        """Note that the group has put the worker out."""
        self._member = False

    def brokers(self, up: int) -> None:
        """Note how many connections to brokers the consumer has."""
        self._brokers_up = up > 0

    def why_not(self) -> str | None:
        """Return why the worker could not take events, or ``None``."""
        away = self.away
        if away is not None:
            return away.reason
        if not self._member:
            return NOT_A_MEMBER
        return None if self._brokers_up else NO_BROKER

    def away_seconds(self) -> float:
        """Return for how long something has been waited for."""
        away = self.away
        return self._clock() - away.since if away else 0.0
