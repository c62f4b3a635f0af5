"""Whatever befalls a fleet, at whatever call, each event leaves exactly one trace.

Hypothesis decides what happens: it drives real worker loops over a Kafka in memory that
``tests/kafka/test_conformance.py`` keeps honest, and the checker of ``stream-scorer verify`` judges
after each step. ``MODEL_EXAMPLES`` asks for so many random examples instead of a few, which are
the same whenever the same tests are collected.
"""

from __future__ import annotations

import os
from collections.abc import Callable

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from hypothesis.stateful import run_state_machine_as_test as run_machine

from stream_scorer.errors import ProducerLost, TransactionAborted, Unanswered
from stream_scorer.verify.values import Invariant, Violation
from tests.fakes.kafka import End, Fault
from tests.fakes.log import State
from tests.worker.fleet import Fleet, Happening, Process
from tests.worker.loop import INPUT, OUTPUT
from tests.worker.onlooker import Onlooker

_ASKED = os.environ.get("MODEL_EXAMPLES")
_MOST_WORKERS = 4
_MOST_PARTITIONS = 4

SETTINGS = settings(
    max_examples=int(_ASKED or 150),
    stateful_step_count=30,
    derandomize=_ASKED is None,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)

numbers = st.integers(0, 3)
#: Whose turn it is: a digit each. Hypothesis draws a text at once, a list item by item.
orders = st.text("0123", min_size=1, max_size=8)
#: Around a producer's patience (7.5), a session (10) and a transaction (15).
seconds = st.sampled_from([1.0, 8.0, 12.0, 16.0, 40.0])
#: The kind of each event, by its digit.
kinds = st.text("0123456789", min_size=1, max_size=8).map(
    lambda digits: [{"9": "refused", "8": "bad", "7": "new"}.get(each, "ok") for each in digits]
)
common_calls = ["polled", "score", "group_metadata", "produce", "send_offsets", "commit"]
rare_calls = [
    "init",
    "partitions",
    "poll",
    "hold",
    "rewind",
    "begin",
    "committed",
    "abort",
    "wait",
    "close",
]
anything = st.builds(
    Happening,
    at=st.sampled_from(common_calls * 3 + rare_calls),
    seconds=st.just(0.0) | seconds,
    frozen=st.booleans(),
    others=st.text("0123", max_size=6),
    dies=st.sampled_from([False, False, False, True]),
    loses_connections=st.sampled_from([False, False, True]),
    away_seconds=st.just(0.0) | st.just(0.0) | seconds,
    leaves_request=st.booleans(),
)
#: Out of the group, and its transaction still open.
zombie = st.builds(
    Happening,
    at=st.sampled_from(["score", "group_metadata", "send_offsets", "commit"]),
    seconds=st.just(12.0),
    frozen=st.just(True),
    others=st.text("0123", min_size=2, max_size=8),
)
happenings = st.lists(anything | zombie, min_size=1, max_size=3)
unanswered = st.builds(
    Fault, st.just("init"), st.just(Unanswered("no coordinator")), happened=st.booleans()
)
aborted = st.builds(
    Fault,
    st.sampled_from(["produce", "send_offsets", "commit"]),
    st.just(TransactionAborted("aborted")),
    happened=st.booleans(),
)
abort_fails = st.builds(Fault, st.just("abort"), st.none())
in_doubt = st.builds(
    Fault,
    st.just("commit"),
    st.just(ProducerLost("in doubt")),
    happened=st.booleans(),
    late=st.booleans(),
    seconds=st.just(0.0) | seconds,
)
slow = st.builds(Fault, st.just("commit"), st.none(), happened=st.just(True), seconds=seconds)
sent_twice = st.builds(
    Fault,
    st.sampled_from(["send_offsets", "commit"]),
    st.none(),
    happened=st.just(True),
    late=st.just(True),
    seconds=st.sampled_from([0.0, 8.0]),
)
faults = unanswered | aborted | abort_fails | in_doubt | slow | sent_twice


class Violated(AssertionError):
    """The checker found something."""

    def __init__(self, violations: list[Violation]) -> None:
        super().__init__("\n".join(f"{each.invariant}: {each.sentence}" for each in violations))


