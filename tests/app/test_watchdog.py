"""A loop that stands still ends its process, unless the brokers are away."""

from __future__ import annotations

import threading

import pytest

from stream_scorer.app.stopping import STUCK_EXIT_CODE
from stream_scorer.app.watchdog import Watchdog, WatchedOutput
from stream_scorer.kafka.producer import longest_call_seconds
from stream_scorer.observe.heartbeat import ROUND, Heartbeat
from tests.fakes import FakeClock
from tests.lines import CapturingLogger
from tests.topics import wait_for

ROUND_SECONDS = 300.0


class Bench:
    """A watchdog on a clock that the test moves; ending is a note in a list."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.heartbeat = Heartbeat(ROUND_SECONDS, self.clock)
        self.lines = CapturingLogger()
        self.answers = True
        self.asked = 0
        self.ended: list[int] = []
        self.watchdog = Watchdog(
            self.heartbeat, self._ask, self.lines, end=self.ended.append, clock=self.clock
        )

    def _ask(self) -> bool:
        self.asked += 1
        return self.answers

    def stand_still(self, seconds: int) -> None:
        """Let the watchdog look once a second for so long."""
        for _ in range(seconds):
            self.clock.advance(1)
            self.watchdog.look()

    def said(self, level: str) -> list[dict[str, object]]:
        """Return what its lines of that level say beside the sentence."""
        return [dict(call.kwargs) for call in self.lines.calls if call.method_name == level]


@pytest.fixture
def bench() -> Bench:
    """A watchdog that has seen nothing yet."""
    return Bench()


def test_a_loop_that_goes_round_is_left_alone(bench: Bench) -> None:
    """However long it does; the brokers are not asked for it."""
    for _ in range(10):
        bench.stand_still(299)
        bench.heartbeat.beat()
    assert bench.ended == []
    assert bench.asked == 0


def test_a_round_that_outlasts_the_poll_interval_ends_the_process(bench: Bench) -> None:
    """An inference is legal up to there; the stacks of all threads tell where it was."""
    bench.stand_still(300)
    assert bench.ended == []
    bench.stand_still(1)
    assert bench.ended == [STUCK_EXIT_CODE]
    (said,) = bench.said("error")
    assert said["doing"] == "going round"
    assert said["seconds"] == 301.0
    assert said["allowed_seconds"] == ROUND_SECONDS
    stacks = said["stacks"]
    assert isinstance(stacks, dict)
    assert any("test_a_round_that_outlasts" in stack for stack in stacks.values())


def test_a_call_with_a_bound_of_its_own_is_held_to_that(bench: Bench) -> None:
    """A commit may take as long as its deadlines say, seen from the first look at it."""
    with bench.heartbeat.during("committing a transaction", 56.0):
        bench.stand_still(57)
        assert bench.ended == []
        bench.stand_still(1)
    assert bench.ended == [STUCK_EXIT_CODE]
    assert bench.said("error")[0]["doing"] == "committing a transaction"


def test_brokers_that_are_away_are_an_outage_and_no_reason_to_end(bench: Bench) -> None:
    """It is said once a minute; once they are back the call may take as long again."""
    bench.answers = False
    with bench.heartbeat.during("committing a transaction", 5.0):
        bench.stand_still(121)
        assert bench.ended == []
        assert len(bench.said("warning")) == 2
        assert bench.watchdog.why_unhealthy() is None
        bench.answers = True
        bench.stand_still(5)
        assert bench.ended == []
        bench.stand_still(1)
    assert bench.ended == [STUCK_EXIT_CODE]


def test_a_loop_that_went_on_while_the_brokers_were_asked_is_left_alone(bench: Bench) -> None:
    """To ask takes seconds, and the brokers may have come back amid them."""

    def go_on() -> bool:
        bench.heartbeat.beat()
        return True

    watchdog = Watchdog(
        bench.heartbeat,
        go_on,
        bench.lines,
        end=bench.ended.append,
        clock=bench.clock,
    )
    for _ in range(400):
        bench.clock.advance(1)
        watchdog.look()
    assert bench.ended == []


def test_a_process_that_was_frozen_did_not_stand_still(bench: Bench) -> None:
    """SIGSTOP for an hour, or a laptop that slept: the watchdog did not look either."""
    with bench.heartbeat.during("committing a transaction", 56.0):
        bench.stand_still(30)
        bench.clock.advance(3600)
        bench.watchdog.look()
        bench.stand_still(20)
    assert bench.ended == []


def test_a_probe_hears_the_same(bench: Bench) -> None:
    """`/healthz` says why from the moment on from which the watchdog would act."""
    bench.clock.advance(300)
    assert bench.watchdog.why_unhealthy() is None
    bench.clock.advance(1)
    assert bench.watchdog.why_unhealthy() == (
        "the loop stands still for 301 s while going round; 300 s are allowed"
    )
    bench.heartbeat.beat()
    assert bench.watchdog.why_unhealthy() is None


def test_the_limit_of_a_call_is_beyond_all_its_deadlines() -> None:
    """Messages fail, the commit is given up, then the abort, then a new client's start."""
    assert longest_call_seconds(15.0) == pytest.approx(12 + 19 + 17 + 10)


def test_the_output_s_calls_are_watched(bench: Bench) -> None:
    """Each under its own name, and only while it runs."""
    seen: list[tuple[str, float]] = []

    class Output:
        needs_rebuild = True

        def commit(self, *_: object) -> None:
            self.rebuild()

        def rebuild(self) -> None:
            seen.append((bench.heartbeat.sign.doing, bench.heartbeat.sign.allowed_seconds))

    watched = WatchedOutput(Output(), bench.heartbeat, 56.0)
    assert watched.needs_rebuild
    watched.rebuild()
    watched.commit((), {}, b"")
    assert seen == [("making a new producer", 56.0), ("committing a transaction", 56.0)]
    assert bench.heartbeat.sign.doing == ROUND


def test_it_looks_by_itself_while_the_block_runs() -> None:
    """In a thread of its own, which ends with the block."""
    ended = threading.Event()
    watchdog = Watchdog(
        Heartbeat(0.0),
        lambda: True,
        CapturingLogger(),
        look_every_seconds=0.01,
        end=lambda _: ended.set(),
    )
    with watchdog.watching():
        assert ended.wait(10)
    wait_for(
        lambda: all(each.name != "watchdog" for each in threading.enumerate()), "its thread ends"
    )
