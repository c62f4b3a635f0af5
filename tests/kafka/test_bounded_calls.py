"""A call that never comes back costs its bound, and nothing else."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest

from stream_scorer.errors import Broken, ProducerLost
from stream_scorer.kafka.bounded_calls import MOST_LOST_IN_A_ROW, BoundedCalls
from tests import topics

Threads = Callable[[], set[threading.Thread]]


@pytest.fixture(autouse=True)
def threads() -> Iterator[Threads]:
    """Return those that make calls; none is left with its owner, or by a call that came back late.

    What other tests have left behind may still end meanwhile.
    """

    def those() -> set[threading.Thread]:
        return {each for each in threading.enumerate() if each.name == "bounded-calls"}

    before = those()
    yield lambda: those() - before
    topics.wait_for(lambda: not those() - before, "its thread ends")


def test_calls_are_made_in_order_by_one_other_thread() -> None:
    """And have happened when they are back."""
    calls, made = BoundedCalls(), list[tuple[int, int]]()
    for number in range(3):
        calls.make(lambda: made.append((number, threading.get_ident())), 10, "doing")  # noqa: B023
    assert [number for number, _ in made] == [0, 1, 2]
    assert len({thread for _, thread in made} | {threading.get_ident()}) == 2


def test_what_a_call_raises_is_raised() -> None:
    """With its own type, and the thread goes on."""
    calls = BoundedCalls()
    with pytest.raises(ZeroDivisionError):
        calls.make(lambda: 1 / 0, 10, "doing")
    calls.make(int, 10, "doing")


def test_a_call_that_stays_away_is_left_to_its_thread(threads: Threads) -> None:
    """The next one gets another, whether the first one comes back or not."""
    calls, comes_back, made = BoundedCalls(), threading.Event(), list[int]()
    with pytest.raises(ProducerLost, match="has not come back within 0 s while doing"):
        calls.make(comes_back.wait, 0.01, "doing")
    calls.make(lambda: made.append(1), 10, "doing")
    assert made == [1]
    assert len(threads()) == 2
    comes_back.set()


def test_lost_calls_in_a_row_end_the_process() -> None:
    """A new client would have cured what can be cured; each lost one stays, with its threads."""
    calls, comes_back = BoundedCalls(), threading.Event()
    for _ in range(MOST_LOST_IN_A_ROW - 1):
        with pytest.raises(ProducerLost):
            calls.make(comes_back.wait, 0.01, "doing")
    calls.make(int, 10, "doing")
    for _ in range(MOST_LOST_IN_A_ROW - 1):
        with pytest.raises(ProducerLost):
            calls.make(comes_back.wait, 0.01, "doing")
    with pytest.raises(Broken, match="3 times in a row"):
        calls.make(comes_back.wait, 0.01, "doing")
    comes_back.set()


def test_between_calls_nothing_is_kept_of_the_last_one() -> None:
    """A client ends with the last reference to it."""
    calls, gone = BoundedCalls(), threading.Event()

    class Client:
        def __call__(self) -> None:
            raise ZeroDivisionError

        def __del__(self) -> None:
            gone.set()

    with suppress(ZeroDivisionError):
        calls.make(Client(), 10, "doing")
    assert gone.wait(topics.PATIENCE_SECONDS)
