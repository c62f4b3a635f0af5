"""What a proxy is told to do with the frames that pass: whom it concerns, and what happens.

Rules are asked by the proxy's own thread and told by any other.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Literal, Protocol, Self

from stream_scorer.errors import Unreachable
from stream_scorer.local.frames import ApiKey, Request

Way = Literal["both", "requests", "responses"]
#: How long a test waits by default for something that must happen.
WAIT_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Whom:
    """Which requests a rule is about; ``None`` is all. ``client`` is a pattern (``worker-*``)."""

    client: str = "*"
    broker: int | None = None
    api: ApiKey | None = None

    def covers(self, broker: int, request: Request) -> bool:
        """Whether a request to this broker is one of them."""
        return (
            self.broker in {None, broker}
            and self.api in {None, request.api}
            and fnmatchcase(request.client, self.client)
        )


class Gate:
    """A frame stands before it until it is opened, or thrown away with its connection.

    The events for other threads: ``reached`` once a frame stands here, ``answered`` once the broker
    has answered it.
    """

    def __init__(self) -> None:
        self.reached = threading.Event()
        self.answered = threading.Event()
        self.opened = asyncio.Event()
        self.thrown_away = False


@dataclass(slots=True)
class Fate:
    """What becomes of one frame: it passes, unless a rule says otherwise."""

    lost: bool = False
    closes: bool = False
    delay_seconds: float = 0.0
    gates: list[Gate] = field(default_factory=list)
    cut_by: list[Cut] = field(default_factory=list)


class Rule(Protocol):
    """What a proxy asks, in its own thread."""

    whom: Whom

    def judge_request(self, fate: Fate) -> None:
        """Change the fate of a request that the rule covers."""

    def judge_answer(self, fate: Fate) -> None:
        """Change the fate of the answer to such a request."""


class Cut:
    """Frames are lost, one way or both; or the connection ends at once (``refuse``)."""

    def __init__(self, whom: Whom, way: Way, *, refuse: bool) -> None:
        self.whom = whom
        self._requests = way in {"both", "requests"}
        self._answers = way in {"both", "responses"}
        self._refuse = refuse

    def judge_request(self, fate: Fate) -> None:
        """Lose it, if requests are cut."""
        self._cut(fate, lost=self._requests)

    def judge_answer(self, fate: Fate) -> None:
        """Lose it, if answers are cut."""
        self._cut(fate, lost=self._answers)

    def _cut(self, fate: Fate, *, lost: bool) -> None:
        fate.closes |= self._refuse
        if lost:
            fate.lost = True
            fate.cut_by.append(self)


class Delay:
    """Each frame takes longer, each way."""

    def __init__(self, whom: Whom, seconds: float) -> None:
        self.whom = whom
        self._seconds = seconds

    def judge_request(self, fate: Fate) -> None:
        """Let it wait."""
        fate.delay_seconds += self._seconds

    def judge_answer(self, fate: Fate) -> None:
        """Let it wait."""
        fate.delay_seconds += self._seconds


class AnswersDropped:
    """Requests go through; the next so many answers don't, or end the connection instead."""

    def __init__(self, whom: Whom, times: int, *, close: bool) -> None:
        self.whom = whom
        self._left = times
        self._close = close

    def judge_request(self, fate: Fate) -> None:
        """Let it pass."""

    def judge_answer(self, fate: Fate) -> None:
        """Drop it, if it is among the first."""
        if self._left > 0:
            self._left -= 1
            fate.lost = True
            fate.closes |= self._close


class Held:
    """The next such request stands at a gate; what comes after it, a retry too, passes."""

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
        """Hold it, if it is the first."""
        if self._armed:
            self._armed = False
            fate.gates.append(self._gate)

    def judge_answer(self, fate: Fate) -> None:
        """Let it pass, to a client that may be gone."""

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
        """Hold nothing any more; what is held is never sent and its connection ends. Idempotent."""
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
    """Changes nothing; counts such requests and the broker's answers to them."""

    def __init__(self, whom: Whom, forget: Callable[[Rule], None]) -> None:
        self.whom = whom
        self._forget = forget
        self.requests = 0
        self.answers = 0
        self._seen, self._answered = threading.Event(), threading.Event()

    def judge_request(self, _fate: Fate) -> None:
        """Count it."""
        self.requests += 1
        self._seen.set()

    def judge_answer(self, _fate: Fate) -> None:
        """Count it."""
        self.answers += 1
        self._answered.set()

    def seen(self, timeout_seconds: float = WAIT_SECONDS) -> None:
        """Wait until such a request came.

        Raises:
            Unreachable: None came.
        """
        _wait(self._seen, timeout_seconds, f"no such request came ({self.whom})")

    def answered(self, timeout_seconds: float = WAIT_SECONDS) -> None:
        """Wait until the broker answered such a request.

        Raises:
            Unreachable: It did not.
        """
        _wait(self._answered, timeout_seconds, f"no such request was answered ({self.whom})")

    def lift(self) -> None:
        """Count no more. Idempotent."""
        self._forget(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.lift()


def _wait(event: threading.Event, timeout_seconds: float, otherwise: str) -> None:
    if not event.wait(timeout_seconds):
        raise Unreachable(f"Within {timeout_seconds:.0f} s {otherwise}.")
