"""Runs a scorer as a process of its own and watches it from outside, by its committed offsets."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil
from confluent_kafka import Consumer, KafkaException, TopicPartition

from benchmarks.contenders.contender import Contender, Job

_WATCH_EVERY_SECONDS = 0.02
_START_SECONDS = 60.0
_STOP_SECONDS = 30.0
#: A Java that SIGTERM ends in order says so with 128 + 15.
_ENDED_WELL = (0, 143)


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

    The time counts from the first commit that is seen. The output topic exists.

    Raises:
        RuntimeError: it ends early, commits nothing, or does not end well; the text names its log.
    """
    path = job.folder / f"{job.group}.log"
    watch = Consumer(
        {
            "bootstrap.servers": job.bootstrap_servers,
            "group.id": job.group,
            # Else each look would wait until no transaction is open on the group's offsets.
            "isolation.level": "read_uncommitted",
        }
    )
    try:
        watched = _Watched(
            _start(contender, job, path), brokers, lambda: sum(_committed(watch, backlog))
        )
        try:
            first, last = watched.until(events, limit_seconds)
            watched.stop()
        finally:
            watched.kill()
        return Run(
            events=last.done - first.done,
            seconds=last.at - first.at,
            cpu_seconds=last.cpu_seconds - first.cpu_seconds,
            broker_cpu_seconds=last.broker_cpu_seconds - first.broker_cpu_seconds,
            peak_rss_mib=watched.peak_rss_bytes / 1024**2,
            committed=_committed(watch, backlog),
        )
    except (RuntimeError, psutil.Error) as error:
        raise RuntimeError(f"{contender.name} {error}; see {path}") from error
    finally:
        watch.close()


def _start(contender: Contender, job: Job, log: Path) -> psutil.Popen:
    command = contender.command(job)
    with log.open("wb") as output:
        return psutil.Popen(command, stdout=output, stderr=output)


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
                raise RuntimeError(f"committed nothing in {_START_SECONDS:.0f} s")
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
            raise RuntimeError(
                f"ended with exit code {self._process.returncode} after {done:,} events"
            )
        held = sum(process.memory_info().rss for process in self._family)
        self.peak_rss_bytes = max(self.peak_rss_bytes, held)
        return done

    def _moment(self, done: int) -> Moment:
        return Moment(time.monotonic(), done, _cpu(self._family), _cpu(self._brokers))

    def stop(self) -> None:
        """Ask it to end, and wait.

        Raises:
            RuntimeError: it does not, or says that something went wrong.
        """
        self._process.terminate()
        try:
            code = self._process.wait(_STOP_SECONDS)
        except psutil.TimeoutExpired as error:
            raise RuntimeError(f"did not end within {_STOP_SECONDS:.0f} s") from error
        if code not in _ENDED_WELL:
            raise RuntimeError(f"ended with exit code {code}")

    def kill(self) -> None:
        """End what is left of it."""
        for process in self._family:
            if process.is_running():
                process.kill()
        self._process.wait()


def _cpu(processes: Sequence[psutil.Process]) -> float:
    times = [process.cpu_times() for process in processes]
    return float(sum(each.user + each.system for each in times))


def _committed(watch: Consumer, backlog: Sequence[TopicPartition]) -> tuple[int, ...]:
    """Return how many events of each partition the group has done; offsets begin at zero.

    A consumer that never subscribes is no member. ``AdminClient.list_consumer_group_offsets`` would
    be the obvious call, but librdkafka 2.16 crashes in it while a group has no coordinator yet.
    """
    try:
        return tuple(max(each.offset, 0) for each in watch.committed(list(backlog), timeout=10))
    except KafkaException:  # no coordinator yet
        return (0,) * len(backlog)
