"""``schema output``: the schema of the scored event, as JSON."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from stream_scorer.avro.schema import parse
from stream_scorer.cli.main import main
from tests.scorers import EVENT, kafka_section, scorer


def printed(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """The exit code, stdout and stderr of ``schema output``."""
    code = main(["schema", "output", *arguments])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_it_is_an_avro_schema_of_what_is_copied_and_scored(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Named after the model, with the provenance at the end."""
    code, out, err = printed(capsys, "-c", str(scorer(tmp_path)))
    assert (code, err) == (0, "")
    schema = json.loads(out)
    parse(schema)
    assert (schema["namespace"], schema["name"]) == ("stream_scorer", "Scored_model")
    names = [field["name"] for field in schema["fields"]]
    assert names == ["event_id", "score", "model", "source", "scored_at"]
    assert schema["fields"][1]["type"] == {"type": "array", "items": "float"}


def test_neither_kafka_nor_a_registry_nor_a_device_is_needed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A pipeline that registers it has none of them."""
    settings = {
        "kafka": kafka_section("127.0.0.1:1", "in", "out"),
        "schemas": {"framing": "confluent", "registry": {"url": "http://127.0.0.1:1"}},
        "model": {"providers": ["CUDAExecutionProvider"]},
    }
    code, out, _ = printed(capsys, "-c", str(scorer(tmp_path, settings)))
    assert (code, json.loads(out)["name"]) == (0, "Scored_model")


def test_with_a_directory_it_is_there_before_it_is_listed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is what ids.yaml lacks at first."""
    folder = tmp_path / "schemas"
    folder.mkdir()
    (folder / "in.avsc").write_text(json.dumps(EVENT))
    (folder / "ids.yaml").write_text("1: in.avsc\n")
    settings = {
        "kafka": kafka_section("127.0.0.1:1", "in", "out"),
        "schemas": {"framing": "confluent", "directory": "schemas"},
    }
    config = str(scorer(tmp_path, settings))
    assert main(["check", "--offline", "-c", config]) == 2
    assert "add the line `2: Scored_model.avsc`" in capsys.readouterr().out
    _, out, _ = printed(capsys, "-c", config)
    (folder / "Scored_model.avsc").write_text(out)
    (folder / "ids.yaml").write_text("1: in.avsc\n2: Scored_model.avsc\n")
    assert main(["check", "--offline", "-c", config]) == 0


@pytest.mark.parametrize(
    ("settings", "code", "why"),
    [
        ({"schemas": {"reader": None}}, 2, "schemas.reader"),
        ({"output": {"pass_through": [{"score": "a"}]}}, 2, "score"),
        ({"model": {"outputs": {"s": "z"}}}, 3, "no output 'z'"),
    ],
)
def test_what_does_not_fit_is_one_sentence(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    settings: dict[str, object],
    code: int,
    why: str,
) -> None:
    """And no half of a schema."""
    ended, out, err = printed(capsys, "-c", str(scorer(tmp_path, settings)))
    assert (ended, out, len(err.splitlines())) == (code, "", 1)
    assert why in err
