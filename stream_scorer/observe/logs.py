"""Log lines: JSON in a cluster, readable on a terminal, the libraries' own among them."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from typing import Literal, TextIO

Format = Literal["auto", "json", "console"]

_LEVEL_WIDTH = 9
_MESSAGE_WIDTH = 30
# An attribute of the record; a library's own ``extra`` must not be taken for it.
_VALUES = "stream_scorer_values"
_NEEDS_QUOTES = frozenset(" =\"'")


class Log:
    """Writes events with values: ``log.info("running", port=9400)``."""

    def __init__(self, name: str) -> None:
        self._logger = logging.getLogger(name)

    def debug(self, event: str, **values: object) -> None:
        """Log something that only helps to find a fault."""
        self._write(logging.DEBUG, event, values)

    def info(self, event: str, **values: object) -> None:
        """Log an event in the life of the process."""
        self._write(logging.INFO, event, values)

    def warning(self, event: str, **values: object) -> None:
        """Log something that went wrong, and what happens next."""
        self._write(logging.WARNING, event, values)

    def error(self, event: str, **values: object) -> None:
        """Log what ends the process."""
        self._write(logging.ERROR, event, values)

    def exception(self, event: str, **values: object) -> None:
        """Log an error with the traceback of the exception that is being handled."""
        self._write(logging.ERROR, event, values, traceback=True)

    def _write(
        self, level: int, event: str, values: dict[str, object], *, traceback: bool = False
    ) -> None:
        self._logger.log(level, "%s", event, exc_info=traceback, extra={_VALUES: values})


def configure_logging(level: str, line_format: Format, stream: TextIO) -> None:
    """Send every log line of the process to ``stream``; call it once, before the first line.

    Lines of :class:`Log` and of the libraries' loggers, warnings among them, take the same way.
    Tracebacks never show the values of variables, which may be secrets.

    Args:
        level: the least severe level that is logged, such as ``info``.
        line_format: ``json``, ``console``, or ``auto``: JSON unless the stream is a terminal.
        stream: where lines go; stderr, since stdout belongs to what a command prints.
    """
    readable = line_format == "console" or (line_format == "auto" and stream.isatty())
    handler = logging.StreamHandler(stream)
    handler.setFormatter(ReadableFormatter() if readable else JsonFormatter())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    logging.captureWarnings(capture=True)


class JsonFormatter(logging.Formatter):
    """A line is one JSON object: the values, then level, logger, timestamp (UTC) and message."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line; a value that JSON has no form for is its ``repr``."""
        line: dict[str, object] = {
            **_values_of(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "timestamp": _timestamp(record),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps({**line, "message": record.getMessage()}, default=repr)


class ReadableFormatter(logging.Formatter):
    """A line for a person: time, level, message, logger, values."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, with a traceback below it if there is one."""
        values = [f"{name}={_shown(value)}" for name, value in _values_of(record).items()]
        level = f"[{record.levelname.lower():<{_LEVEL_WIDTH}}]"
        message = f"{record.getMessage():<{_MESSAGE_WIDTH}}"
        line = " ".join([_timestamp(record), level, message, f"[{record.name}]", *values])
        if not record.exc_info:
            return line
        return f"{line}\n{self.formatException(record.exc_info)}"


def _values_of(record: logging.LogRecord) -> dict[str, object]:
    values: dict[str, object] = getattr(record, _VALUES, {})
    return values


def _shown(value: object) -> str:
    if not isinstance(value, str):
        return repr(value)
    # Else a value of several lines, such as a broker's reason, would look like lines of the log.
    bare = value.isprintable() and _NEEDS_QUOTES.isdisjoint(value)
    return str(value) if bare else repr(value)


def _timestamp(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
