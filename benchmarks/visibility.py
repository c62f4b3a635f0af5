"""One contender at steady rates: when each event was made, and when its output could be seen."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import psutil
from confluent_kafka import OFFSET_BEGINNING, Consumer, Message, TopicPartition
from numpy.typing import NDArray

from benchmarks.backlog import PARTITIONS
from benchmarks.contenders.committing import without_errors
from benchmarks.contenders.contender import Contender
from benchmarks.delays import (
    LagSample,
    first_sightings,
    growth_per_second,
    keeps_up,
    percentiles,
)
from benchmarks.ground import Ground
from benchmarks.group_progress import GroupProgress, group_progress, make_known
from benchmarks.running import running
from benchmarks.steady_producer import TICK_SECONDS, Schedule

_START_SECONDS = 60.0
#: After the last event was made, its output must be seen within this time.
_PATIENCE_SECONDS = 15.0
_LAG_EVERY_SECONDS = 0.5
#: A growth takes two.
_FEWEST_LAGS = 2
_POLL_SECONDS = 0.05
_BATCH_EVENTS = 10_000
_FIRST_SECONDS = 5.0


class Overwhelmed(RuntimeError):
    """A rate is so far beyond what is possible here that there is nothing to report."""


@dataclass(frozen=True, slots=True)
class Plan:
    """At which rates, events a second, for how long each; the warm-up comes before that.

    ``first_rate`` is played to each contender before all: while it starts, makes its connections,
    and compiles what it compiles as it runs.
    """

    rates: tuple[int, ...]
    seconds: float
    warm_up_seconds: float
    partitions: int = PARTITIONS
    tick_seconds: float = TICK_SECONDS
    first_rate: int = 2_000

    def schedule(self, topic: str, rate: int, seconds: float) -> Schedule:
        """Return when to make events."""
        return Schedule(topic, self.partitions, rate, seconds, self.tick_seconds)


@dataclass(frozen=True, slots=True)
class Trial:
    """One contender at one rate.

    Attributes:
        contender: its name.
        rate: events a second that were made.
        run: which of several.
        events: how many count.
        p50_ms: half of them were visible after that; the others likewise.
        p95_ms: see there.
        p99_ms: see there.
        most_ms: the last of them.
        missing: events of the rate whose output was not seen in time; no percentile counts them.
        repeated: outputs of an event that was seen before, of all events of the rate.
        lag_growth_per_second: by how many events a second the group fell behind.
        keeps_up: it did not, as far as can be told, and no output is missing.
        cpu_share: CPU time of the contender's processes by time; 1 is one core.
        late_p99_ms: how late the producer was, against its schedule, in one case of 100.
    """

    contender: str
    rate: int
    run: int
    events: int
    p50_ms: float
    p95_ms: float
    p99_ms: float
    most_ms: float
    missing: int
    repeated: int
    lag_growth_per_second: float
    keeps_up: bool
    cpu_share: float
    late_p99_ms: float


def trials(on: Ground, contender: Contender, plan: Plan, run: int) -> Iterator[Trial]:
    """Start the contender on topics of its own, and yield a trial for each rate.

    Raises:
        Overwhelmed: of a rate nothing can be said, so that higher ones are not tried.
        RuntimeError: it ends, or does not end well.
    """
    group = f"{contender.name}-{run}".replace(" ", "-")
    topic = f"{group}.events"
    on.kafka.create_topic(topic, plan.partitions)
    make_known(on.kafka.bootstrap_servers, group, topic, plan.partitions)
    job = on.job(group, topic, plan.partitions)
    first = plan.schedule(topic, plan.first_rate, _FIRST_SECONDS)
    with (
        _reader(job.bootstrap_servers, job.output_topic, plan.partitions) as reader,
        group_progress(job.bootstrap_servers, group, topic, plan.partitions) as progress,
        running(contender.command(job), on.log(job)) as process,
    ):
        bench = _Bench(contender.name, job.bootstrap_servers, reader, progress, process)
        bench.play(first, _START_SECONDS)
        for rate in plan.rates:
            schedule = plan.schedule(topic, rate, plan.warm_up_seconds + plan.seconds)
            yield bench.trial(schedule, plan.warm_up_seconds, run)


@dataclass(frozen=True, slots=True)
class _Played:
    """What was seen of a schedule, and what was noted meanwhile."""

    made_ns: NDArray[np.int64]
    seen_ns: NDArray[np.int64]
    lags: list[LagSample]
    cpu_share: float
    late_p99_ms: float


class _Bench:
    """A running contender, and who reads what it writes."""

    def __init__(
        self,
        name: str,
        bootstrap_servers: str,
        reader: Consumer,
        progress: GroupProgress,
        process: psutil.Popen,
    ) -> None:
        self._name = name
        self._bootstrap_servers = bootstrap_servers
        self._reader = reader
        self._progress = progress
        self._process = process

    def trial(self, schedule: Schedule, warm_up_seconds: float, run: int) -> Trial:
        """Play a schedule, and say what of it counts."""
        played = self.play(schedule, _PATIENCE_SECONDS)
        made_ns, seen_ns, repeated = first_sightings(played.made_ns, played.seen_ns)
        began_ns = made_ns[0] if len(made_ns) else 0
        counts = made_ns >= began_ns + int(warm_up_seconds * 1e9)
        if not counts.any():
            raise Overwhelmed(
                f"{self._name} at {schedule.rate:,}/s: {len(made_ns):,} of {schedule.events:,} "
                "events came out, all of them from the warm-up"
            )
        took = percentiles(made_ns[counts], seen_ns[counts])
        begins = (began_ns / 1e9) + warm_up_seconds
        lags = [lag for lag in played.lags if lag.at_seconds >= begins]
        if len(lags) < _FEWEST_LAGS:
            raise Overwhelmed(
                f"{self._name} at {schedule.rate:,}/s: the broker does not say how far the group is"
            )
        growth = growth_per_second(lags)
        return Trial(
            contender=self._name,
            rate=schedule.rate,
            run=run,
            events=int(counts.sum()),
            p50_ms=took.p50,
            p95_ms=took.p95,
            p99_ms=took.p99,
            most_ms=took.most,
            missing=schedule.events - len(made_ns),
            repeated=repeated,
            lag_growth_per_second=growth,
            keeps_up=len(made_ns) == schedule.events and keeps_up(growth, schedule.rate),
            cpu_share=played.cpu_share,
            late_p99_ms=played.late_p99_ms,
        )

    def play(self, schedule: Schedule, patience_seconds: float) -> _Played:
        """Let a schedule's events be made, and read until each has its output, or the time is up.

        Raises:
            Overwhelmed: the broker does not even take the events.
            RuntimeError: the contender ended.
        """
        options = schedule.options(self._bootstrap_servers)
        command = (sys.executable, "-m", "benchmarks.steady_producer", *options)
        cpu, began = _cpu_seconds(self._process), time.monotonic()
        with (
            subprocess.Popen(command, stdout=subprocess.PIPE) as producer,  # noqa: S603 - ours
            _lag_samples(self._progress, producer) as lags,
        ):
            made_ns, seen_ns = self._read(schedule, patience_seconds)
            said, _ = producer.communicate()
        if producer.returncode:
            raise Overwhelmed(
                f"{self._name} at {schedule.rate:,}/s: the broker did not take all events in time"
            )
        share = (_cpu_seconds(self._process) - cpu) / (time.monotonic() - began)
        late = float(json.loads(said)["late_p99_ms"])
        return _Played(made_ns, seen_ns, lags, share, late)

    def _read(
        self, schedule: Schedule, patience_seconds: float
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return when each event was made and seen; what was made before is of another schedule."""
        made: list[int] = []
        seen: list[int] = []
        began = time.monotonic_ns()
        give_up = time.monotonic() + schedule.seconds + patience_seconds
        while len(made) < schedule.events and time.monotonic() < give_up:
            messages = self._messages()
            now = time.monotonic_ns()
            fresh = [at for message in messages if (at := int(message.key())) >= began]
            made += fresh
            seen += [now] * len(fresh)
            if self._process.poll() is not None:
                raise RuntimeError(f"{self._name} ended with code {self._process.returncode}")
        return np.array(made, np.int64), np.array(seen, np.int64)

    def _messages(self) -> list[Message]:
        first = self._reader.poll(_POLL_SECONDS)
        if first is None:
            return []
        return without_errors([first, *self._reader.consume(_BATCH_EVENTS - 1, 0)])


@contextmanager
def _reader(bootstrap_servers: str, topic: str, partitions: int) -> Iterator[Consumer]:
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap_servers,
            "group.id": f"reads-{topic}",
            "enable.auto.commit": False,
            "isolation.level": "read_committed",
            "fetch.wait.max.ms": 100,
        }
    )
    try:
        places = [TopicPartition(topic, each, OFFSET_BEGINNING) for each in range(partitions)]
        consumer.assign(places)
        yield consumer
    finally:
        consumer.close()


@contextmanager
def _lag_samples(
    progress: GroupProgress, producer: subprocess.Popen[bytes]
) -> Iterator[list[LagSample]]:
    """Look at the lag now and then, in a thread, for as long as events are made."""
    samples: list[LagSample] = []
    stop = threading.Event()

    def look() -> None:
        while not stop.wait(_LAG_EVERY_SECONDS) and producer.poll() is None:
            if (lag := progress.lag()) is not None:
                samples.append(LagSample(time.monotonic(), lag))

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield samples
    finally:
        stop.set()
        thread.join()


def _cpu_seconds(process: psutil.Popen) -> float:
    family = [process, *process.children(recursive=True)]
    times = [each.cpu_times() for each in family]
    return float(sum(each.user + each.system for each in times))
