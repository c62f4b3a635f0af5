"""Whatever befalls a fleet, at whatever call, each event leaves exactly one trace.

Hypothesis decides what happens: it drives real worker loops over a Kafka in memory that
``tests/kafka/test_conformance.py`` keeps honest, and the checker of ``stream-scorer verify`` judges
after each step. ``MODEL_EXAMPLES`` asks for so many random examples instead of the few that are
always the same.
"""

from __future__ import annotations

import os
from collections.abc import Callable

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from hypothesis.stateful import run_state_machine_as_test as run_machine

from stream_scorer.errors import ProducerLost, TransactionAborted, Unanswered
from tests.fakes.kafka import End, Fault
from tests.fakes.log import State
from tests.worker.fleet import Fleet, Happening
from tests.worker.loop import GROUP, INPUT
from tests.worker.onlooker import Onlooker

_ASKED = os.environ.get("MODEL_EXAMPLES")
_MOST_WORKERS = 4

SETTINGS = settings(
    max_examples=int(_ASKED or 80),
    stateful_step_count=30,
    derandomize=_ASKED is None,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)

numbers = st.integers(0, 3)
seconds = st.sampled_from([0.05, 1.0, 4.0, 8.0, 12.0, 16.0, 40.0])
kinds = st.lists(st.sampled_from(["ok", "ok", "ok", "bad", "refused"]), min_size=1, max_size=6)
calls = st.sampled_from(
    [
        "init",
        "poll",
        "rewind",
        "polled",
        "group_metadata",
        "begin",
        "produce",
        "send_offsets",
        "commit",
        "committed",
        "abort",
        "stand_by",
        "close",
    ]
)
happenings = st.lists(
    st.builds(
        Happening,
        at=calls,
        seconds=st.just(0.0) | seconds,
        frozen=st.booleans(),
        others=st.lists(numbers, max_size=6).map(tuple),
        dies=st.sampled_from([False, False, True]),
        leaves_request=st.booleans(),
    ),
    max_size=2,
)
faults = st.one_of(
    st.builds(Fault, st.just("init"), st.just(Unanswered("no coordinator")), st.booleans()),
    st.builds(
        Fault,
        st.sampled_from(["produce", "send_offsets", "commit"]),
        st.just(TransactionAborted("aborted")),
        st.booleans(),
    ),
    st.builds(Fault, st.just("abort"), st.none()),
    st.builds(
        Fault,
        st.just("commit"),
        st.just(ProducerLost("in doubt")),
        st.booleans(),
        st.booleans(),
        st.just(0.0) | seconds,
    ),
    st.builds(Fault, st.just("commit"), st.none(), st.just(True), st.booleans(), st.just(8.0)),
)


