"""Whether the worker could take events: who is away, and whether the group has taken it in."""

from __future__ import annotations

import pytest

from stream_scorer.observe.readiness import (
    NO_BROKER,
    NOT_A_MEMBER,
    STEADY_SECONDS,
    Readiness,
)
from tests.observe.making import Clock


class Group:
    """Says whether it has taken the worker in, and counts how often it was asked."""

    def __init__(self, *, is_member: bool = True) -> None:
        self.is_member = is_member
        self.asked = 0

    def __call__(self) -> bool:
        """Whether it has."""
        self.asked += 1
        return self.is_member


@pytest.fixture
def clock() -> Clock:
    """In the test's hands."""
    return Clock(100.0)


@pytest.fixture
def ready(clock: Clock) -> Readiness:
    """A member of the group that has nothing to wait for."""
    made = Readiness(clock)
    made.ask(Group())
    made.working()
    return made


def test_a_worker_that_has_not_joined_is_not_ready(clock: Clock) -> None:
    """Until a round of the loop finds the group has taken it in."""
    group = Group(is_member=False)
    readiness = Readiness(clock)
    assert readiness.why_not() == NOT_A_MEMBER
    readiness.working()
    assert readiness.why_not() == NOT_A_MEMBER, "nobody to ask yet"
    readiness.ask(group)
    readiness.working()
    assert readiness.why_not() == NOT_A_MEMBER
    group.is_member = True
    readiness.working()
    assert readiness.why_not() is None


def test_the_group_is_asked_until_it_says_yes(clock: Clock) -> None:
    """Not in each round of the loop."""
    group = Group()
    readiness = Readiness(clock)
    readiness.ask(group)
    for _ in range(3):
        readiness.working()
    assert group.asked == 1


def test_a_worker_that_the_group_has_put_out_is_not_ready_until_it_is_back(
    ready: Readiness,
) -> None:
    """The next round asks."""
    ready.lost()
    assert ready.why_not() == NOT_A_MEMBER
    ready.working()
    assert ready.why_not() is None


def test_what_is_waited_for_is_the_reason(ready: Readiness, clock: Clock) -> None:
    """Since the first time; the last one's words count."""
    ready.waiting("the registry is away")
    clock.now += 3
    ready.waiting("the registry is still away")
    clock.now += 2
    assert (ready.why_not(), ready.away_seconds()) == ("the registry is still away", 5.0)


def test_a_commit_is_the_end_of_waiting(ready: Readiness) -> None:
    """It takes all that can be away."""
    ready.waiting("the registry is away")
    ready.working(committed=True)
    assert (ready.why_not(), ready.away, ready.away_seconds()) == (None, None, 0.0)


def test_a_poll_that_goes_well_is_the_end_only_after_a_while(
    ready: Readiness, clock: Clock
) -> None:
    """Between two failed tries to score an event there are such polls."""
    ready.waiting("the registry is away")
    clock.now += STEADY_SECONDS - 1
    ready.working()
    assert ready.why_not() == "the registry is away"
    ready.waiting("the registry is away")
    clock.now += STEADY_SECONDS - 1
    ready.working()
    assert ready.why_not() == "the registry is away"
    clock.now += 1
    ready.working()
    assert ready.why_not() is None


def test_without_a_connection_to_any_broker_it_is_not_ready(ready: Readiness) -> None:
    """Though the loop goes round: it has nothing to do."""
    ready.brokers(0)
    assert ready.why_not() == NO_BROKER
    ready.brokers(1)
    assert ready.why_not() is None


def test_the_next_wait_counts_from_its_own_beginning(ready: Readiness, clock: Clock) -> None:
    """Not from that of the last one."""
    ready.waiting("away")
    ready.working(committed=True)
    clock.now += 60
    ready.waiting("away again")
    clock.now += 1
    assert ready.away_seconds() == 1.0
