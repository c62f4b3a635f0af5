"""Log lines: JSON in a cluster, readable on a terminal, the libraries' own among them."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Literal, TextIO

from stream_scorer.hiding import without_credentials

Hide = Callable[[str], str]
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


def configure_logging(
    level: str,
    line_format: Format,
    stream: TextIO,
    *,
    libraries: str = "warning",
    asked: frozenset[str] = frozenset(),
    hide: Hide = without_credentials,
) -> None:
    """Send every log line of the process to ``stream``; call it once, before the first line.

    Lines of :class:`Log` and of the libraries' loggers, warnings among them, take the same way, and
    ``hide`` sees every text of them: a library may log the address that it asks, password and all.
    Tracebacks never show the values of variables, which may be secrets.

    Args:
        level: the least severe level that is logged, such as ``info``.
        line_format: ``json``, ``console``, or ``auto``: JSON unless the stream is a terminal.
        stream: where lines go; stderr, since stdout belongs to what a command prints.
        libraries: the same as ``level`` for loggers of libraries.
        asked: names of loggers of libraries that were told to speak by settings of their own.
        hide: returns a text without the secrets in it.
    """
    readable = line_format == "console" or (line_format == "auto" and stream.isatty())
    handler = logging.StreamHandler(stream)
    handler.setFormatter(ReadableFormatter(hide) if readable else JsonFormatter(hide))
    own, theirs = _number(level), max(_number(level), _number(libraries))

    def wanted(record: logging.LogRecord) -> bool:
        ours = hasattr(record, _VALUES) or record.name in asked
        return record.levelno >= (own if ours else theirs)

    # Not by the levels of loggers alone: a library may have set its own logger's.
    handler.addFilter(wanted)
    logging.basicConfig(level=own, handlers=[handler], force=True)
    logging.captureWarnings(capture=True)


def hide_in_unconfigured_lines() -> None:
    """Let Python's handler of last resort, which writes while none is configured, hide secrets."""
    if logging.lastResort is not None:
        logging.lastResort.setFormatter(_PlainFormatter())


def _number(level: str) -> int:
    return logging.getLevelNamesMapping()[level.upper()]


class JsonFormatter(logging.Formatter):
    """A line is one JSON object: the values, then level, logger, timestamp (UTC) and message."""

    def __init__(self, hide: Hide = without_credentials) -> None:
        super().__init__()
        self._hide = hide

    def format(self, record: logging.LogRecord) -> str:
        """Return the line; a value that JSON has no form for is its ``repr``."""
        line: dict[str, object] = {
            **_hidden(_values_of(record), self._hide),
            "level": record.levelname.lower(),
            "logger": record.name,
            "timestamp": _timestamp(record),
        }
        if record.exc_info:
            line["exception"] = self._hide(self.formatException(record.exc_info))
        return json.dumps({**line, "message": self._hide(_message_of(record))})


class ReadableFormatter(logging.Formatter):
    """A line for a person: time, level, message, logger, values."""

    def __init__(self, hide: Hide = without_credentials) -> None:
        super().__init__()
        self._hide = hide

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, with a traceback below it if there is one."""
        found = _values_of(record).items()
        values = [f"{name}={_shown(value, self._hide)}" for name, value in found]
        level = f"[{record.levelname.lower():<{_LEVEL_WIDTH}}]"
        message = f"{self._hide(_message_of(record)):<{_MESSAGE_WIDTH}}"
        line = " ".join([_timestamp(record), level, message, f"[{record.name}]", *values])
        if not record.exc_info:
            return line
        return f"{line}\n{self._hide(self.formatException(record.exc_info))}"


class _PlainFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return without_credentials(_message_of(record))


def _message_of(record: logging.LogRecord) -> str:
    """Return the message; a line that can't be put together would go to stderr as it is."""
    try:
        return record.getMessage()
    except Exception:  # noqa: BLE001 - a library's mistake; its values may have any ``__str__``
        return f"{record.msg!s} {record.args!r}"


def _hidden(value: Any, hide: Hide) -> Any:
    """Return a value in forms that JSON has, with ``hide`` applied to every text in it."""
    if isinstance(value, dict):
        return {str(key): _hidden(item, hide) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_hidden(item, hide) for item in value]
    if value is None or isinstance(value, bool | int | float):
        return value
    return hide(value if isinstance(value, str) else repr(value))


def _values_of(record: logging.LogRecord) -> dict[str, object]:
    values: dict[str, object] = getattr(record, _VALUES, {})
    return values


def _shown(value: object, hide: Hide) -> str:
    if isinstance(value, dict | list | tuple):
        # Within another text's quotes a secret would look otherwise.
        value = _hidden(value, hide)
    if not isinstance(value, str):
        return hide(repr(value))
    value = hide(value)
    # Else a value of several lines, such as a broker's reason, would look like lines of the log.
    bare = value.isprintable() and _NEEDS_QUOTES.isdisjoint(value)
    return value if bare else repr(value)


def _timestamp(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
