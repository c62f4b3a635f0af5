"""How a command ends: the exit code of each error, and what is said."""

from __future__ import annotations

import errno
from collections.abc import Callable

import pytest

from stream_scorer import errors
from stream_scorer.cli.failures import exit_code_of


def raising(error: BaseException) -> Callable[[], None]:
    """A command that fails."""

    def command() -> None:
        raise error

    return command


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (errors.ConfigError, 2),
        (errors.ContractError, 3),
        (errors.Unreachable, 4),
        (errors.DataLost, 4),
        (errors.Refused, 4),
        (errors.TooManyDeadLetters, 5),
        (errors.Broken, 70),
        (errors.Unanswered, 70),
    ],
)
def test_an_error_ends_with_its_code_and_its_sentence(
    kind: type[errors.StreamScorerError], code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """A user's mistake never shows a traceback."""
    assert exit_code_of(raising(kind("This is wrong; do that.")), debug=False) == code
    printed = capsys.readouterr()
    assert (printed.out, printed.err) == ("", "Error: This is wrong; do that.\n")


def test_with_debug_the_traceback_comes_first(capsys: pytest.CaptureFixture[str]) -> None:
    """The sentence stays the last line."""
    assert exit_code_of(raising(errors.ConfigError("Wrong.")), debug=True) == 2
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].startswith("Traceback")
    assert lines[-1] == "Error: Wrong."


def test_credentials_in_an_address_are_hidden(capsys: pytest.CaptureFixture[str]) -> None:
    """A library's error may name the address that it was given, in the traceback too."""
    exit_code_of(raising(OSError("no way to http://user:hunter2@registry:8081/")), debug=True)
    said = capsys.readouterr().err
    assert said.count("http://******@registry:8081/") == 2
    assert "hunter2" not in said


def test_success_is_0() -> None:
    """And says nothing."""
    assert exit_code_of(lambda: None, debug=False) == 0


def test_too_little_memory_is_no_bug(capsys: pytest.CaptureFixture[str]) -> None:
    """It says what to raise or to lower."""
    assert exit_code_of(raising(MemoryError()), debug=False) == 70
    said = capsys.readouterr().err
    assert said.startswith("There is not enough memory: raise the limit, or lower batching.")


def test_a_full_disk_is_no_bug(capsys: pytest.CaptureFixture[str]) -> None:
    """Nor is what a shell redirects to one; another failure of the system is told in words."""
    full = OSError(errno.ENOSPC, "No space left on device")
    assert exit_code_of(raising(full), debug=False) == 70
    assert capsys.readouterr().err == (
        "No space left on device: what was to be written has no room.\n"
    )
    assert exit_code_of(raising(OSError(errno.EIO, "Input/output error")), debug=False) == 70
    assert capsys.readouterr().err.startswith("Internal error: OSError: Input/output error. ")


def test_an_interrupted_command_ends_cleanly(capsys: pytest.CaptureFixture[str]) -> None:
    """130 is what a shell expects after Ctrl-C."""
    assert exit_code_of(raising(KeyboardInterrupt()), debug=False) == 130
    assert capsys.readouterr().err == "Interrupted.\n"


@pytest.mark.parametrize(("code", "expected"), [(None, 0), (0, 0), (3, 3), ("words", 1)])
def test_a_command_may_end_by_itself(code: str | int | None, expected: int) -> None:
    """As typer does after ``--help``."""
    assert exit_code_of(raising(SystemExit(code)), debug=False) == expected
