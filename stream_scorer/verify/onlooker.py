"""Observes a round: reads the topics, polls committed offsets, collects the workers' histories."""

from __future__ import annotations

import signal
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from stream_scorer.records import TopicPartition
from stream_scorer.verify.checker import Checker
from stream_scorer.verify.fleet import Fleet, Member
from stream_scorer.verify.held import Held, HeldTimes
from stream_scorer.verify.history import HistoryFile
from stream_scorer.verify.invariants.liveness import Liveness
from stream_scorer.verify.readers import Readers
from stream_scorer.verify.recovery import Recovery, RecoveryTimes
from stream_scorer.verify.values import Entry, InputEvent, Invariant, Trace, Violation
from stream_scorer.verify.waiting import Waiting

SAMPLE_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Seen:
    """The numbers that were observed in a round."""

    events: int
    scored: int
    dead_letters: Mapping[str, int]
    transactions: Mapping[str, int]
    ended: Mapping[str, int]
    recovery: RecoveryTimes
    recovery_seconds: float
    held: HeldTimes


class Onlooker:
    """Feeds the checker; all methods must be called from one thread.

    ``clock`` returns seconds since the epoch, as in the workers' histories.
    """

    def __init__(
        self,
        *,
        readers: Readers,
        checker: Checker,
        liveness: Liveness,
        fleet: Fleet,
        journal: HistoryFile,
        recovery_seconds: float,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._readers = readers
        self._checker = checker
        self._liveness = liveness
        self._fleet = fleet
        self._journal = journal
        self._clock = clock
        self._recovery = Recovery()
        self._held = Held()
        self._recovery_seconds = recovery_seconds
        self._sampled_at = 0.0
        self._committed: dict[TopicPartition, int] = {}
        self._unexpected: list[Violation] = []
        self._reasons: Counter[str] = Counter()
        self._outcomes: Counter[str] = Counter()
        self._ends: Counter[str] = Counter()
        self.waiting = Waiting()
        self.events = 0
        self.traces = 0

    def look(self, seconds: float, *, impaired: bool) -> None:
        """Read for about this long, and start missing workers."""
        self._see(self._readers.traces(seconds))
        self._expect(self._readers.events())
        for member in self._fleet.keep_up():
            self._has_ended(member)
        for entry in self._fleet.news():
            self._hear(entry)
        if self._clock() - self._sampled_at >= SAMPLE_SECONDS:
            self._sample(impaired=impaired)

    def is_at_the_end(self) -> bool:
        """Tell whether the group has committed the whole input, control markers included."""
        ends = self._readers.input_ends()
        committed = self._readers.offsets() if ends is not None else None
        if ends is None or committed is None:
            return False
        return all(committed.get(partition, 0) >= end for partition, end in ends.items())

    def end_not_reached(self, within_seconds: float) -> None:
        """Record that the fleet did not reach the end in time."""
        ends = self._readers.input_ends() or {}
        self._liveness.end_not_reached(within_seconds, self._committed, ends)

    def stop_the_fleet(self) -> None:
        """Ask all workers to stop, and read the rest of their histories."""
        for member in self._fleet.stop():
            self._has_ended(member)

    def finish(self) -> Seen:
        """Read everything once more, run the final checks, and return the numbers."""
        self._see(list(self._readers.traces_to_the_end()))
        self._expect(list(self._readers.events_to_the_end()))
        committed = self._readers.offsets_in_the_end()
        self._checker.finish(self._readers.all_traces(), committed, self._readers.ends())
        recovery = self._recovery.times()
        self._judge_recovery(recovery)
        unknown = self._outcomes["begun"] - self._outcomes["committed"] - self._outcomes["aborted"]
        return Seen(
            events=self.events,
            scored=self.traces - self._reasons.total(),
            dead_letters=dict(self._reasons),
            transactions={
                "committed": self._outcomes["committed"],
                "aborted": self._outcomes["aborted"],
                "cut short": unknown,
            },
            ended=dict(self._ends),
            recovery=recovery,
            recovery_seconds=self._recovery_seconds,
            held=self._held.times(),
        )

    def violations(self) -> list[Violation]:
        """Return all violations found so far."""
        return [*self._checker.violations(), *self._liveness.violations(), *self._unexpected]

    def note(self, what: str, **details: Any) -> None:
        """Write an entry of the verifier's own into the history, and process it."""
        self._recovery.told(self._journal.write(what, **details))

    def _judge_recovery(self, recovery: RecoveryTimes) -> None:
        worst = recovery.worst
        if worst is None or worst.seconds is None or worst.seconds <= self._recovery_seconds:
            return
        self._unexpected.append(
            Violation(
                Invariant.LIVENESS,
                f"{worst.partition.topic}[{worst.partition.partition}] was without commits for "
                f"{worst.seconds:.1f} s after {worst.who} was killed; the limit is "
                f"{self._recovery_seconds:.0f} s.",
            )
        )

    def _see(self, traces: list[Trace]) -> None:
        self.traces += len(traces)
        self._reasons.update(str(trace.reason) for trace in traces if trace.reason)
        self._checker.seen(traces)
        self.waiting.take_in((), traces)

    def _expect(self, events: list[InputEvent]) -> None:
        self.events += len(events)
        self._checker.expect(events)
        self.waiting.take_in(events, ())

    def _hear(self, entry: Entry) -> None:
        self._journal.append(entry)
        self._outcomes[entry.what] += 1
        self._checker.told([entry])
        self._recovery.told(entry)
        self._liveness.told(entry)
        self._held.told(entry)

    def _has_ended(self, member: Member) -> None:
        """Record how a worker ended; ending by itself is a violation."""
        for entry in self._fleet.news_of(member):
            self._hear(entry)
        code = member.process.returncode
        self.note("ended", worker=member.who, exit_code=code)
        by_watchdog = member.ended_by_watchdog()
        self._ends["by its watchdog" if by_watchdog else _ending(code)] += 1
        if code not in member.may_end and not by_watchdog:
            self._unexpected.append(
                Violation(
                    Invariant.LIVENESS,
                    f"{member.who} ended by itself with exit code {code}; its log ends with:\n"
                    f"{member.last_words()}",
                )
            )

    def _sample(self, *, impaired: bool) -> None:
        self._sampled_at = now = self._clock()
        if (stable := self._readers.offsets()) is not None:
            self._committed = dict(stable)
            self._checker.sampled(now, stable)
        # A hung transaction holds stable offsets back, and must not do so forever.
        if (latest := self._readers.latest_offsets()) is not None:
            self._liveness.sampled(now, latest, self._readers.events_until(), impaired=impaired)


def _ending(code: int) -> str:
    return f"by {signal.Signals(-code).name}" if code < 0 else f"with exit code {code}"