class Model(RuleBasedStateMachine):
    """What can befall a fleet; the invariant is looked at after each of these."""

    make_fleet: Callable[[], Fleet] = Fleet
    is_violated = False

    @initialize(workers=st.integers(1, 3), partitions=st.integers(2, 3), kinds=kinds)
    def begin(self, workers: int, partitions: int, kinds: list[str]) -> None:
        """Some workers, and something to do for them; the output may lack a partition for it."""
        self.fleet = self.make_fleet()
        self.fleet.grow(INPUT, most=partitions)
        self.onlooker = Onlooker(self.fleet.kafka)
        for _ in range(workers):
            self.fleet.add()
        for partition in range(partitions):
            self.fleet.write(partition, kinds, "plain")

    def one_of(self, those: list[Process], number: int) -> Process | None:
        """Return one of those, if there is any."""
        return those[number % len(those)] if those else None

    # ------------------------------------------------------------------ the input

    @rule(
        partition=numbers,
        kinds=kinds,
        end=st.sampled_from(["plain", "plain", "committed", "aborted", "open"]),
    )
    def write(self, partition: int, kinds: list[str], end: End) -> None:
        """Events arrive; nobody may see those of a transaction that is left open."""
        self.fleet.write(partition, kinds, end)

    @precondition(lambda self: self.fleet.unfinished)
    @rule(end=st.sampled_from(["committed", "aborted"]))
    def finish_input(self, end: State) -> None:
        """The oldest transaction of the input's writers ends."""
        self.fleet.kafka.finish(self.fleet.unfinished.pop(0), end)

    # ------------------------------------------------------------------ the fleet

    @rule(order=orders)
    def run(self, order: str) -> None:
        """Workers go some rounds."""
        self.fleet.take_turns(order)

    @rule(number=numbers, happenings=happenings, kinds=kinds, order=orders)
    def run_until(
        self, number: int, happenings: list[Happening], kinds: list[str], order: str
    ) -> None:
        """Events arrive, and something happens to a worker at a call while it scores them."""
        if process := self.one_of(self.fleet.ready, number):
            process.plan.update({each.at: each for each in happenings})
        self.fleet.write(number, kinds, "plain")
        self.fleet.take_turns(order)

    @rule(number=numbers, fault=faults, kinds=kinds, order=orders)
    def run_and_fail(self, number: int, fault: Fault, kinds: list[str], order: str) -> None:
        """Events arrive, and a step of whoever comes to it next goes wrong."""
        self.fleet.kafka.faults.append(fault)
        self.fleet.write(number, kinds, "plain")
        self.fleet.take_turns(order)

    @precondition(lambda self: len(self.fleet.alive) < _MOST_WORKERS)
    @rule(number=numbers, is_new=st.booleans())
    def start(self, number: int, is_new: bool) -> None:  # noqa: FBT001 - Hypothesis's arguments
        """A worker joins; with the name of one that is dead, or only frozen, it has its id too."""
        active = {each.name for each in self.fleet.alive if not each.is_frozen}
        others = [each for each in self.fleet.processes if each.name not in active]
        before = self.one_of(others, number)
        self.fleet.add(None if is_new or before is None else before.name)

    @rule(number=numbers, end=st.sampled_from(["stop", "kill", "freeze", "thaw", "expel"]))
    def end(self, number: int, end: str) -> None:
        """A worker is asked to stop, dies, stands still, or is taken for dead by the brokers."""
        frozen = [each for each in self.fleet.alive if each.is_frozen]
        those = frozen if end == "thaw" else self.fleet.ready
        if process := self.one_of(those, number):
            getattr(self.fleet, end)(process)

    # ------------------------------------------------------------------ what they stand on

    @rule(seconds=seconds)
    def wait(self, seconds: float) -> None:
        """Time passes."""
        self.fleet.kafka.clock.advance(seconds)

    @precondition(lambda self: self.fleet.kafka.under_way)
    @rule()
    def deliver(self) -> None:
        """A request that the network had delayed arrives."""
        self.fleet.kafka.deliver()

    @rule(
        seconds=seconds,
        what=st.sampled_from(
            [
                "brokers away",
                "brokers frozen",
                "connections broken",
                "registry away",
                "schema withheld",
                "input grown",
                "output grown",
            ]
        ),
    )
    def change(self, seconds: float, what: str) -> None:
        """What they stand on goes away for a while, or changes."""
        kafka = self.fleet.kafka
        if what.startswith("brokers"):
            kafka.go_away(seconds, in_silence=what == "brokers frozen")
        elif what == "connections broken":
            kafka.breaks.update(list(kafka.epochs))
        elif what == "registry away":
            self.fleet.registry_is_away_for["ok"] = 3
        elif what == "schema withheld":
            self.fleet.registry_is_away_for["new"] = 4
        else:
            topic = INPUT if what == "input grown" else OUTPUT
            self.fleet.grow(topic, most=min(kafka.partitions[topic] + 1, _MOST_PARTITIONS))

    # ------------------------------------------------------------------ what must hold

    @invariant()
    def nothing_is_wrong(self) -> None:
        """No event has two traces, none has one too early, no order is broken, …."""
        self.judge(self.onlooker.look())

    def teardown(self) -> None:
        """Once nothing goes wrong any more, the fleet gets to the end, and nothing is missing.

        Not where something is violated already: Hypothesis comes here all the same, and what is
        wrong must be told, not that such a fleet gets nowhere.
        """
        if self.is_violated:
            return
        is_done = self.fleet.heal()
        # Nothing that befalls a worker is a reason to stop.
        stuck = self.fleet.stopped if is_done else ["the fleet does not get to the end"]
        self.judge(self.onlooker.finish())
        self.judge([Violation(Invariant.LIVENESS, each) for each in stuck])

    def judge(self, violations: list[Violation]) -> None:
        """Fail if there are any."""
        if violations:
            self.is_violated = True
            raise Violated(violations)


def test_each_event_leaves_one_trace_whatever_befalls_the_fleet() -> None:
    """Workers die, freeze, and are fenced; transactions abort, hang, and end late."""
    run_machine(Model, settings=SETTINGS)
