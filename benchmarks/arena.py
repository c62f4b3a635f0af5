"""One workload, ready to race over; one contender's run over it, watched and checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol

import psutil

from benchmarks import backlog, exactness, reading, transactions
from benchmarks.backlog import PARTITIONS, Backlog
from benchmarks.contenders.contender import Contender, Job
from benchmarks.contenders.ours import dead_letter_topic
from benchmarks.race import Run, race
from benchmarks.reading import Output
from benchmarks.results import Result
from benchmarks.workloads import Workload, prepare


class Kafka(Protocol):
    """A cluster to race on."""

    @property
    def bootstrap_servers(self) -> str:
        """Return the addresses of brokers, with commas between."""

    def create_topic(
        self, name: str, partitions: int = 1, config: Mapping[str, str] | None = None
    ) -> None:
        """Create a topic and return once each partition has a leader."""


@dataclass(frozen=True, slots=True)
class Arena:
    """A workload's backlog on a cluster, its folder, and the scores that are right."""

    kafka: Kafka
    workload: Workload
    folder: Path
    backlog: Backlog
    expected: Mapping[int, float]
    brokers: Sequence[psutil.Process]


def arena(kafka: Kafka, workload: Workload, folder: Path, events: int, name: str = "") -> Arena:
    """Write the workload's files and produce its backlog to a topic of this name of its own."""
    prepare(workload, folder)
    topic = name or workload.name
    kafka.create_topic(topic, PARTITIONS)
    filled = backlog.fill(kafka.bootstrap_servers, topic, workload, events)
    expected = exactness.expected_scores(folder, filled.samples)
    return Arena(kafka, workload, folder, filled, expected, _brokers())


@dataclass(frozen=True, slots=True)
class Checked:
    """A run, the transactions it took, and how long the values are; the output is exact."""

    run: Run
    transactions: int
    output_bytes: float


def measure(where: Arena, contender: Contender, name: str, limit_seconds: float = 300.0) -> Result:
    """Run a contender as :func:`checked` does, and return what it took.

    Raises:
        RuntimeError: besides :func:`checked`'s, it was done before it could be watched.
    """
    found = checked(where, contender, name, limit_seconds)
    if found.run.events == 0:
        raise RuntimeError(
            f"{contender.name} committed everything at once; give it more events, or more time."
        )
    return Result.of(
        where.workload.name, contender.name, found.run, found.transactions, found.output_bytes
    )


def checked(where: Arena, contender: Contender, name: str, limit_seconds: float = 300.0) -> Checked:
    """Run a contender over the backlog, or for so long, and check what it wrote.

    ``name`` is part of its group's name, and must be new for each of its runs.

    Raises:
        NotExact: what it wrote is not what the input demands.
        RuntimeError: it did not run well.
    """
    servers, log = where.kafka.bootstrap_servers, where.backlog
    group = f"{contender.name}-{log.topic}-{name}".replace(" ", "-")
    job = Job(servers, group, log.topic, f"{group}.scored", where.folder)
    for topic in (job.output_topic, dead_letter_topic(job)):
        where.kafka.create_topic(topic, PARTITIONS)
    before = transactions.ends(servers)
    run = race(
        contender,
        job,
        log.places(),
        log.events,
        limit_seconds=limit_seconds,
        brokers=where.brokers,
    )
    ended = transactions.ended_since(servers, before)
    output = reading.read(servers, job.output_topic, log)
    try:
        _check(where, contender, job, run, output)
    except exactness.NotExact as difference:
        raise exactness.NotExact(
            f"The output of {contender.name}, {job.output_topic}, is not exact: {difference}"
        ) from difference
    return Checked(run, ended, output.mean_bytes)


def _check(where: Arena, contender: Contender, job: Job, run: Run, output: Output) -> None:
    exactness.check_events(
        output, where.backlog, run.committed, keeps_partition=contender.keeps_partition
    )
    if contender.score_of is not None:
        exactness.check_scores(
            output, where.expected, run.committed, partial(contender.score_of, job)
        )


def _brokers() -> list[psutil.Process]:
    """Return the brokers that this process has started; none on a cluster elsewhere."""
    children = psutil.Process().children(recursive=True)
    return [child for child in children if "kafka.Kafka" in child.cmdline()]
