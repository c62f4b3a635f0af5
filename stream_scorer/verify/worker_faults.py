"""Faults of the workers: signals at points of the cycle, scaling, slowness, aborts."""

from __future__ import annotations

import signal
from collections.abc import Generator
from dataclasses import replace
from functools import partial

from stream_scorer.verify.fleet import Member
from stream_scorer.verify.points import Act, Order, Point
from stream_scorer.verify.scene import REACH_SECONDS, Course, Fault, Scene, until
from stream_scorer.verify.timeouts import Patience
from stream_scorer.verify.visitor import visit

#: The margin beyond a timeout, so that it has passed on a slow machine too.
MARGIN_SECONDS = 2.0
#: A worker needs about this long to start and to join.
JOIN_SECONDS = 8.0
ABORTS_SECONDS = 12.0
STORM_VISITS = 5
STORM_EVERY_SECONDS = 2.0
LARGE_FLEET = 6
#: A worker may take this long to stop, and its successor to start.
REPLACED_SECONDS = 60.0

#: The worker that has passed its point, or ``None``.
Brought = Generator[float, None, Member | None]


def worker_faults() -> tuple[Fault, ...]:
    """Return all worker faults."""
    # These wait until a worker counts as dead.
    soon = partial(Fault, patience=Patience.SHORT)
    return (
        *(soon(f"SIGKILL {point}", partial(_end, point, Act.KILL)) for point in Point),
        *(Fault(f"SIGTERM {point}", partial(_end, point, Act.TERMINATE)) for point in Point),
        *(soon(f"frozen past its session {point}", partial(_freeze, point, past="session"))
          for point in Point),
        *(soon(f"frozen past its transaction {point}", partial(_freeze, point, past="transaction"))
          for point in Point),
        Fault("scale 1 to 6 to 1", _scale, alone=True),
        Fault("join and leave every 2 s", _storm),
        Fault("a third of the transactions aborted", _aborts),
        soon("model slower than the poll interval", _slow),
    )  # fmt: skip


def _end(point: Point, act: Act, scene: Scene) -> Course:
    """Make a worker end at the point; another one starts in its place."""
    with scene.someone() as member:
        if member is None:
            return False
        victim = yield from _brought_to(point, act, scene, member)
        if victim is None:
            return False
        patience = REACH_SECONDS + scene.session_seconds
        return (yield from until(lambda: not victim.alive, patience))


def _freeze(point: Point, scene: Scene, *, past: str) -> Course:
    """Freeze a worker at the point until it counts as dead, then resume it as a zombie."""
    seconds = scene.session_seconds if past == "session" else scene.transaction_seconds
    with scene.someone() as member:
        if member is None:
            return False
        victim = yield from _brought_to(point, Act.FREEZE, scene, member)
        if victim is None:
            return False
        try:
            if not (yield from until(lambda: victim.frozen or not victim.alive)):
                return False
            yield seconds + MARGIN_SECONDS
        finally:
            victim.send(signal.SIGCONT)
        yield MARGIN_SECONDS
        return True


def _brought_to(point: Point, act: Act, scene: Scene, member: Member) -> Brought:
    """Send the order, provoke the point if necessary, and return the worker that reached it."""
    order = Order(point, act)
    if point is Point.IN_INIT:
        return (yield from _successor_brought_to(order, scene, member))
    if point is Point.WHILE_ABORTING:
        member.order(Order(Point.AFTER_SEND_OFFSETS, Act.ABORT))
    member.order(order)
    if point is Point.IN_REVOKE:
        yield from visit(scene, STORM_EVERY_SECONDS)
    reached = yield from until(lambda: point in member.reached or not member.alive)
    if not reached:
        member.order(replace(order, times=0))
        return None
    return member


def _successor_brought_to(order: Order, scene: Scene, member: Member) -> Brought:
    """Replace the worker with one that starts with the order."""
    scene.fleet.begin_next_with(member, order)
    member.send(signal.SIGTERM)
    yield from until(lambda: member.successor is not None, REPLACED_SECONDS)
    after = member.successor
    if after is None:
        return None
    reached = yield from until(lambda: order.point in after.reached, REPLACED_SECONDS)
    return after if reached else None


def _scale(scene: Scene) -> Course:
    """Go from one worker to six and back to one, then restore the initial number."""
    before = scene.fleet.size()
    for size in (1, LARGE_FLEET, 1):
        scene.fleet.scale(size)
        yield JOIN_SECONDS
    scene.fleet.scale(before)
    yield JOIN_SECONDS
    return True


def _storm(scene: Scene) -> Course:
    """Make a visitor join and leave the group repeatedly."""
    for _ in range(STORM_VISITS):
        yield from visit(scene, STORM_EVERY_SECONDS)
        yield STORM_EVERY_SECONDS
    return True


def _aborts(scene: Scene) -> Course:
    """Make each worker abort a third of its transactions for a while."""
    members = scene.fleet.serving
    for member in members:
        member.order(Order(Point.AFTER_SEND_OFFSETS, Act.ABORT, times=1_000_000, share=1 / 3))
    yield ABORTS_SECONDS
    for member in members:
        member.order(Order(Point.AFTER_SEND_OFFSETS, Act.ABORT, times=0))
    return any(Point.AFTER_SEND_OFFSETS in member.reached for member in members)


def _slow(scene: Scene) -> Course:
    """Make one inference take longer than the group waits for a poll."""
    with scene.someone() as member:
        if member is None:
            return False
        seconds = scene.max_poll_seconds + MARGIN_SECONDS
        order = Order(Point.AFTER_SCORING, Act.SLEEP, seconds=seconds)
        member.order(order)
        if not (yield from until(lambda: order.point in member.reached)):
            member.order(replace(order, times=0))
            return False
        yield seconds + MARGIN_SECONDS
        return True
