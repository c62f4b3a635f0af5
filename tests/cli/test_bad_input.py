"""Bad input: whatever a person gets wrong is one sentence, the right exit code, no traceback."""

from __future__ import annotations

import os
from pathlib import Path

import fastavro
import pytest

from stream_scorer.cli.main import main
from tests.cli.bad import BAD, Bad, one_sentence
from tests.scorers import EVENT, scorer


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
    ],
)
def test_score_writes_over_nothing_that_it_reads_or_writes(
    target: str, letters: str | None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The input, the model, the schema, and the other output; all stay as they are."""
    config, source = scorer(tmp_path), events(tmp_path)
    (tmp_path / "link.avro").symlink_to(source)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    words = ["score", "-c", str(config), str(source), str(tmp_path / target)]
    words += ["--dead-letters", str(tmp_path / letters)] if letters else []
    assert main(words) == 2
    one_sentence(capsys.readouterr().err, ("another",))
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
