"""A worker seldom looks for cycles."""

from __future__ import annotations

import gc
import weakref

from stream_scorer.app.garbage import TRACKED_OBJECTS, seldom_collected


class Knot:
    """An object that holds itself, so that only a collection frees it."""

    def __init__(self) -> None:
        self.itself = self


def test_objects_that_come_and_go_start_no_collection() -> None:
    """A hundred thousand of them, as messages are; before, each 700 would."""
    collections: list[object] = []

    def note(phase: str, _: dict[str, int]) -> None:
        collections.append(phase)

    with seldom_collected():
        gc.callbacks.append(note)
        try:
            for _ in range(10):
                assert len([[] for _ in range(10_000)]) == 10_000
        finally:
            gc.callbacks.remove(note)
    assert collections == []


def test_a_cycle_that_piles_up_is_found_still() -> None:
    """A mistake costs memory for a while, not for ever."""
    with seldom_collected():
        first = weakref.ref(Knot())
        pile: list[list[int]] = [[] for _ in range(2 * TRACKED_OBJECTS)]
        assert first() is None
    assert len(pile) == 2 * TRACKED_OBJECTS


def test_all_is_as_before_afterwards() -> None:
    """For whoever goes on in the same process."""
    threshold, frozen = gc.get_threshold(), gc.get_freeze_count()
    with seldom_collected():
        assert gc.get_threshold()[0] == TRACKED_OBJECTS
        assert gc.get_freeze_count() > frozen
    assert (gc.get_threshold(), gc.get_freeze_count()) == (threshold, frozen)
