"""Faults of the network between workers and brokers, injected by the proxy."""

from __future__ import annotations

from contextlib import AbstractContextManager
from functools import partial
from typing import Literal

from stream_scorer.local.frames import ApiKey
from stream_scorer.verify.fleet import Member
from stream_scorer.verify.scene import Course, Fault, Scene, attempt, until
from stream_scorer.verify.timeouts import Patience

CUT_SECONDS = 10.0
DELAY_SECONDS = 12.0
DROP_SECONDS = 8.0

Ways = Literal["both", "requests", "responses"]


def network_faults() -> tuple[Fault, ...]:
    """Return all network faults."""
    fault = partial(Fault, needs="proxy")
    # The client gives up on a request after half of transaction.timeout.ms.
    soon = partial(fault, patience=Patience.SHORT)
    return (
        fault("cut from one broker", partial(_cut, way="both", one=True)),
        fault("cut from all brokers", partial(_cut, way="both", one=False)),
        fault("cut one way, requests", partial(_cut, way="requests", one=False)),
        fault("cut one way, answers", partial(_cut, way="responses", one=False)),
        fault("connections reset", _reset),
        fault("2 ms of delay", partial(_delay, seconds=0.002)),
        fault("50 ms of delay", partial(_delay, seconds=0.050)),
        soon("EndTxn held, released in the next transaction", _hold_end),
        soon("answer to EndTxn lost", partial(_drop, api=ApiKey.END_TXN, close=False)),
        fault("connection broken before EndTxn's answer",
              partial(_drop, api=ApiKey.END_TXN, close=True)),
        soon("answer to TxnOffsetCommit lost",
             partial(_drop, api=ApiKey.TXN_OFFSET_COMMIT, close=False)),
    )  # fmt: skip


def _clients(member: Member) -> str:
    """Return the pattern of a worker's client ids: its consumer's and its producer's."""
    return f"{member.who}*"


def _while(rule: AbstractContextManager[object], seconds: float) -> Course:
    with rule:
        yield seconds
    return True


def _cut(scene: Scene, *, way: Ways, one: bool) -> Course:
    """Cut a worker off for longer than its session."""
    with scene.someone() as member:
        if member is None:
            return False
        broker = scene.dice.randint(1, scene.ground.brokers) if one else None
        rule = scene.proxy.cut(_clients(member), broker, way)
        return (yield from _while(rule, CUT_SECONDS))


def _reset(scene: Scene) -> Course:
    """Close all of a worker's connections, and new ones, for a moment."""
    with scene.someone() as member:
        if member is None:
            return False
        rule = scene.proxy.cut(_clients(member), refuse=True)
        return (yield from _while(rule, 1.0))


def _delay(scene: Scene, *, seconds: float) -> Course:
    """Slow down the network of the whole fleet."""
    return (yield from _while(scene.proxy.delay("worker-*", seconds), DELAY_SECONDS))


def _hold_end(scene: Scene) -> Course:
    """Hold EndTxn back for longer than its client waits; release it during the next transaction.

    In the protocol version that the client uses, a late EndTxn of the same producer epoch ends
    whatever transaction is open then (KIP-890).
    """
    with scene.someone() as member:
        if member is None:
            return False
        proxy = scene.proxy
        client = f"{member.who}-producer"
        with proxy.hold(client, ApiKey.END_TXN) as held:
            if not (yield from attempt(scene, held.caught)):
                return False
            # The client waits socket.timeout.ms, half of transaction.timeout.ms; the retry and the
            # next transaction follow, and that one sends its offsets midway.
            with proxy.watch(ApiKey.TXN_OFFSET_COMMIT, client) as watch:
                yield from until(lambda: watch.requests > 0, scene.transaction_seconds * 2)
            return (yield from attempt(scene, held.release))


def _drop(scene: Scene, *, api: ApiKey, close: bool) -> Course:
    """Drop the answer to the next such request."""
    with scene.someone() as member:
        if member is None:
            return False
        proxy, client = scene.proxy, f"{member.who}-producer"
        with proxy.watch(api, client) as watch, proxy.drop_answer(client, api, close=close):
            yield DROP_SECONDS
            return watch.requests > 0
