"""Bad input: whatever a person gets wrong is one sentence, the right exit code, no traceback."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import fastavro
import pytest

from stream_scorer.cli.main import main
from tests.cli.bad import BAD, NOWHERE, Bad, one_sentence
from tests.scorers import EVENT, kafka_section, scorer


def events(folder: Path) -> Path:
    """An Avro file of three events that the scorer takes."""
    path = folder / "events.avro"
    rows = [{"event_id": str(n), "a": float(n), "b": 0.5} for n in range(3)]
    with path.open("wb") as file:
        fastavro.writer(file, dict(EVENT), rows)
    return path


@pytest.mark.parametrize("bad", BAD, ids=lambda bad: bad.name)
def test_score_says_what_is_wrong(
    bad: Bad, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """On stderr; and leaves no half of a file behind."""
    config, source, target = scorer(tmp_path, bad.settings), events(tmp_path), tmp_path / "out.avro"
    bad.bend(tmp_path)
    assert main(["score", "-c", str(config), str(source), str(target)]) == bad.code
    printed = capsys.readouterr()
    assert printed.out == ""
    one_sentence(printed.err, bad.words)
    assert not target.exists()


@pytest.mark.parametrize("bad", BAD, ids=lambda bad: bad.name)
def test_check_finds_it_without_kafka(
    bad: Bad, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As one of its lines."""
    config = scorer(tmp_path, bad.settings)
    bad.bend(tmp_path)
    assert main(["check", "--offline", "-c", str(config)]) == bad.code
    printed = capsys.readouterr()
    assert printed.err == ""
    (error,) = [line for line in printed.out.splitlines() if line.startswith("error")]
    one_sentence(error, bad.words)


@pytest.mark.parametrize(
    "content", [b"", b"Obj", b"Obj\x01", b"not Avro at all", b"Obj\x01\x00" * 9]
)
def test_a_file_that_is_no_avro_is_named(
    content: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Empty, cut off, or of another kind."""
    config, source = scorer(tmp_path), tmp_path / "events.avro"
    source.write_bytes(content)
    assert main(["score", "-c", str(config), str(source), str(tmp_path / "out.avro")]) == 2
    one_sentence(capsys.readouterr().err, ("events.avro",))
    assert not (tmp_path / "out.avro").exists()


def test_a_pipe_can_not_be_read_and_is_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its size is not known, and it is read twice."""
    config, fifo = scorer(tmp_path), tmp_path / "events.avro"
    os.mkfifo(fifo)
    keeper = os.open(fifo, os.O_RDWR)  # or else both ends would wait for each other
    assert main(["score", "-c", str(config), str(fifo), str(tmp_path / "out.avro")]) == 2
    os.close(keeper)
    one_sentence(capsys.readouterr().err, ("events.avro is a pipe", "save it"))


@pytest.mark.parametrize(
    ("target", "letters"),
    [
        ("events.avro", None),
        ("./link.avro", None),
        ("out.avro", "events.avro"),
        ("out.avro", "./out.avro"),
        ("model.onnx", None),
        ("event.avsc", None),
        ("scorer.yaml", None),
        ("out.avro", "./scorer.yaml"),
    ],
)
def test_score_writes_over_nothing_that_it_reads_or_writes(
    target: str, letters: str | None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The input, the model, the schema, the configuration, and the other output; all stay."""
    config, source = scorer(tmp_path), events(tmp_path)
    (tmp_path / "link.avro").symlink_to(source)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    words = ["score", "-c", str(config), str(source), str(tmp_path / target)]
    words += ["--dead-letters", str(tmp_path / letters)] if letters else []
    assert main(words) == 2
    one_sentence(capsys.readouterr().err, ("another",))
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_file_may_have_any_name(tmp_path: Path) -> None:
    """Also one that is not UTF-8, which the scored events show as well as they can."""
    config, source = scorer(tmp_path), events(tmp_path)
    source = source.rename(os.fsdecode(os.fsencode(tmp_path) + b"/\xffevents.avro"))
    target = source.with_name(source.name + ".scored")
    assert main(["score", "-c", str(config), str(source), str(target)]) == 0
    with target.open("rb") as file:
        topics = [each["source"]["topic"] for each in fastavro.reader(file)]
    assert topics == ["\N{REPLACEMENT CHARACTER}events.avro"] * 3


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["score", "events.avro", "-"], "- does not name a file"),
        (["score", "-", "out.avro"], "- can't be read"),
        (["dlq", "replay", "--group", ""], "--group must not be empty"),
        (["dlq", "replay", "--group", os.fsdecode(b"\xff")], "--group must be Unicode text"),
        (["dlq", "replay", "--group", "g" * 40_000], "--group must fit in a request"),
    ],
)
def test_an_argument_that_can_not_be_meant_is_one_sentence(
    words: list[str],
    said: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Before anybody is asked; an empty group is not the scorer's own."""
    config = scorer(tmp_path, {"kafka": kafka_section(NOWHERE, "in", "out")})
    events(tmp_path)
    monkeypatch.chdir(tmp_path)
    assert main([*words, "-c", str(config)]) == 2
    one_sentence(capsys.readouterr().err, (said,))
    assert not Path("-").exists()


def test_a_terminal_of_few_characters_ends_no_command(tmp_path: Path) -> None:
    """What it can't show it gets in another form."""
    ended = subprocess.run(  # noqa: S603 - our own words
        [sys.executable, "-m", "stream_scorer", "check", "--offline", "-c", str(scorer(tmp_path))],
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert ended.returncode == 0, ended.stderr
    assert "\\u2026, 0 KiB) runs on" in ended.stdout


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_stream_that_is_closed_ends_no_command(tmp_path: Path, closed: str) -> None:
    """And no file gets what was meant for it."""
    config, source, target = scorer(tmp_path), events(tmp_path), tmp_path / "out.avro"
    words = ["score", "-c", str(config), str(source), str(target)]
    line = f'"$0" -m stream_scorer "$@" {closed}'
    ended = subprocess.run(  # noqa: S603 - our own words
        ["/bin/sh", "-c", line, sys.executable, *words], check=False, timeout=60
    )
    assert ended.returncode == 0
    with target.open("rb") as file:
        assert len(list(fastavro.reader(file))) == 3
    check = ["check", "--offline", "-c", str(config)]
    ended = subprocess.run(  # noqa: S603 - our own words
        ["/bin/sh", "-c", line, sys.executable, *check], check=False, timeout=60
    )
    assert ended.returncode == 0
