"""The rules of a proxy: which frames they match, and what happens to them.

The proxy's own thread evaluates rules; any other thread may change them.
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
    """The requests that a rule matches; ``None`` is all. ``client`` is a pattern (``worker-*``)."""

    client: str = "*"
    broker: int | None = None
    api: ApiKey | None = None

    def covers(self, broker: int, request: Request) -> bool:
        """Whether a request to this broker matches."""
        return (
            self.broker in {None, broker}
            and self.api in {None, request.api}
            and fnmatchcase(request.client, self.client)
        )


class Gate:
    """A frame waits at the gate until it is opened, or discarded with its connection.

    Events for other threads: ``reached`` is set once a frame waits here, ``answered`` once the
    broker has answered it.
    """

    def __init__(self) -> None:
        self.reached = threading.Event()
        self.answered = threading.Event()
        self.opened = asyncio.Event()
        self.thrown_away = False


@dataclass(slots=True)
class Fate:
    """The fate of one frame: it passes, unless a rule changes that."""

    lost: bool = False
    closes: bool = False
    delay_seconds: float = 0.0
    gates: list[Gate] = field(default_factory=list)
    cut_by: list[Cut] = field(default_factory=list)


class Rule(Protocol):
    """A rule, which the proxy evaluates in its own thread."""

    whom: Whom

    def judge_request(self, fate: Fate) -> None:
        """Change the fate of a request that the rule covers."""

    def judge_answer(self, fate: Fate) -> None:
        """Change the fate of the answer to such a request."""


class Cut:
    """Drops frames, one way or both, or closes the connection (``refuse``)."""

    def __init__(self, whom: Whom, way: Way, *, refuse: bool) -> None:
        self.whom = whom
        self._requests = way in {"both", "requests"}
        self._answers = way in {"both", "responses"}
        self._refuse = refuse

    def judge_request(self, fate: Fate) -> None:
        """Drop it, if requests are cut."""
        self._cut(fate, lost=self._requests)

    def judge_answer(self, fate: Fate) -> None:
        """Drop it, if answers are cut."""
        self._cut(fate, lost=self._answers)

    def _cut(self, fate: Fate, *, lost: bool) -> None:
        fate.closes |= self._refuse
        if lost:
            fate.lost = True
            fate.cut_by.append(self)


class Delay:
    """Delays each frame, each way."""

    def __init__(self, whom: Whom, seconds: float) -> None:
        self.whom = whom
        self._seconds = seconds

    def judge_request(self, fate: Fate) -> None:
        """Delay it."""
        fate.delay_seconds += self._seconds

    def judge_answer(self, fate: Fate) -> None:
        """Delay it."""
        fate.delay_seconds += self._seconds


class AnswersDropped:
    """Forwards requests, but drops the next answers, optionally closing the connection."""

    def __init__(self, whom: Whom, times: int, *, close: bool) -> None:
        self.whom = whom
        self._left = times
        self._close = close

    def judge_request(self, fate: Fate) -> None:
        """Do nothing."""

    def judge_answer(self, fate: Fate) -> None:
        """Drop it, if it is among the first."""
        if self._left > 0:
            self._left -= 1
            fate.lost = True
            fate.closes |= self._close
