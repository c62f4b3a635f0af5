"""``stream-scorer demo`` as a newcomer runs it, only shorter."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from stream_scorer.cli.main import main


@pytest.mark.kafka
@pytest.mark.parametrize("story", ["card-fraud", "machine-telemetry"])
def test_the_demo_kills_a_worker_and_ends_with_an_exact_count(story: str, tmp_path: Path) -> None:
    """Every event has one trace; the exit code says so, and the config is left to look at."""
    command = [sys.executable, "-m", "stream_scorer", "demo", "--story", story]
    scale = ["--events", "3000", "--rate", "1500", "--folder", str(tmp_path / "kept")]
    shown = subprocess.run(  # noqa: S603 - our own module with our own arguments
        command + scale, capture_output=True, text=True, timeout=110, check=False
    )
    assert shown.returncode == 0, shown.stdout + shown.stderr
    assert "Watch it: http://127.0.0.1:" in shown.stdout
    assert "3,000  events in" in shown.stdout
    assert "Worker 1 is killed" in shown.stdout
    assert "Exact: every event has exactly one result." in shown.stdout
    assert (tmp_path / "kept" / "scorer.yaml").is_file()


def test_a_picture_that_cannot_be_written_is_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Before anything is started, not after all that was shown."""
    assert main(["demo", "--svg", str(tmp_path)]) == 2
    assert capsys.readouterr().err == (
        f"Error: --svg {tmp_path} can't be written: Is a directory.\n"
    )


def test_a_folder_that_holds_something_is_left_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A configuration of one's own would be overwritten."""
    (tmp_path / "scorer.yaml").write_text("mine")
    assert main(["demo", "--folder", str(tmp_path)]) == 2
    assert "must be new or empty" in capsys.readouterr().err
    assert (tmp_path / "scorer.yaml").read_text() == "mine"


def test_a_folder_that_cannot_be_written_to_is_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Before anything is started."""
    file = tmp_path / "file"
    file.touch()
    assert main(["demo", "--folder", str(file)]) == 2
    printed = capsys.readouterr()
    assert printed.err == (
        f"Error: --folder {file} can't be written to (File exists): name another folder.\n"
    )
