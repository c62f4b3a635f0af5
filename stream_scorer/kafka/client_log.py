"""The clients' own log lines, with the process's others, and not one over and over."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping

from stream_scorer.kafka.client_config import Property
from stream_scorer.repeats import Repeats

#: More different lines than this are not remembered. While a broker is away the client says so
#: twenty times a second.
REMEMBERED_LINES = 1000

#: librdkafka's ``log_level``, a level of syslog, as the level at which its lines arrive here.
_LEVELS = (
    logging.CRITICAL + 1,
    logging.CRITICAL + 1,
    logging.CRITICAL,
    logging.ERROR,
    logging.WARNING,
    logging.INFO,
    logging.INFO,
    logging.DEBUG,
)


def least_level(properties: Mapping[str, Property]) -> int:
    """Return from which level on lines are logged with these properties of librdkafka."""
    silent = "debug" not in properties
    wanted = int(properties.get("log_level", 6 if silent else 7))
    return max(_LEVELS[wanted], logging.INFO if silent else logging.DEBUG)


class ClientLog:
    """A logger for librdkafka's Python client, which calls :meth:`log` while it is polled.

    Lines that differ in numbers only are the same line.

    Args:
        logger: where lines go; ``librdkafka`` unless given.
        clock: monotonic seconds.
        least: the least level that is written.
        hears: takes the kind and the text of every line, written or not.
    """

    def __init__(
        self,
        logger: logging.Logger | None = None,
        clock: Callable[[], float] = time.monotonic,
        *,
        least: int = logging.DEBUG,
        hears: Callable[[str, str], object] = lambda _kind, _text: None,
    ) -> None:
        self._logger = logger or logging.getLogger("librdkafka")
        self._repeats = Repeats(clock, REMEMBERED_LINES)
        self._least = least
        self._hears = hears

    def heard(self, _: object) -> None:
        """Be the client's ``error_cb``: without one, a fatal error is raised by whatever polls.

        Nothing is to be done here: each error comes from the call too that it belongs to, or in
        the log.
        """

    def log(self, level: int, template: str, *words: str) -> None:
        """Write a line, unless it was written a moment ago.

        ``words`` are its kind, the client's name and the text.
        """
        self._hears(words[0], words[-1])
        if level < self._least:
            return
        line = template % words
        if self._repeats.due(line) is not None:
            self._logger.log(level, "%s", line)
