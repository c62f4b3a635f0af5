"""What a proxy is told to do with the frames that pass: whom it concerns, and what happens.

Rules are asked by the proxy's own thread and told by any other.
"""

from __future__ import annotations

import asyncio
import threading
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Literal, Protocol

from stream_scorer.local.frames import ApiKey, Request

Way = Literal["both", "requests", "responses"]


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
