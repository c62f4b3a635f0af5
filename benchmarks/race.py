"""Runs a scorer as a process of its own and watches it from outside, by its committed offsets."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import psutil
from confluent_kafka import TopicPartition

from benchmarks.contenders.contender import Contender, Job
from benchmarks.group_progress import group_progress
from benchmarks.running import running

_WATCH_EVERY_SECONDS = 0.02
_START_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Run:
    """What a contender did between the first commit seen and the last, without its start.

    Attributes:
        events: how many events were committed in that time; 0 if it was all over too soon.
        seconds: how long it was.
        cpu_seconds: what the contender's processes used in that time.
        broker_cpu_seconds: what the brokers' used.
        peak_rss_mib: the most memory that the contender's processes held, from the start on.
        committed: the offset that each partition had reached when the contender had ended.
    """

    events: int
    seconds: float
    cpu_seconds: float
    broker_cpu_seconds: float
    peak_rss_mib: float
    committed: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Moment:
    """How much was committed at a time, and how much CPU was used until then."""

    at: float
    done: int
    cpu_seconds: float
    broker_cpu_seconds: float


def race(
    contender: Contender,
    job: Job,
    backlog: Sequence[TopicPartition],
    events: int,
    *,
    limit_seconds: float = 300.0,
    brokers: Sequence[psutil.Process] = (),
) -> Run:
    """Run the contender until its group has committed ``events``, or the time is up.

    The time counts from the first commit that is seen. ``backlog`` are all partitions of the job's
    input. The output topic exists.

    Raises:
        RuntimeError: it ends early, commits nothing, or does not end well; the text names its log.
    """
    log = job.folder / f"{job.group}.log"
    place = (job.bootstrap_servers, job.group, job.input_topic, len(backlog))
    try:
        with group_progress(*place) as progress:
            with running(contender.command(job), log) as process:
                watched = _Watched(process, brokers, progress.committed)
                first, last = watched.until(events, limit_seconds)
            committed = progress.offsets()
    except (RuntimeError, psutil.Error) as error:
        raise RuntimeError(f"{contender.name} failed. {error} Its log is {log}.") from error
    return Run(
        events=last.done - first.done,
        seconds=last.at - first.at,
        cpu_seconds=last.cpu_seconds - first.cpu_seconds,
        broker_cpu_seconds=last.broker_cpu_seconds - first.broker_cpu_seconds,
        peak_rss_mib=watched.peak_rss_bytes / 1024**2,
        committed=committed,
    )


class _Watched:
    """A contender's process, and those that it starts."""

    def __init__(
        self,
        process: psutil.Popen,
        brokers: Sequence[psutil.Process],
        committed: Callable[[], int],
    ) -> None:
        self._process = process
        self._brokers = brokers
        self._committed = committed
        self._family: list[psutil.Process] = [process]
        self.peak_rss_bytes = 0

    def until(self, events: int, limit_seconds: float) -> tuple[Moment, Moment]:
        """Watch until ``events`` are committed or the time is up; return the first and last look.

        The resident set is sampled: what the kernel notes as the peak of a child counts the
        parent's memory at the fork, too.
        """
        give_up = time.monotonic() + _START_SECONDS
        while not (done := self._look()):
            if time.monotonic() > give_up:
                raise RuntimeError(f"It committed nothing in {_START_SECONDS:.0f} s.")
            time.sleep(_WATCH_EVERY_SECONDS)
        self._family += self._process.children(recursive=True)
        first = self._moment(done)
        while done < events and time.monotonic() - first.at < limit_seconds:
            time.sleep(_WATCH_EVERY_SECONDS)
            done = self._look()
        return first, self._moment(done)

    def _look(self) -> int:
        """Return how many events are committed."""
        done = self._committed()
        if self._process.poll() is not None:
            code = self._process.returncode
            raise RuntimeError(f"It ended with exit code {code} after {done:,} events.")
        held = sum(process.memory_info().rss for process in self._family)
        self.peak_rss_bytes = max(self.peak_rss_bytes, held)
        return done

    def _moment(self, done: int) -> Moment:
        return Moment(time.monotonic(), done, _cpu(self._family), _cpu(self._brokers))


def _cpu(processes: Sequence[psutil.Process]) -> float:
    times = [process.cpu_times() for process in processes]
    return float(sum(each.user + each.system for each in times))
