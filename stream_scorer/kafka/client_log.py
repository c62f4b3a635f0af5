"""The clients' own log lines, with the process's others, and not one over and over."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable

#: The same line is written once in this time. While a broker is away the client says so twenty
#: times a second.
REMINDER_SECONDS = 60.0
#: More different lines than this are not remembered.
REMEMBERED_LINES = 1000

_NUMBERS = re.compile(r"\d+")


class ClientLog:
    """What librdkafka's Python client takes for a logger: it calls :meth:`log`, while polled.

    Lines that differ in numbers only are the same line.
    """

    def __init__(
        self, logger: logging.Logger | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._logger = logger or logging.getLogger("librdkafka")
        self._clock = clock
        self._said_at: dict[str, float] = {}

    def heard(self, _: object) -> None:
        """Be the client's ``error_cb``: without one, a fatal error is raised by whatever polls.

        Nothing is to be done here: each error comes from the call too that it belongs to, or in
        the log.
        """

    def log(self, level: int, template: str, *words: str) -> None:
        """Write a line, unless it was written a moment ago."""
        line = template % words
        kind, now = _NUMBERS.sub("0", line), self._clock()
        if now - self._said_at.get(kind, float("-inf")) < REMINDER_SECONDS:
            return
        if len(self._said_at) >= REMEMBERED_LINES:
            self._said_at.clear()
        self._said_at[kind] = now
        self._logger.log(level, "%s", line)
