"""Loads: how much is written, what the events look like, and the workers' settings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from stream_scorer.records import Reason
from stream_scorer.traffic.paces import Backlog, Bursts, Pace, Steady
from stream_scorer.verify.events import FATES, PLAIN, SELDOM, Look


@dataclass(frozen=True, slots=True)
class Load:
    """The load on a round's fleet while faults are injected.

    Attributes:
        name: the name in ``--load`` and in the tables.
        ahead: how many events are written and not yet seen to be scored at any time: a backlog that
            never ends; twice as many while some partitions stall. ``None``: the plan's rate.
        every_seconds: the interval of bursts that add up to the rate; ``None``: evenly.
        share: of the plan's rate.
        burst_events: how many events are written at once; some of these bursts are transactions.
        hot: nine of ten events go to the first partition.
        partitions: of the topics; ``None``: the plan's.
        look: the shape of its events.
        batching: the ``batching`` section of the workers' configuration.
        seconds_per_row: extra model time for each row, spent waiting without a core, like a model
            on another device.
    """

    name: str
    ahead: int | None = None
    every_seconds: float | None = None
    share: float = 1.0
    burst_events: int = 12
    hot: bool = False
    partitions: int | None = None
    look: Look = PLAIN
    batching: Mapping[str, Any] = field(default_factory=dict)
    seconds_per_row: float = 0.0

    @property
    def catch_up_seconds(self) -> float:
        """The time that one worker's model needs for all events that can wait.

        The partitions that stalled longest may all end up with that worker.
        """
        return 2 * (self.ahead or 0) * self.seconds_per_row

    def pace(self, rate: float, behind: Callable[[], int]) -> Pace:
        """Return the pace of writing.

        Args:
            rate: of the plan, events a second.
            behind: returns how many events are written and not seen to be scored.
        """
        if self.ahead is not None:
            return Backlog(self.ahead, behind)
        if self.every_seconds is not None:
            return Bursts(rate * self.share, self.every_seconds)
        return Steady(rate * self.share)


#: Primes, so that no two coincide. With these, a third is bad, plus a few by size and age.
_A_THIRD_BAD: Mapping[Reason, int] = {
    **SELDOM,
    Reason.NON_FINITE_SCORE: 13,
    Reason.INFERENCE_FAILED: 11,
    Reason.UNDECODABLE: 5,
}
#: For thousands of events a second, where rare fates occur often; brokers' refusals must stay rare.
_FAST = Look(SELDOM)
#: A set is almost always committed because its time is up, and stays open until then.
_HELD: Mapping[str, Any] = {"commit_interval": "2s", "max_records": 250}
#: With three workers this gives 3,000 events/s, which the checker can follow on the same two cores.
_A_MILLISECOND = 0.001

STEADY = Load("steady", batching={"max_records": 64, "transaction_max_records": 512})
BACKLOG = Load("backlog", ahead=18_000, burst_events=240, look=_FAST, batching=_HELD,
               seconds_per_row=_A_MILLISECOND)  # fmt: skip


def all_loads() -> tuple[Load, ...]:
    """Return all loads; the backlog is the first."""
    return (
        BACKLOG,
        STEADY,
        Load("bursts", every_seconds=4.0, burst_events=60, batching={"max_records": 64}),
        Load("one hot partition", ahead=6_000, burst_events=120, hot=True, look=_FAST,
             batching=_HELD, seconds_per_row=_A_MILLISECOND),
        Load("large events", share=1 / 4, look=Look(FATES, large_every=2),
             batching={**_HELD, "min_commit_interval": "1s"}),
        Load("100 partitions", ahead=18_000, burst_events=200, partitions=100, look=_FAST,
             batching=_HELD, seconds_per_row=_A_MILLISECOND),
        Load("tiny transactions", ahead=1_000, burst_events=36,
             batching={"max_records": 4, "transaction_max_records": 4}),
        Load("full transactions", ahead=12_000, burst_events=240, look=_FAST,
             seconds_per_row=_A_MILLISECOND,
             batching={"commit_interval": "10s", "max_records": 100,
                       "transaction_max_records": 1_200}),
        Load("a third of the events bad", ahead=12_000, burst_events=120, batching=_HELD,
             look=Look(_A_THIRD_BAD), seconds_per_row=_A_MILLISECOND),
        Load("several writer schemas", ahead=12_000, burst_events=120, batching=_HELD,
             look=Look(SELDOM, writers=3), seconds_per_row=_A_MILLISECOND),
        Load("model of 40 µs a row", ahead=40_000, burst_events=480, look=_FAST,
             batching=_HELD, seconds_per_row=40e-6),
        Load("model of 5 ms a row", ahead=3_600, burst_events=60, seconds_per_row=0.005,
             batching={**_HELD, "max_records": 64}),
    )  # fmt: skip
