"""The injuries that a worker under test inflicts on itself, on order, at points of its cycle."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from stream_scorer.errors import TransactionAborted
from stream_scorer.verify.history import HistoryFile
from stream_scorer.verify.points import Act, Order, Point

#: How long after a call begins its request is in flight; an answer takes longer.
UNDER_WAY_SECONDS = 0.001


class Injuries:
    """The orders of this worker to injure itself; any thread may give orders."""

    def __init__(self, history: HistoryFile, dice: random.Random) -> None:
        self._history = history
        self._dice = dice
        self._orders: dict[Point, tuple[Order, int]] = {}

    def order(self, order: Order) -> None:
        """Act at the next pass of the order's point; a new order for a point replaces the last."""
        if order.times > 0:
            self._orders[order.point] = (order, order.times)
        else:
            self._orders.pop(order.point, None)

    def pending(self, point: Point) -> bool:
        """Tell whether an order for this point is pending."""
        return point in self._orders

    def passing(self, point: Point) -> None:
        """Carry out the order for this point, if any.

        Raises:
            TransactionAborted: that was the order.
        """
        order = self._due(point)
        if order is not None:
            self._act(order)

    @contextmanager
    def during(self, point: Point) -> Iterator[None]:
        """Carry out the order for this point while the block runs, from another thread."""
        order = self._due(point)
        if order is None:
            yield
            return
        timer = threading.Timer(UNDER_WAY_SECONDS, self._act, [order])
        timer.start()
        try:
            yield
        finally:
            timer.join()

    def _due(self, point: Point) -> Order | None:
        order, left = self._orders.get(point, (None, 0))
        if order is None or self._dice.random() >= order.share:
            return None
        if left > 1:
            self._orders[point] = (order, left - 1)
        else:
            self._orders.pop(point, None)
        return order

    def _act(self, order: Order) -> None:
        self._history.write("reached", point=order.point, act=order.act)
        match order.act:
            case Act.KILL | Act.TERMINATE | Act.FREEZE:
                os.kill(os.getpid(), signal.Signals[order.act])
            case Act.ABORT:
                raise TransactionAborted("injected by verify")
            case Act.SLEEP:
                time.sleep(order.seconds)
