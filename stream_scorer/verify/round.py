"""One round: a fleet on its own topics, events, faults, and the checker that follows them."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from stream_scorer.config.loading import load
from stream_scorer.errors import Broken
from stream_scorer.kafka.producer import longest_call_seconds
from stream_scorer.traffic.traffic import TRANSACTION_SECONDS, Traffic
from stream_scorer.verify.checker import Checker
from stream_scorer.verify.cluster import Ground
from stream_scorer.verify.events import Look, expectation
from stream_scorer.verify.fleet import Fleet
from stream_scorer.verify.history import HistoryFile
from stream_scorer.verify.input import bursts
from stream_scorer.verify.invariants.liveness import Liveness
from stream_scorer.verify.kinds import Kind
from stream_scorer.verify.onlooker import Onlooker, Seen
from stream_scorer.verify.pairs import Pairs
from stream_scorer.verify.plan import Plan
from stream_scorer.verify.progress import Display
from stream_scorer.verify.readers import Readers, Watched
from stream_scorer.verify.scene import Partitions, Scene
from stream_scorer.verify.schedule import JOIN_SECONDS, Schedule, Tally
from stream_scorer.verify.subject import SCORE, lay_out, scored, topic_settings
from stream_scorer.verify.timeouts import Patience
from stream_scorer.verify.topics import Names
from stream_scorer.verify.values import Violation

STEP_SECONDS = 0.05
#: A loop that waits for brokers must not exceed max.poll.interval.ms: librdkafka 2.16 can then end
#: in a fatal INVALID_REQUEST with the group protocol `consumer`.
MAX_POLL_MARGIN_SECONDS = 2.0
#: The time that workers need to start, to join and to search for a refused record, in addition to
#: the brokers' timeouts for dead workers.
GRACE_SECONDS = 40.0
FIRST_TRACES_SECONDS = 90.0
#: A round in which too few faults occurred is extended by up to this share of its time.
OVERTIME = 1.0
#: The time from one fault to the next, if no number of faults was requested.
PAUSE_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Result:
    """The outcome of a round.

    ``writing_seconds`` is how long events were written. ``busy_seconds`` runs from the first event
    written until all events were scored.
    """

    kind: Kind
    seen: Seen
    faults: Tally
    violations: Sequence[Violation]
    seconds: float
    writing_seconds: float
    busy_seconds: float


class Round:
    """Runs one round on a cluster; everything it created is gone when :meth:`hold` returns."""

    def __init__(
        self,
        kind: Kind,
        plan: Plan,
        *,
        ground: Ground,
        pairs: Pairs,
        folder: Path,
        journal: HistoryFile,
        display: Display,
        command: Sequence[str],
    ) -> None:
        self._kind = kind
        self._plan = plan
        self._ground = ground = ground.with_patience(kind.patience)
        self._pairs = pairs
        self._command = command
        self._folder = folder
        self._journal = journal
        self._display = display
        # librdkafka requires that it is not shorter than the session timeout.
        self._max_poll_seconds = MAX_POLL_MARGIN_SECONDS + max(
            ground.timeouts.session_seconds[kind.protocol],
            longest_call_seconds(ground.timeouts.transaction_seconds),
        )
        partitions = kind.load.partitions or plan.partitions
        self._partitions = Partitions(partitions, partitions)
        self._bound_seconds = ground.timeouts.takeover_seconds(kind.protocol) + GRACE_SECONDS

    def hold(self) -> Result:
        """Run the round and return its outcome.

        Raises:
            Unreachable: the brokers refuse something that the run needs.
        """
        started = time.monotonic()
        with ExitStack() as stack:
            names = stack.enter_context(
                self._ground.topics(self._kind.label, self._partitions.now, topic_settings())
            )
            config = self._lay_out(names)
            fleet = self._fleet(config)
            stack.callback(fleet.kill)
            watched = _watched(names, config, self._kind.load.look)
            readers = stack.enter_context(
                Readers(self._ground.client, watched, self._bound_seconds)
            )
            onlooker = self._onlooker(readers, fleet, config)
            traffic = self._traffic(names, onlooker)
            stack.callback(traffic.halt)
            scene = self._scene(names, fleet, stack.enter_context(ThreadPoolExecutor(4)))
            schedule = self._schedule(onlooker)
            stack.callback(schedule.abandon)
            traffic.start()
            began = time.monotonic()
            self._warm_up(onlooker, fleet)
            self._injure(onlooker, traffic, scene, schedule)
            traffic.halt()
            writing_seconds = time.monotonic() - began
            self._wait_for_the_end(onlooker)
            busy_seconds = time.monotonic() - began
            onlooker.stop_the_fleet()
            seen = onlooker.finish()
        seconds = time.monotonic() - started
        violations = onlooker.violations()
        return Result(
            self._kind,
            seen,
            schedule.tally,
            violations,
            seconds,
            writing_seconds=writing_seconds,
            busy_seconds=busy_seconds,
        )

    def _warm_up(self, onlooker: Onlooker, fleet: Fleet) -> None:
        """Inject no fault until the first results arrive and every worker has something to do."""
        started = time.monotonic()
        deadline = started + FIRST_TRACES_SECONDS
        while onlooker.traces == 0:
            if time.monotonic() > deadline:
                raise Broken(
                    f"No event was scored within {FIRST_TRACES_SECONDS:.0f} s; the workers' logs "
                    f"are in {self._folder} (keep them with --folder)."
                )
            self._look(onlooker, impaired=True)
        while not fleet.everybody_works and time.monotonic() < started + JOIN_SECONDS:
            self._look(onlooker, impaired=True)

    def _injure(
        self, onlooker: Onlooker, traffic: Traffic, scene: Scene, schedule: Schedule
    ) -> None:
        """Inject faults until the time is over, enough have occurred, and all are healed."""
        started = time.monotonic()
        ends_at = started + self._kind.seconds
        gives_up_at = ends_at + OVERTIME * self._kind.seconds
        while True:
            now = time.monotonic()
            wanted = now < ends_at or (not schedule.satisfied and now < gives_up_at)
            if not wanted and schedule.quiet:
                return
            schedule.step(now, scene, begin=wanted)
            traffic.check()
            self._look(onlooker, impaired=schedule.halting)

    def _wait_for_the_end(self, onlooker: Onlooker) -> None:
        within_seconds = self._bound_seconds + self._kind.load.catch_up_seconds
        deadline = time.monotonic() + within_seconds
        while not onlooker.is_at_the_end():
            if time.monotonic() > deadline:
                onlooker.end_not_reached(within_seconds)
                return
            self._look(onlooker, impaired=False)

    def _look(self, onlooker: Onlooker, *, impaired: bool) -> None:
        onlooker.look(STEP_SECONDS, impaired=impaired)
        self._display.numbers(onlooker.events, onlooker.traces)
        self._display.violations(onlooker.violations())

    # ------------------------------------------------------------------ its parts

    def _lay_out(self, names: Names) -> Path:
        kafka = self._ground.kafka_settings(names, self._kind.protocol)
        kafka["consumer"] = {
            **kafka["consumer"],
            "max.poll.interval.ms": str(int(self._max_poll_seconds * 1000)),
            # New partitions are found within the round.
            "topic.metadata.refresh.interval.ms": "5000",
        }
        if self._kind.protocol == "consumer" and self._kind.patience is Patience.LONG:
            self._ground.keep_members_of(names)
        wanted = self._kind.load
        return lay_out(
            self._folder,
            kafka,
            self._kind.order_by,
            batching=wanted.batching,
            look=wanted.look,
        )

    def _fleet(self, config: Path) -> Fleet:
        slower = ("--seconds-per-row", str(self._kind.load.seconds_per_row))
        return Fleet(config, self._folder, self._plan.workers, (*self._command, *slower))

    def _traffic(self, names: Names, onlooker: Onlooker) -> Traffic:
        ahead = self._kind.load.ahead or 0

        def behind() -> int:
            return onlooker.waiting.behind(traffic.acknowledged, ahead)

        traffic = Traffic(
            self._ground.client,
            names.input,
            bursts(self._kind.order_by, self._partitions, self._kind.load),
            self._kind.load.pace(self._plan.events_per_second, behind),
            # If brokers return in time for the workers' transactions, they do for these.
            max(TRANSACTION_SECONDS, self._ground.timeouts.transaction_seconds),
        )
        return traffic

    def _onlooker(self, readers: Readers, fleet: Fleet, config: Path) -> Onlooker:
        # The last commit before a kill may be as old as a set can be; the next one takes as long.
        gathering = 2 * load(config, (), {}, need_kafka=True).batching.commit_interval_seconds
        recovery_seconds = self._ground.timeouts.recovery_seconds(self._kind.protocol)
        return Onlooker(
            readers=readers,
            checker=Checker(order_by=self._kind.order_by),
            # A worker that is stuck in an inference keeps its partitions this long.
            liveness=Liveness(self._bound_seconds + self._max_poll_seconds),
            fleet=fleet,
            journal=self._journal,
            recovery_seconds=recovery_seconds + gathering,
        )

    def _scene(self, names: Names, fleet: Fleet, background: ThreadPoolExecutor) -> Scene:
        return Scene(
            ground=self._ground,
            names=names,
            protocol=self._kind.protocol,
            order_by=self._kind.order_by,
            fleet=fleet,
            dice=self._dice(),
            max_poll_seconds=self._max_poll_seconds,
            round_seconds=self._kind.seconds,
            partitions=self._partitions,
            background=background,
        )

    def _schedule(self, onlooker: Onlooker) -> Schedule:
        kind = self._kind
        every = kind.seconds / kind.count if kind.count else PAUSE_SECONDS

        def say(what: str, fault: str) -> None:
            if what == "healed":
                self._pairs.meet(kind.load.name, fault)
            onlooker.note(what, fault=fault)
            self._display.fault(what, fault)

        faults = self._pairs.rotation(kind.load.name, kind.faults, self._dice(), kind.first)
        return Schedule(faults, every, kind.count, say)

    def _dice(self) -> random.Random:
        return random.Random(f"{self._plan.seed}/{self._kind.label}")  # noqa: S311 - dice


def _watched(names: Names, config: Path, look: Look) -> Watched:
    return Watched(
        input=names.input,
        output=names.output,
        dead_letters=names.dead_letters,
        group=names.group,
        scored=scored(config),
        score_field=SCORE,
        expectation=partial(expectation, look=look),
    )
