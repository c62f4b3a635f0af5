"""``inspect`` on the command line: tables on a terminal, lines with tabs elsewhere."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from stream_scorer.cli.main import main
from tests.model.making import passing

PIPELINE = Path(__file__).parents[1] / "golden" / "sklearn_fraud_pipeline" / "model.onnx"


def test_without_a_terminal_each_row_is_a_line_with_tabs(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """So that it can be searched and cut."""
    assert main(["inspect", "--model", str(PIPELINE)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "\tchannel\tstring\t[?, 1]\t0" in lines
    assert "\toutput_probability\tarray of float\t0, 1\toutput_probability" in lines
    assert not any("\x1b" in line or "─" in line for line in lines)


def test_on_a_terminal_there_are_tables() -> None:
    """Names in brackets stay as they are."""
    ours, theirs = pty.openpty()
    with os.fdopen(ours, "rb", buffering=0) as terminal:
        process = subprocess.Popen(  # noqa: S603 - our own words
            [sys.executable, "-m", "stream_scorer", "inspect", "--model", str(PIPELINE)],
            stdout=theirs,
            env={**os.environ, "COLUMNS": "120", "TERM": "xterm"},
        )
        os.close(theirs)
        shown = b""
        try:
            while part := terminal.read(65536):
                shown += part
        except OSError:
            pass  # how Linux says that the other side has closed it
        assert process.wait(30) == 0
    text = shown.decode()
    assert "─────" in text
    assert "[?, 1]" in text
    assert "\t" not in text


def test_a_model_that_can_not_be_served_is_shown_and_then_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The exit code tells a script."""
    path = passing(tmp_path / "m.onnx", "float32", 5, 2)
    assert main(["inspect", "--model", str(path)]) == 3
    printed = capsys.readouterr()
    assert "\tx\tfloat32\t[5, 2]\tnone" in printed.out
    assert "takes exactly 5 rows a call" in printed.err
    assert len(printed.err.splitlines()) == 1


def test_a_model_that_is_not_there_is_exit_3(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One sentence that names it."""
    assert main(["inspect", "--model", str(tmp_path / "absent.onnx")]) == 3
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "absent.onnx" in printed.err