class Model(RuleBasedStateMachine):
    """What can happen to a fleet; the invariant is looked at after each of these."""

    make_fleet: Callable[[], Fleet] = Fleet

    @initialize()
    def begin(self) -> None:
        """One worker, and something to do for it."""
        self.fleet = self.make_fleet()
        self.onlooker = Onlooker(self.fleet.kafka)
        self.fleet.add()
        self.fleet.write(0, ["ok"] * 6, "plain")

    # ------------------------------------------------------------------ the input

    @rule(partition=numbers, kinds=kinds, end=st.sampled_from(["plain", "committed", "aborted"]))
    def write(self, partition: int, kinds: list[str], end: End) -> None:
        """Events arrive."""
        self.fleet.write(partition, kinds, end)

    @rule(partition=numbers, kinds=kinds)
    def write_and_leave_open(self, partition: int, kinds: list[str]) -> None:
        """Events arrive that nobody may see yet."""
        self.fleet.write(partition, kinds, "open")

    @rule(end=st.sampled_from(["committed", "aborted"]))
    def finish_input(self, end: State) -> None:
        """The oldest transaction of the input's writers ends."""
        if self.fleet.unfinished:
            self.fleet.kafka.finish(self.fleet.unfinished.pop(0), end)

    @rule()
    def add_partition(self) -> None:
        """The input gets one partition more."""
        count = self.fleet.kafka.partitions[INPUT]
        if count < 4:
            self.fleet.kafka.add_partitions(INPUT, count + 1)

    # ------------------------------------------------------------------ the fleet

    @rule(number=numbers, happenings=happenings)
    def step(self, number: int, happenings: list[Happening]) -> None:
        """A worker goes one round, and things happen meanwhile."""
        if ready := self.fleet.ready:
            self.fleet.step(ready[number % len(ready)], happenings)

    @rule(order=st.lists(numbers, min_size=1, max_size=8))
    def steps(self, order: list[int]) -> None:
        """Workers go some rounds."""
        for number in order:
            self.step(number, [])

    @rule()
    def add_worker(self) -> None:
        """The fleet grows."""
        if len(self.fleet.alive) < _MOST_WORKERS:
            self.fleet.add()

    @rule(number=numbers)
    def restart_worker(self, number: int) -> None:
        """A dead worker comes back with its name, and so with its transactional id."""
        names = {each.name for each in self.fleet.processes} - {e.name for e in self.fleet.alive}
        if names and len(self.fleet.alive) < _MOST_WORKERS:
            self.fleet.add(sorted(names)[number % len(names)])

    @rule(number=numbers, happenings=happenings)
    def stop_worker(self, number: int, happenings: list[Happening]) -> None:
        """A worker is asked to stop, and things happen meanwhile."""
        if ready := self.fleet.ready:
            self.fleet.stop(ready[number % len(ready)], happenings)

    @rule(number=numbers)
    def kill_worker(self, number: int) -> None:
        """A worker dies between two rounds."""
        if ready := self.fleet.ready:
            self.fleet.kill(ready[number % len(ready)])

    @rule(number=numbers)
    def freeze_worker(self, number: int) -> None:
        """A worker stands still."""
        if ready := self.fleet.ready:
            self.fleet.freeze(ready[number % len(ready)])

    @rule(number=numbers)
    def thaw_worker(self, number: int) -> None:
        """It goes on; it may be a zombie by now."""
        if frozen := [each for each in self.fleet.alive if each.is_frozen]:
            self.fleet.thaw(frozen[number % len(frozen)])

    @rule(number=numbers)
    def expel_worker(self, number: int) -> None:
        """The brokers take a worker for dead that is not."""
        if alive := self.fleet.alive:
            alive[number % len(alive)].consumer.expel()

    # ------------------------------------------------------------------ what they stand on

    @rule(seconds=seconds)
    def wait(self, seconds: float) -> None:
        """Time passes."""
        self.fleet.kafka.clock.advance(seconds)

    @rule(fault=faults)
    def fail(self, fault: Fault) -> None:
        """A step goes wrong, soon."""
        self.fleet.kafka.faults.append(fault)

    @rule()
    def deliver(self) -> None:
        """A request that the network had delayed arrives."""
        if self.fleet.kafka.under_way:
            self.fleet.kafka.deliver()

    @rule(seconds=seconds)
    def lose_brokers(self, seconds: float) -> None:
        """No broker answers for a while."""
        self.fleet.kafka.away_until = self.fleet.kafka.clock() + seconds

    @rule(times=st.integers(1, 3))
    def lose_registry(self, times: int) -> None:
        """The registry does not answer so many times."""
        self.fleet.registry_is_away_for = times

    # ------------------------------------------------------------------ what must hold

    @invariant()
    def nothing_is_wrong(self) -> None:
        """No event has two traces, none has one too early, no order is broken, …."""
        assert self.onlooker.look() == []

    def teardown(self) -> None:
        """Once nothing goes wrong any more, the fleet gets to the end, and nothing is missing."""
        self.fleet.heal()
        assert self.fleet.kafka.lag(GROUP, INPUT) == 0
        assert self.onlooker.finish() == []


def test_each_event_leaves_one_trace_whatever_befalls_the_fleet() -> None:
    """Workers die, freeze, and are fenced; transactions abort, hang, and end late."""
    run_machine(Model, settings=SETTINGS)
