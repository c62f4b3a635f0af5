"""Orders travel as JSON lines to a worker's stdin."""

from __future__ import annotations

import json

import pytest

from stream_scorer.verify.points import Act, Order, Point


@pytest.mark.parametrize("act", Act)
@pytest.mark.parametrize("point", Point)
def test_an_order_arrives_as_it_was_given(point: Point, act: Act) -> None:
    """With everything that it says."""
    order = Order(point, act, seconds=2.5, times=3, share=0.25)
    assert Order.from_json(json.loads(json.dumps(order.to_json()))) == order


def test_an_order_is_for_the_next_pass_unless_it_says_otherwise() -> None:
    """Once, and surely."""
    order = Order(Point.AFTER_FETCH, Act.KILL)
    assert (order.times, order.share) == (1, 1.0)
