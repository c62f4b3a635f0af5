"""How long sets are in hand: from the first event that is scored to the end of the set."""

from __future__ import annotations

from stream_scorer.verify.hand import Hand
from stream_scorer.verify.held import Held, HeldTimes
from stream_scorer.verify.values import Entry


def test_a_set_is_in_hand_from_its_first_event_on() -> None:
    """Those that come to it do not make it younger."""
    now = 10.0
    hand = Hand(lambda: now)
    assert hand.take()
    now = 11.0
    assert not hand.take()
    now = 12.5
    assert hand.put_down() == 2.5
    assert hand.take()


def test_with_nothing_in_hand_there_is_no_time() -> None:
    """A commit of positions alone puts nothing down."""
    hand = Hand()
    assert hand.put_down() is None
    hand.take()
    hand.put_down()
    assert hand.put_down() is None


def test_the_times_of_all_workers_are_gathered() -> None:
    """However a set ended; lines that say nothing of it are left out."""
    held = Held()
    assert held.times() == HeldTimes(0, None, None)
    for what, details in (
        ("committed", {"transaction": "a", "held_seconds": 0.5}),
        ("aborted", {"transaction": "b", "held_seconds": 30.0}),
        ("dropped", {"held_seconds": 2.0}),
        ("committed", {"transaction": "c"}),
        ("begun", {"transaction": "d"}),
    ):
        held.told(Entry(1.0, "worker-1.1", what, details))
    assert held.times() == HeldTimes(3, 2.0, 30.0)
