"""Proxy rules to wait for: a request that is held back, requests that pass."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Self

from stream_scorer.errors import Unreachable
from stream_scorer.local.rules import Fate, Gate, Rule, Whom

#: The default wait for something that must happen.
WAIT_SECONDS = 30.0


class Held:
    """Holds the next matching request at a gate; later requests, retries included, pass."""

    def __init__(
        self,
        whom: Whom,
        in_the_loop: Callable[[Callable[[], None]], None],
        forget: Callable[[Rule], None],
    ) -> None:
        self.whom = whom
        self._gate = Gate()
        self._in_the_loop = in_the_loop
        self._forget = forget
        self._armed = True

    def judge_request(self, fate: Fate) -> None:
        """Hold the request, if it is the first."""
        if self._armed:
            self._armed = False
            fate.gates.append(self._gate)

    def judge_answer(self, fate: Fate) -> None:
        """Let the answer pass, to a client that may be gone."""

    def caught(self, timeout_seconds: float = WAIT_SECONDS) -> None:
        """Wait until a request is held.

        Raises:
            Unreachable: None came.
        """
        _wait(self._gate.reached, timeout_seconds, f"no request to hold came ({self.whom})")

    def release(self, timeout_seconds: float = WAIT_SECONDS) -> None:
        """Send the held request to the broker, and return when the broker has answered it.

        Raises:
            Unreachable: Nothing is held, or no answer came.
        """
        self.caught(0.0)
        self._in_the_loop(self._gate.opened.set)
        _wait(self._gate.answered, timeout_seconds, f"no answer to what was held ({self.whom})")

    def lift(self) -> None:
        """Hold nothing more; a held request is never sent and its connection ends. Idempotent."""
        self._forget(self)

        def throw_away() -> None:
            self._gate.thrown_away = not self._gate.opened.is_set()
            self._gate.opened.set()

        self._in_the_loop(throw_away)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.lift()


class Watch:
    """Counts matching requests and the broker's answers to them; changes nothing."""

    def __init__(self, whom: Whom, forget: Callable[[Rule], None]) -> None:
        self.whom = whom
        self._forget = forget
        self.requests = 0
        self.answers = 0
        self._seen, self._answered = threading.Event(), threading.Event()

    def judge_request(self, _fate: Fate) -> None:
        """Count the request."""
        self.requests += 1
        self._seen.set()

    def judge_answer(self, _fate: Fate) -> None:
        """Count the answer."""
        self.answers += 1
        self._answered.set()

    def seen(self, timeout_seconds: float = WAIT_SECONDS) -> None:
        """Wait until a matching request came.

        Raises:
            Unreachable: None came.
        """
        _wait(self._seen, timeout_seconds, f"no such request came ({self.whom})")

    def answered(self, timeout_seconds: float = WAIT_SECONDS) -> None:
        """Wait until the broker answered a matching request.

        Raises:
            Unreachable: None was answered.
        """
        _wait(self._answered, timeout_seconds, f"no such request was answered ({self.whom})")

    def lift(self) -> None:
        """Stop counting. Idempotent."""
        self._forget(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.lift()


def _wait(event: threading.Event, timeout_seconds: float, otherwise: str) -> None:
    if not event.wait(timeout_seconds):
        raise Unreachable(f"Within {timeout_seconds:.0f} s {otherwise}.")
