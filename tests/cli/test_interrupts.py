"""Commands that are interrupted: exit code 130, one sentence, and nothing is left."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
from pathlib import Path

import fastavro
import psutil
import pytest

from stream_scorer.app.replay import Replayed
from stream_scorer.app.signals import hearing
from stream_scorer.cli.interrupts import interruptible
from stream_scorer.cli.main import main
from tests.cli.bad import NOWHERE
from tests.cli.commands import started
from tests.scorers import EVENT, kafka_section, scorer
from tests.topics import wait_for

BOTH = [signal.SIGINT, signal.SIGTERM]


def test_whatever_native_code_makes_of_an_interrupt_it_is_one(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A SystemError out of a callback, or a child that was interrupted as well."""
    with (
        hearing(None) as signals,
        pytest.raises(KeyboardInterrupt),
        interruptible(signals, "Interrupted: all of it."),
    ):
        try:
            signal.raise_signal(signal.SIGTERM)
        except KeyboardInterrupt as interrupt:
            raise SystemError("returned a result with an exception set") from interrupt
    assert capsys.readouterr().err == "Interrupted: all of it.\n"


def test_an_error_without_a_signal_stays_what_it_is() -> None:
    """A bug is no interrupt."""
    with (
        hearing(None) as signals,
        pytest.raises(SystemError),
        interruptible(signals, "Interrupted: all of it."),
    ):
        raise SystemError("a bug")


@pytest.mark.parametrize("number", BOTH)
def test_a_command_that_leaves_nothing_ends_at_once(number: signal.Signals, tmp_path: Path) -> None:
    """Also while it waits for brokers."""
    config = scorer(tmp_path, {"kafka": kafka_section(NOWHERE, "in", "out")})
    with started("check", "-c", str(config)) as check:
        assert check.stderr is not None
        wait_for(lambda: "answers yet" in check.stderr.readline(), "it asks the brokers")  # type: ignore[union-attr]
        check.send_signal(number)
        _, said = check.communicate(timeout=30)
    assert check.returncode == 130
    assert said.splitlines()[-1] == "Interrupted."
    assert "Traceback" not in said


def many_events(path: Path) -> None:
    """Write more events than are scored in a moment: one block, over and over."""
    schema, marker = fastavro.parse_schema(dict(EVENT)), bytes(16)
    header, whole = io.BytesIO(), io.BytesIO()
    fastavro.writer(header, schema, [], sync_marker=marker)
    block = [{"event_id": f"e{each}", "a": 1.0, "b": 2.0} for each in range(1000)]
    fastavro.writer(whole, schema, block, sync_marker=marker)
    with path.open("wb") as file:
        file.write(header.getvalue())
        for _ in range(3000):
            file.write(whole.getvalue()[len(header.getvalue()) :])


@pytest.mark.parametrize("number", BOTH)
def test_an_interrupted_score_leaves_no_file(number: signal.Signals, tmp_path: Path) -> None:
    """Neither the one that was asked for nor the beginning of it."""
    config = scorer(tmp_path)
    many_events(tmp_path / "events.avro")
    target = tmp_path / "target"
    target.mkdir()
    words = ["score", "-c", str(config), str(tmp_path / "events.avro"), str(target / "scored.avro")]
    with started(*words) as score:
        wait_for(lambda: any(target.iterdir()), "the file is begun")
        score.send_signal(number)
        _, said = score.communicate(timeout=30)
    assert (score.returncode, said) == (130, "Interrupted: no file was written.\n")
    assert list(target.iterdir()) == []


def test_a_replay_that_is_stopped_early_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is committed is done, and the exit code tells that there is more."""
    config = scorer(tmp_path, {"kafka": kafka_section(NOWHERE, "in", "out")})
    stopped = Replayed(2, 1, 0, (), stopped=True)
    monkeypatch.setattr("stream_scorer.app.replay.replay", lambda *_: stopped)
    assert main(["dlq", "replay", "-c", str(config)]) == 130
    printed = capsys.readouterr()
    assert printed.out == "2 scored, 1 dead letters again.\n"
    assert printed.err == "Interrupted: the next call replays the others.\n"


@pytest.mark.kafka
@pytest.mark.parametrize("number", BOTH)
def test_an_interrupted_demo_leaves_no_process_and_no_folder(
    number: signal.Signals, tmp_path: Path
) -> None:
    """Workers that nobody stops would wait for their brokers for ever."""
    with subprocess.Popen(
        [sys.executable, "-m", "stream_scorer", "demo", "--rate", "100"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    ) as demo:
        assert demo.stdout is not None
        assert any("workers share" in line for line in demo.stdout)
        children = psutil.Process(demo.pid).children(recursive=True)
        assert len(children) >= 3
        demo.send_signal(number)
        _, said = demo.communicate(timeout=60)
    assert demo.returncode == 130
    assert said == "Interrupted: nothing was counted.\n"
    psutil.wait_procs(children, timeout=10)
    assert not any(child.is_running() for child in children)
    assert list(tmp_path.iterdir()) == []
