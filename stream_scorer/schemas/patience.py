"""Bounds the wait for schemas that a registry does not know yet.

A node of a registry learns a moment later what another one has registered, and events may come
before. But most ids that nobody knows are garbage, and may be another one in each event. So all
that are met within a moment are waited for together, and a wait that was in vain is followed by
none for :data:`REST` times as long.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from stream_scorer.avro.framing import SchemaKey

REST = 10.0
"""For so many times what was in vain took nothing like it is done: a tenth of the time at most."""
FIRST_PAUSE_SECONDS = 0.25
FEW = 8
"""At most this many keys are retried during the wait, with growing pauses; others at its end."""
MOST = 10_000
"""At most this many keys are waited for at a time; as many unknown ones are remembered."""
FIRST_AGAIN_SECONDS, LAST_AGAIN_SECONDS = 60.0, 3600.0
"""A key that was in vain is waited for again after this; twice as long each time."""


@dataclass(frozen=True, slots=True)
class _Wait:
    """The wait for one key: its start, its end, and the time of the next lookup."""

    began: float
    until: float
    ask_at: float
    pause: float


@dataclass(frozen=True, slots=True)
class _InVain:
    """Until when a key is not waited for again, and how long that was to be."""

    until: float
    seconds: float


class Patience:
    """Which keys are waited for.

    One wait at a time: what is met within ``seconds`` joins it. Each key is waited for between half
    of that and all of it, all of them together no longer than one and a half times that. A wait
    that brought every schema it was for was not in vain, and the next one may begin at once. A key
    that was in vain is waited for less and less often: its producer may never be mended.

    One wait can be saved up, so that a schema which comes soon after some garbage is waited for.
    """

    def __init__(self, clock: Callable[[], float], seconds: float) -> None:
        """Begin with nothing to wait for.

        Args:
            clock: monotonic seconds.
            seconds: the longest wait for a key; 0 to wait for none.
        """
        self._clock = clock
        self._seconds, self._half = seconds, seconds / 2
        self._waits: dict[SchemaKey, _Wait] = {}
        self._in_vain: dict[SchemaKey, _InVain] = {}
        self._began = float("-inf")
        #: From when on a wait may begin; and what that was before the last one began.
        self._may_begin_at = self._might_have = clock()
        self._brought_all = True

    def left(self, key: SchemaKey) -> float:
        """Return for how many seconds a key is not to be asked for, 0 if it is not waited for."""
        wait = self._waits.get(key)
        return 0.0 if wait is None else max(0.0, wait.ask_at - self._clock())

    def lasts(self, key: SchemaKey) -> float:
        """Return in how many seconds to ask again for a key that was not known; 0: never mind."""
        now = self._clock()
        wait = self._waits.pop(key, None) or self._join(key, now)
        if wait is None:
            return 0.0
        if now >= wait.until:
            self._was_in_vain(key, wait, now)
            return 0.0
        few = len(self._waits) < FEW
        ask_at = min(now + wait.pause, wait.until) if few else wait.until
        if len(self._waits) < MOST:
            self._waits[key] = replace(wait, ask_at=ask_at, pause=2 * wait.pause)
        return ask_at - now

    def found(self, key: SchemaKey) -> None:
        """Note that a key is known."""
        self._in_vain.pop(key, None)
        if self._waits.pop(key, None) and not self._waits and self._brought_all:
            self._may_begin_at = self._might_have

    def _join(self, key: SchemaKey, now: float) -> _Wait | None:
        before = self._in_vain.get(key)
        if before is not None and now < before.until:
            return None
        if now >= self._may_begin_at and self._half > 0:
            self._waits.clear()
            self._brought_all = True
            self._began, self._might_have = now, self._may_begin_at
            # Until it is known what came of it: what it loses sight of must not begin another.
            self._may_begin_at = now + (1 + REST) * 3 * self._half
        elif now >= self._began + 2 * self._half:
            return None
        # Two ends, not one for each key: what a partition waits for ends at once.
        halves = 2 if now < self._began + self._half else 3
        until = self._began + halves * self._half
        return _Wait(self._began, until, until, FIRST_PAUSE_SECONDS)

    def _was_in_vain(self, key: SchemaKey, wait: _Wait, now: float) -> None:
        self._brought_all = False
        # With the time that it took to ask again; but the key's partition may have been away.
        took = min(now - wait.began, 8 * self._seconds)
        # After a long time without any, a second one is free: garbage must not cost a rollout.
        free = max(self._might_have, now - (1 + REST) * self._seconds)
        self._may_begin_at = free + (1 + REST) * took
        before = self._in_vain.pop(key, None)
        seconds = min(2 * before.seconds, LAST_AGAIN_SECONDS) if before else FIRST_AGAIN_SECONDS
        make_room(self._in_vain, MOST)
        self._in_vain[key] = _InVain(now + seconds, seconds)


def make_room(remembered: dict[SchemaKey, Any], most: int) -> None:
    """Forget the oldest entry if there are as many as there may be."""
    if len(remembered) >= most:
        del remembered[next(iter(remembered))]
