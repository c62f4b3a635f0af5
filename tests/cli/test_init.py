"""``init`` on the command line: the configuration on stdout, what is left to do on stderr."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from stream_scorer.app.initial_config import initial_config, write_config
from stream_scorer.cli.main import main
from stream_scorer.errors import ConfigError
from tests.scorers import scorer


def test_what_is_printed_is_a_configuration_that_fits(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Redirected into a file, it passes the check."""
    scorer(tmp_path)
    model, schema = str(tmp_path / "model.onnx"), str(tmp_path / "event.avsc")
    assert main(["init", "--model", model, "--schema", schema]) == 0
    printed = capsys.readouterr()
    assert printed.err.startswith("Left to you: kafka.bootstrap_servers, ")
    file = tmp_path / "init.yaml"
    file.write_text(printed.out)
    assert main(["check", "--offline", "-c", str(file)]) == 0


def test_a_written_configuration_works_where_it_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the paths are relative to that were given, also in a folder that is a link."""
    scorer(tmp_path)
    (tmp_path / "elsewhere" / "deep").mkdir(parents=True)
    (tmp_path / "linked").symlink_to(tmp_path / "elsewhere" / "deep")
    monkeypatch.chdir(tmp_path)
    inputs = ["--model", "model.onnx", "--schema", "./event.avsc"]
    for place in (
        "conf/new/scorer.yaml",
        "linked/scorer.yaml",
        "init.yaml",
        str(tmp_path / "a.yaml"),
    ):
        assert main(["init", *inputs, "-o", place]) == 0
        assert capsys.readouterr().out == ""
    monkeypatch.chdir("/")
    for place in ("conf/new/scorer.yaml", "linked/scorer.yaml", "init.yaml", "a.yaml"):
        assert main(["check", "--offline", "-c", str(tmp_path / place)]) == 0
    assert "\n  path: ../../model.onnx\n" in (tmp_path / "conf/new/scorer.yaml").read_text()
    assert main(["init", *(each.replace("./", "") for each in inputs), "-o", "x.yaml"]) == 3


def test_a_failing_init_leaves_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """No file and no folder; and what is there stays."""
    config = scorer(tmp_path)
    before = config.read_text()
    model, schema = tmp_path / "model.onnx", tmp_path / "event.avsc"
    words = ["init", "--model", str(model), "--schema", str(schema), "--output"]
    assert main([*words, str(config)]) == 2
    assert "is there already" in capsys.readouterr().err
    assert config.read_text() == before
    assert main([*words, str(model)]) == 2
    assert main([*words, str(tmp_path / "model.onnx" / "scorer.yaml")]) == 2
    assert "can't be written: " in capsys.readouterr().err
    long = "x" * 300
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    for place in (f"new/{long}.yaml", f"new/deep/{long}/s.yaml", f"{long}/s.yaml", "loop/s.yaml"):
        assert main([*words, str(tmp_path / place)]) == 2
        assert "can't be written: " in capsys.readouterr().err
    (tmp_path / "loop").unlink()
    model.write_bytes(b"no model")
    assert main([*words, str(tmp_path / "conf" / "scorer.yaml")]) == 3
    assert sorted(each.name for each in tmp_path.iterdir()) == [
        "event.avsc", "model.onnx", "scorer.yaml"
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("broken", "content", "code", "why"),
    [
        ("model.onnx", b"no model", 3, "is not an ONNX model"),
        ("model.onnx", b"", 3, "is empty (0 bytes)"),
        ("event.avsc", b'{"type": "recrd"}', 2, "event.avsc"),
        ("event.avsc", b"\xff\xfd", 2, "can't be read"),
        ("event.avsc", b"", 2, "event.avsc"),
    ],
)
def test_files_that_can_not_be_read_are_named(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    *,
    broken: str,
    content: bytes,
    code: int,
    why: str,
) -> None:
    """Nothing is printed that would look like a configuration."""
    scorer(tmp_path)
    (tmp_path / broken).write_bytes(content)
    model, schema = str(tmp_path / "model.onnx"), str(tmp_path / "event.avsc")
    assert main(["init", "--model", model, "--schema", schema]) == code
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("Error: ")
    assert why in printed.err
    assert len(printed.err.splitlines()) == 1


def test_both_files_must_be_given(capsys: pytest.CaptureFixture[str]) -> None:
    """The usage says which is missing."""
    assert main(["init", "--model", "m.onnx"]) == 2
    assert "--schema" in capsys.readouterr().err


def test_a_path_that_a_configuration_can_not_hold_is_refused(tmp_path: Path) -> None:
    """It is a text in UTF-8."""
    scorer(tmp_path)
    schema = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.avsc"))
    (tmp_path / "event.avsc").rename(schema)
    refused = pytest.raises(ConfigError, match="a path in a configuration must be Unicode text")
    with refused:
        initial_config(tmp_path / "model.onnx", schema)
    with refused:
        write_config(tmp_path / "model.onnx", schema, tmp_path / "new" / "scorer.yaml")
    assert not (tmp_path / "new").exists()
