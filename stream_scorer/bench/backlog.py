"""Throughput: a worker with a backlog, observed through its committed offsets."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass

from confluent_kafka import Consumer, KafkaException
from confluent_kafka import TopicPartition as ClientPartition

from stream_scorer.bench.counters import STAGES, Counters, counters_of
from stream_scorer.bench.ground import Ground
from stream_scorer.bench.usage import Usage, peak_rss_bytes, usage_of
from stream_scorer.bench.worker import Worker
from stream_scorer.errors import Broken, ConfigError

WATCH_EVERY_SECONDS = 0.02
#: The measurement is given up if nothing new is committed for this long.
STALL_SECONDS = 120.0
ANSWER_SECONDS = 10.0
#: The minimum time from the first observed commit to the last; a shorter one is meaningless.
SHORTEST_SECONDS = 0.25


@dataclass(frozen=True, slots=True)
class Busy:
    """CPU in the measured time: microseconds an event, and idle cores of the machine."""

    loop: float
    client: float
    other: float
    idle_cores: float

    @property
    def total(self) -> float:
        """Return the worker's CPU time, all threads together."""
        return self.loop + self.client + self.other


@dataclass(frozen=True, slots=True)
class Throughput:
    """A worker's work on a backlog, from the first observed commit to the last.

    Attributes:
        events: the size of the backlog.
        event_bytes: the mean size of an event.
        measured_events, seconds: the basis of the rates.
        stages: microseconds of the loop's time per event, by stage.
        commits, aborts: transactions.
        commit_seconds: the mean time of a commit, including writing its events.
        batch_rows: the mean size of a batch.
        dead_letters: by reason.
        busy: CPU as accounted by the kernel, ``None`` where it keeps no account.
        peak_rss_bytes: the most memory since the worker's start, ``None`` likewise.
    """

    events: int
    event_bytes: float
    measured_events: int
    seconds: float
    stages: Mapping[str, float]
    commits: float
    aborts: float
    commit_seconds: float
    batch_rows: float
    dead_letters: Mapping[str, float]
    busy: Busy | None
    peak_rss_bytes: int | None

    @property
    def events_per_second(self) -> float:
        """Return the throughput."""
        return self.measured_events / self.seconds

    @property
    def micros(self) -> float:
        """Return the total microseconds per event."""
        return self.seconds * 1e6 / self.measured_events

    @property
    def rest(self) -> float:
        """Return microseconds per event that belong to no stage: the loop's own, and waiting."""
        return max(0.0, self.micros - sum(self.stages.values()))

    @property
    def loop_micros(self) -> float:
        """Return the stages and the rest, the total for shares of the loop's time.

        For a short backlog it may exceed :attr:`micros`: the worker and the observer read the clock
        at different moments.
        """
        return sum(self.stages.values()) + self.rest


@dataclass(frozen=True, slots=True)
class Moment:
    """A snapshot of all counters at the start or the end of the measured time.

    ``at`` is in monotonic seconds, ``done`` is how many events were committed.
    """

    at: float
    done: int
    counters: Counters
    usage: Usage | None


def drain(worker: Worker, ground: Ground, events: int, size_bytes: int) -> Throughput:
    """Observe a running worker until its group has committed the whole backlog.

    Raises:
        ConfigError: the backlog is too small to measure a rate.
        Broken: no more events are committed.
        StreamScorerError: the worker ended, with its own error.
    """
    watch = Consumer(
        {
            **ground.client,
            "group.id": ground.names.group,
            # Committed offsets at this moment, regardless of open transactions.
            "isolation.level": "read_uncommitted",
        }
    )
    backlog = [ClientPartition(ground.names.input, number) for number in range(ground.partitions)]
    with closing(watch):
        first = _wait_for(worker, watch, backlog, 1)
        last = _wait_for(worker, watch, backlog, events)
    return throughput_of(first, last, events, size_bytes, peak_rss_bytes(worker.pid))


def _wait_for(
    worker: Worker, watch: Consumer, backlog: list[ClientPartition], events: int
) -> Moment:
    """Return the moment when this many events were first seen to be committed."""
    done, moved = -1, time.monotonic()
    while True:
        now_done, now = _committed(watch, backlog), time.monotonic()
        if now_done >= events:
            return Moment(now, now_done, counters_of(worker.port), usage_of(worker.pid))
        worker.check()
        moved = now if now_done > done else moved
        done = max(done, now_done)
        if now - moved > STALL_SECONDS:
            raise Broken(
                f"No more events were committed after {done:,} of {events:,}, for "
                f"{STALL_SECONDS:.0f} s."
            )
        time.sleep(WATCH_EVERY_SECONDS)


def _committed(watch: Consumer, backlog: list[ClientPartition]) -> int:
    """Return how many events the group has committed: its offsets, in topics that begin at zero.

    A consumer that never subscribes does not join the group.
    """
    try:
        found = watch.committed(backlog, timeout=ANSWER_SECONDS)
    except KafkaException:  # no coordinator yet
        return 0
    return sum(max(each.offset, 0) for each in found)


def throughput_of(
    first: Moment, last: Moment, events: int, size_bytes: int, peak_bytes: int | None
) -> Throughput:
    """Return the work between two moments.

    Args:
        first: when the first commit was observed.
        last: when everything was committed.
        events: the number of events in the backlog.
        size_bytes: the size of the backlog.
        peak_bytes: the most memory that the worker used.

    Raises:
        ConfigError: they are too close to measure a rate.
    """
    if last.at - first.at < SHORTEST_SECONDS:
        raise ConfigError(
            f"{events:,} events are scored before their rate can be measured. Set --events "
            f"{max(20 * events, 100_000)} or more."
        )
    spent = last.counters.since(first.counters)
    traces, consumed = max(spent.traces, 1.0), max(spent.consumed, 1.0)
    # A batch counts as polled before it is scored, and as scored when it is committed.
    stages = {
        stage: spent.stage_seconds[stage] * 1e6 / (consumed if stage == "poll" else traces)
        for stage in STAGES
    }
    measured = last.done - first.done
    return Throughput(
        events=events,
        event_bytes=size_bytes / events,
        measured_events=measured,
        seconds=last.at - first.at,
        stages=stages,
        commits=spent.committed,
        aborts=spent.aborted,
        commit_seconds=spent.stage_seconds["commit"] / max(spent.committed, 1.0),
        batch_rows=consumed / max(spent.batches, 1.0),
        dead_letters=last.counters.dead_letters,
        busy=_busy(first.usage, last.usage, measured),
        peak_rss_bytes=peak_bytes,
    )


def _busy(first: Usage | None, last: Usage | None, events: int) -> Busy | None:
    if first is None or last is None or events <= 0:
        return None
    per_event = 1e6 / events
    return Busy(
        (last.loop - first.loop) * per_event,
        (last.client - first.client) * per_event,
        (last.other - first.other) * per_event,
        max(0.0, last.idle - first.idle) / max(last.at - first.at, 1e-9),
    )
