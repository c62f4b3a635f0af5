"""Log lines: JSON or readable, ours and the libraries' alike."""

from __future__ import annotations

import io
import json
import logging
import re
import traceback
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

from stream_scorer.observe.logs import (
    Format,
    Log,
    configure_logging,
    hide_in_unconfigured_lines,
)


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        """A person is looking."""
        return True


@pytest.fixture(autouse=True)
def own_logging() -> Iterator[None]:
    """Each test configures logging; afterwards it is as pytest had it."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    logging.captureWarnings(capture=False)
    root.handlers[:] = handlers
    root.setLevel(level)


def lines_of(stream: io.StringIO) -> list[dict[str, object]]:
    """The lines that were logged as JSON."""
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_is_json_with_its_values() -> None:
    """As a cluster's log collector reads it."""
    stream = io.StringIO()
    configure_logging("info", "auto", stream)
    Log("worker").info("partitions assigned", partitions=["t[0]"])
    (line,) = lines_of(stream)
    assert line["message"] == "partitions assigned"
    assert line["partitions"] == ["t[0]"]
    assert line["level"] == "info"
    assert line["logger"] == "worker"
    assert str(line["timestamp"]).endswith("Z")


def test_a_line_of_json_has_its_values_first_and_its_message_last() -> None:
    """What JSON has no form for is written as Python shows it."""
    stream = io.StringIO()
    configure_logging("info", "json", stream)
    Log("worker").info("running", port=9400, where=Path("a"))
    line = re.sub(r"2\d{3}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", "NOW", stream.getvalue())
    assert line == (
        '{"port": 9400, "where": "PosixPath(\'a\')", "level": "info", "logger": "worker", '
        '"timestamp": "NOW", "message": "running"}\n'
    )


def test_a_line_for_a_person_is_aligned() -> None:
    """Time, level, message, logger, values."""
    stream = io.StringIO()
    configure_logging("info", "console", stream)
    Log("worker").warning("partitions lost", partitions=["t[0]"], reason="fenced")
    (line,) = stream.getvalue().splitlines()
    assert line.split("Z ", 1)[1] == (
        "[warning  ] partitions lost                [worker] partitions=['t[0]'] reason=fenced"
    )


def test_a_value_of_several_words_or_lines_is_quoted_for_a_person() -> None:
    """So a line stays one line, and it is seen where a value ends."""
    stream = io.StringIO()
    configure_logging("info", "console", stream)
    Log("worker").warning("waiting", reason="broker\ngone", doing="a poll", colour="\x1b[31m", n=3)
    (line,) = stream.getvalue().splitlines()
    assert line.endswith(r"[worker] reason='broker\ngone' doing='a poll' colour='\x1b[31m' n=3")


def test_a_library_s_own_values_do_not_lose_its_line() -> None:
    """Whatever it calls them."""
    stream = io.StringIO()
    configure_logging("info", "json", stream)
    logging.getLogger("a.library").warning("odd", extra={"values": [1]})
    assert [line["message"] for line in lines_of(stream)] == ["odd"]


def test_an_exception_is_one_value_of_the_line_of_json() -> None:
    """The traceback as Python writes it, before the message."""
    stream = io.StringIO()
    configure_logging("info", "json", stream)
    try:
        int("bad")
    except ValueError:
        expected = traceback.format_exc().rstrip("\n")
        Log("worker").exception("failed", n=1)
    (line,) = lines_of(stream)
    assert list(line) == ["n", "level", "logger", "timestamp", "exception", "message"]
    assert line["exception"] == expected


def test_lines_of_libraries_take_the_same_form() -> None:
    """Their warnings too."""
    stream = io.StringIO()
    configure_logging("info", "json", stream)
    logging.getLogger("a.library").warning("connection to %s lost", "broker")
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn("old option", UserWarning, stacklevel=1)
    first, second = lines_of(stream)
    assert first["message"] == "connection to broker lost"
    assert (first["level"], first["logger"]) == ("warning", "a.library")
    assert "old option" in str(second["message"])
    assert second["logger"] == "py.warnings"


@pytest.mark.parametrize(
    ("line_format", "stream", "is_json"),
    [
        ("auto", Terminal(), False),
        ("auto", io.StringIO(), True),
        ("json", Terminal(), True),
        ("console", io.StringIO(), False),
    ],
)
def test_auto_is_json_unless_a_terminal(
    line_format: Format, stream: io.StringIO, *, is_json: bool
) -> None:
    """Both can be asked for."""
    configure_logging("info", line_format, stream)
    Log("worker").info("started", port=9400)
    assert stream.getvalue().startswith("{") == is_json
    assert "started" in stream.getvalue()


def test_lines_below_the_level_are_dropped() -> None:
    """Ours and theirs."""
    stream = io.StringIO()
    configure_logging("warning", "json", stream)
    Log("worker").info("quiet")
    logging.getLogger("a.library").info("quiet")
    Log("worker").warning("loud")
    assert [line["message"] for line in lines_of(stream)] == ["loud"]


def test_configuring_again_does_not_double_the_lines() -> None:
    """The last call counts."""
    first, second = io.StringIO(), io.StringIO()
    configure_logging("info", "json", first)
    configure_logging("info", "json", second)
    Log("worker").info("once")
    assert first.getvalue() == ""
    assert len(lines_of(second)) == 1


@pytest.mark.parametrize("line_format", ["json", "console"])
def test_a_traceback_does_not_show_the_values_of_variables(line_format: Format) -> None:
    """One of them may be a password."""
    stream = io.StringIO()
    configure_logging("info", line_format, stream)
    password = "hunter2"  # noqa: S105 - it is what must not be seen
    try:
        _ = {"": password}[f"{len(password)}"]
    except KeyError:
        Log("worker").exception("failed")
    assert "KeyError" in stream.getvalue()
    assert "hunter2" not in stream.getvalue()


@pytest.mark.parametrize("line_format", ["json", "console"])
def test_lines_of_libraries_below_a_warning_are_for_who_asks(line_format: Format) -> None:
    """Whatever level a library gives its own logger; ours go by theirs."""
    for libraries, expected in (("warning", 1), ("info", 2)):
        stream = io.StringIO()
        configure_logging("info", line_format, stream, libraries=libraries)
        logger = logging.getLogger("a.loud.library")
        logger.setLevel(logging.DEBUG)
        logger.debug("quiet")
        logger.info("asked for")
        Log("worker").info("ours")
        assert len(stream.getvalue().splitlines()) == expected


def test_what_is_hidden_is_hidden_in_values_and_in_what_they_hold() -> None:
    """Keys, types and numbers stay as they are."""
    stream = io.StringIO()
    configure_logging("info", "json", stream, hide=lambda text: text.replace("hunter2", "***"))
    Log("worker").info(
        "as hunter2", a=["hunter2", {"b": Path("hunter2")}], n=1.5, none=None, y=True
    )
    (line,) = lines_of(stream)
    assert line["message"] == "as ***"
    assert line["a"] == ["***", {"b": "PosixPath('***')"}]
    assert (line["n"], line["none"], line["y"]) == (1.5, None, True)


def test_lines_before_logging_is_configured_hide_credentials_too(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """`check` configures none, and Python writes warnings all the same."""
    logging.getLogger().handlers[:] = []
    assert logging.lastResort is not None
    before = logging.lastResort.formatter
    try:
        hide_in_unconfigured_lines()
        logging.getLogger("a.library").warning("asked http://user:hunter2@registry/subjects")
    finally:
        logging.lastResort.formatter = before
    assert capsys.readouterr().err == "asked http://******@registry/subjects\n"
