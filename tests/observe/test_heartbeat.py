"""What the loop says of itself while it works."""

from __future__ import annotations

import pytest

from stream_scorer.observe.heartbeat import ROUND, Heartbeat
from tests.fakes import FakeClock


def test_a_round_may_take_what_a_round_may_take() -> None:
    """From the moment at which the last one ended."""
    clock = FakeClock()
    heartbeat = Heartbeat(300.0, clock)
    clock.advance(7)
    heartbeat.beat()
    sign = heartbeat.sign
    assert (sign.doing, sign.since, sign.allowed_seconds) == (ROUND, clock(), 300.0)


def test_what_has_a_limit_of_its_own_is_held_to_it_and_its_end_is_a_sign_of_life() -> None:
    """However it ends."""
    clock = FakeClock()
    heartbeat = Heartbeat(300.0, clock)
    with pytest.raises(ZeroDivisionError), heartbeat.during("committing", 50.0):
        sign = heartbeat.sign
        assert (sign.doing, sign.since, sign.allowed_seconds) == ("committing", clock(), 50.0)
        clock.advance(3)
        raise ZeroDivisionError
    assert (heartbeat.sign.doing, heartbeat.sign.since) == (ROUND, clock())


def test_each_sign_is_another_one() -> None:
    """Though the clock may not have moved: that is how one sees that the loop goes on."""
    heartbeat = Heartbeat(300.0, FakeClock())
    before = heartbeat.sign
    heartbeat.beat()
    assert heartbeat.sign is not before
