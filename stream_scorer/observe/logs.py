"""Log lines: JSON in a cluster, readable on a terminal, the libraries' own among them."""

from __future__ import annotations

import logging
from typing import Literal, TextIO

import structlog
from structlog.typing import Processor

Format = Literal["auto", "json", "console"]


def configure_logging(level: str, line_format: Format, stream: TextIO) -> None:
    """Send every log line of the process to ``stream``; call it once, before the first line.

    Lines of structlog and of the standard library's loggers, warnings among them, take the same
    way. Tracebacks never show the values of variables, which may be secrets.

    Args:
        level: the least severe level that is logged, such as ``info``.
        line_format: ``json``, ``console``, or ``auto``: JSON unless the stream is a terminal.
        stream: where lines go; stderr, since stdout belongs to what a command prints.
    """
    readable = line_format == "console" or (line_format == "auto" and stream.isatty())
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=_common(),
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *(_readable(colors=stream.isatty()) if readable else _json()),
            ],
        )
    )
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    logging.captureWarnings(capture=True)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *_common(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )


def _common() -> list[Processor]:
    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]


def _readable(*, colors: bool) -> list[Processor]:
    # The default traceback would show local variables.
    plain = structlog.dev.plain_traceback
    return [structlog.dev.ConsoleRenderer(colors=colors, exception_formatter=plain)]


def _json() -> list[Processor]:
    return [
        structlog.processors.format_exc_info,
        structlog.processors.EventRenamer("message"),
        structlog.processors.JSONRenderer(),
    ]
