"""Ends a process whose loop stands still although the brokers answer.

Every call of the client has a deadline of ours. The one that is known to ignore it is left to a
thread of its own (:mod:`stream_scorer.kafka.bounded_calls`); should another do so, nothing inside
the loop's thread can end it. Another process can do the work: what this one had open is aborted by
the brokers, and its events are read again.
"""

from __future__ import annotations

import os
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Protocol

from stream_scorer import protocols
from stream_scorer.app.stopping import STUCK_EXIT_CODE
from stream_scorer.observe.heartbeat import Heartbeat, Sign
from stream_scorer.records import Position, ScoredBatch, TopicPartition

LAST_WORDS = (
    "the loop stands still although the brokers answer: a call does not come back. The process "
    "ends; its events are read again by the next one"
)
LOOK_EVERY_SECONDS = 1.0
#: How long the brokers may take to show that they are there.
ANSWER_SECONDS = 10.0
REMINDER_SECONDS = 60.0
#: The loop may hold what the last words need, the lock of the log for one.
LAST_WORDS_SECONDS = 5.0


class Logger(Protocol):
    """The part of the log that the watchdog uses."""

    def warning(self, event: str, **values: object) -> object:
        """Log something that went wrong, and what happens next."""

    def error(self, event: str, **values: object) -> object:
        """Log why the process ends."""


class Watchdog:
    """Looks once in a while whether the loop goes on; owns the thread that does.

    Args:
        heartbeat: what the loop says of itself.
        brokers_answer: asks them, within bounds, in the watchdog's thread. While they are away the
            loop may wait: another process would not reach them either.
        logger: where the last words go.
        look_every_seconds: how often it looks.
        end: what ends the process with an exit code, at once.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        heartbeat: Heartbeat,
        brokers_answer: Callable[[], bool],
        logger: Logger,
        *,
        look_every_seconds: float = LOOK_EVERY_SECONDS,
        end: Callable[[int], object] = os._exit,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._heartbeat = heartbeat
        self._brokers_answer = brokers_answer
        self._logger = logger
        self._look_every_seconds = look_every_seconds
        self._end = end
        self._clock = clock
        self._seen = heartbeat.sign
        self._standing_seconds = 0.0
        self._looked_at = clock()
        self._excused_at = self._said_at = float("-inf")

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Watch while the block runs."""
        over = threading.Event()

        def watch() -> None:
            while not over.wait(self._look_every_seconds):
                self.look()

        self._looked_at = self._clock()
        threading.Thread(target=watch, name="watchdog", daemon=True).start()
        try:
            yield
        finally:
            over.set()

    def look(self) -> None:
        """Look at the loop once; end the process if it stands still for too long."""
        now, sign = self._clock(), self._heartbeat.sign
        # A process that was frozen as a whole stood still in here too: that does not count.
        passed = min(now - self._looked_at, 2 * self._look_every_seconds)
        self._looked_at = now
        self._standing_seconds = self._standing_seconds + passed if sign is self._seen else 0.0
        self._seen = sign
        if self._standing_seconds <= sign.allowed_seconds:
            return
        if not self._brokers_answer():
            self._excuse(sign)
        elif self._heartbeat.sign is sign:
            self._give_up(sign)

    def why_unhealthy(self) -> str | None:
        """Return why the process should be replaced, or ``None``; any thread may ask.

        It says so at the moment from which on the watchdog would end the process, and never because
        of brokers or a registry that are away.
        """
        sign = self._heartbeat.sign
        standing = self._clock() - max(sign.since, self._excused_at)
        if standing <= sign.allowed_seconds:
            return None
        return (
            f"the loop stands still for {standing:.0f} s while {sign.doing}; "
            f"{sign.allowed_seconds:.0f} s are allowed"
        )

    def _excuse(self, sign: Sign) -> None:
        now = self._clock()
        # Once they are back the call may take as long again.
        self._excused_at, self._standing_seconds = now, 0.0
        if now - self._said_at >= REMINDER_SECONDS:
            self._said_at = now
            self._logger.warning(
                "the brokers don't answer; the loop may wait for them", doing=sign.doing
            )

    def _give_up(self, sign: Sign) -> None:
        last = threading.Timer(LAST_WORDS_SECONDS, self._end, (STUCK_EXIT_CODE,))
        last.daemon = True
        last.start()
        self._logger.error(
            LAST_WORDS,
            doing=sign.doing,
            seconds=round(self._clock() - sign.since, 1),
            allowed_seconds=sign.allowed_seconds,
            stacks=_stacks(),
        )
        self._end(STUCK_EXIT_CODE)


class WatchedOutput:
    """The output with a limit on each call: its calls are bounded, so one that is not is stuck."""

    def __init__(
        self, output: protocols.Output, heartbeat: Heartbeat, allowed_seconds: float
    ) -> None:
        self._output = output
        self._heartbeat = heartbeat
        self._allowed_seconds = allowed_seconds

    @property
    def needs_rebuild(self) -> bool:
        """Tell whether the next commit must have a new producer."""
        return self._output.needs_rebuild

    def commit(
        self,
        scored: Sequence[ScoredBatch],
        positions: Mapping[TopicPartition, Position],
        membership: bytes,
        within_seconds: float | None = None,
    ) -> None:
        """Write and commit, or raise and leave no trace."""
        with self._heartbeat.during("committing a transaction", self._allowed_seconds):
            self._output.commit(scored, positions, membership, within_seconds)

    def rebuild(self) -> None:
        """Start over with a new producer of the same name."""
        with self._heartbeat.during("making a new producer", self._allowed_seconds):
            self._output.rebuild()


def _stacks() -> dict[str, str]:
    """Return where each thread is, by its name; never the values of variables."""
    names = {thread.ident: thread.name for thread in threading.enumerate()}
    return {
        f"{names.get(ident, 'unknown')} ({ident})": "".join(traceback.format_stack(frame))
        for ident, frame in sys._current_frames().items()  # noqa: SLF001 - documented, CPython
    }
