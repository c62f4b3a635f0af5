"""Bad input: whatever a person gets wrong is one sentence, the right exit code, no traceback."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import fastavro
import pytest

from stream_scorer.cli.main import main
from tests.conftest import Kafka, TopicFactory
from tests.model.making import passing
from tests.schemas.confluent_api import confluent_api
from tests.scorers import EVENT, kafka_section, scorer

NOWHERE = "127.0.0.1:1"
GOLDEN = Path(__file__).parents[1] / "golden" / "xgboost_churn" / "model.onnx"


def events(folder: Path) -> Path:
    """An Avro file of three events that the scorer takes."""
    path = folder / "events.avro"
    rows = [{"event_id": str(n), "a": float(n), "b": 0.5} for n in range(3)]
    with path.open("wb") as file:
        fastavro.writer(file, dict(EVENT), rows)
    return path


def nothing(_: Path) -> None:
    """Bends no file."""


@dataclass(frozen=True)
class Bad:
    """What is wrong, the exit code, and words that the sentence must have."""

    name: str
    code: int
    words: tuple[str, ...]
    settings: Mapping[str, Any] = field(default_factory=dict)
    bend: Callable[[Path], object] = nothing


def written(name: str, content: bytes) -> Callable[[Path], object]:
    """Replaces a file of the folder."""
    return lambda folder: (folder / name).write_bytes(content)


def removed(name: str) -> Callable[[Path], object]:
    """Removes a file of the folder."""
    return lambda folder: (folder / name).unlink()


def a_folder(name: str) -> Callable[[Path], object]:
    """Puts a folder where a file should be."""

    def bend(folder: Path) -> None:
        (folder / name).unlink()
        (folder / name).mkdir()

    return bend


def model(dtype: str, *shape: int | None) -> Callable[[Path], object]:
    """Replaces the model by one whose input has another type or shape."""
    return lambda folder: passing(folder / "model.onnx", dtype, *shape)


def cut_off(folder: Path) -> None:
    """Replaces the model by the first half of a real one."""
    content = GOLDEN.read_bytes()
    (folder / "model.onnx").write_bytes(content[: len(content) // 2])


def mapped(*fields: str) -> dict[str, Any]:
    """Settings that fill ``x`` with these fields."""
    return {"model": {"inputs": {"x": list(fields)}}}


def kafka(**settings: Any) -> dict[str, Any]:
    """Settings with a section ``kafka``."""
    return {"kafka": {**kafka_section(NOWHERE, "in", "out"), **settings}}


BAD = [
    Bad("a key is misspelt", 2, ("modle", "did you mean model?"), {"modle": {}}),
    Bad("a setting is misspelt", 2, ("max_recods", "max_records"), {"batching": {"max_recods": 1}}),
    Bad(
        "a number is a word",
        2,
        ("max_records must be a", "'many'"),
        {"batching": {"max_records": "many"}},
    ),
    Bad("a duration has no unit", 2, ("max_wait", "5ms"), {"batching": {"max_wait": 5}}),
    Bad("a section is a text", 2, ("batching", "section"), {"batching": "all"}),
    Bad(
        "two settings contradict",
        2,
        ("min_commit_interval", "longer than"),
        {"batching": {"min_commit_interval": "2s"}},
    ),
    Bad(
        "the output is the input",
        2,
        ("output_topic", "is an input topic too"),
        kafka(output_topic="in"),
    ),
    Bad(
        "a pattern reads the output",
        2,
        ("input_topics", "scored without end"),
        kafka(input_topics=["^out$"]),
    ),
    Bad(
        "dead letters are scores",
        2,
        ("dead_letter_topic", "is the output topic"),
        kafka(dead_letter_topic="out"),
    ),
    Bad(
        "a property breaks the promise",
        2,
        ("enable.auto.commit",),
        kafka(consumer={"enable.auto.commit": True}),
    ),
    Bad("the config is no YAML", 2, ("not valid YAML",), bend=written("scorer.yaml", b"a: [")),
    Bad("the config is binary", 2, ("scorer.yaml",), bend=written("scorer.yaml", b"\xff\xfe\x00")),
    Bad("the config is empty", 2, ("model is required",), bend=written("scorer.yaml", b"")),
    Bad(
        "the config is not there", 2, ("scorer.yaml", "can't be read"), bend=removed("scorer.yaml")
    ),
    Bad(
        "the config is a folder", 2, ("scorer.yaml", "can't be read"), bend=a_folder("scorer.yaml")
    ),
    Bad(
        "the model is not there",
        3,
        ("There is no model at", "model.path"),
        bend=removed("model.onnx"),
    ),
    Bad("the model is empty", 3, ("is empty (0 bytes)",), bend=written("model.onnx", b"")),
    Bad("the model is cut off", 3, ("not an ONNX model, or is cut off",), bend=cut_off),
    Bad(
        "the model is another file",
        3,
        ("not an ONNX model",),
        bend=written("model.onnx", b"PK\x03\x04" * 99),
    ),
    Bad("the model is a folder", 3, ("is not a file",), bend=a_folder("model.onnx")),
    Bad(
        "the batch has a fixed size",
        3,
        ("exactly 5 rows a call", "dynamic first axis"),
        bend=model("float32", 5, 2),
    ),
    Bad("the input has no batch", 3, ("has no batch axis",), bend=model("float32")),
    Bad(
        "an input is unmapped", 3, ("Input 'x'", "set model.inputs.x"), {"model": {"inputs": None}}
    ),
    Bad(
        "a tensor is misspelt",
        3,
        ("'xx'", "it has x"),
        {"model": {"inputs": {"x": ["a", "b"], "xx": ["a"]}}},
    ),
    Bad("a field is not there", 3, ("'event.a'", "Nearest: a"), mapped("event.a", "b")),
    Bad("the width is wrong", 3, ("takes 2 values a row", "name 2 fields"), mapped("a")),
    Bad("a text is no number", 3, ("'event_id' is a string",), mapped("a", "event_id")),
    Bad("a number is no text", 3, ("takes text", "'a' is a double"), bend=model("string", None, 2)),
    Bad("an output is not there", 3, ("'z'", "it has y"), {"model": {"outputs": {"score": "z"}}}),
    Bad(
        "a position is not there",
        3,
        ("'y[7]'", "0 to 1"),
        {"model": {"outputs": {"score": "y[7]"}}},
    ),
    Bad(
        "a copied field is not there",
        2,
        ("pass_through", "'event'"),
        {"output": {"pass_through": ["event"]}},
    ),
    Bad("two fields have one name", 2, ("score",), {"output": {"pass_through": [{"score": "a"}]}}),
    Bad(
        "a provider is not there",
        2,
        ("TensorrtExecutionProvider", "it has"),
        {"model": {"providers": ["TensorrtExecutionProvider"]}},
    ),
    Bad("the schema is not there", 2, ("event.avsc", "can't be read"), bend=removed("event.avsc")),
    Bad("the schema is empty", 2, ("event.avsc",), bend=written("event.avsc", b"")),
    Bad("the schema is no JSON", 2, ("event.avsc", "no JSON"), bend=written("event.avsc", b"{")),
    Bad(
        "the schema is no Avro",
        2,
        ("event.avsc",),
        bend=written("event.avsc", b'{"type": "recrd"}'),
    ),
    Bad(
        "the schema is no record",
        3,
        ("Input 'x'",),
        {"output": {"pass_through": []}},
        bend=written("event.avsc", b'"string"'),
    ),
]


def one_sentence(text: str, words: tuple[str, ...]) -> None:
    """Whether a text is one line that has the words."""
    assert len(text.splitlines()) == 1, text
    assert [word for word in words if word not in text] == [], text
    assert text.rstrip().endswith((".", "?")), text


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


# ------------------------------------------------------------------ run, in a process of its own


def started(config: Path) -> subprocess.Popen[str]:
    """``run`` as a shell starts it."""
    return subprocess.Popen(  # noqa: S603 - our own words
        [sys.executable, "-m", "stream_scorer", "run", "-c", str(config)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={name: value for name, value in os.environ.items() if "STREAM_SCORER" not in name},
    )


def ended(process: subprocess.Popen[str]) -> tuple[int, list[str]]:
    """The exit code, and stderr without what was logged on the way."""
    out, err = process.communicate(timeout=60)
    assert out == ""
    assert "Traceback" not in err
    return process.returncode, [line for line in err.splitlines() if not line.startswith("{")]


def test_run_ends_before_it_asks_anyone(tmp_path: Path) -> None:
    """Configuration, model and schema come first: at these addresses nothing answers."""
    chosen = [bad for bad in BAD if bad.name in {"the width is wrong", "the output is the input"}]
    processes = []
    for number, bad in enumerate(chosen):
        folder = tmp_path / str(number)
        folder.mkdir()
        processes.append(started(scorer(folder, {**kafka(), **bad.settings})))
    for bad, process in zip(chosen, processes, strict=True):
        code, (sentence,) = ended(process)
        assert code == bad.code
        one_sentence(sentence, bad.words)


def test_run_ends_when_the_registry_is_down_or_refuses(tmp_path: Path) -> None:
    """Exit 4; the password is not repeated, and nothing hangs."""
    schemas: dict[str, Any] = {"framing": "confluent", "registry": {"url": f"http://{NOWHERE}"}}
    away = tmp_path / "away"
    away.mkdir()
    with confluent_api() as api:
        api.instead = (401, b'{"error_code": 401, "message": "Unauthorized"}')
        down = started(scorer(away, {**kafka(), "schemas": schemas}))
        schemas["registry"] = {
            "url": api.url,
            "properties": {"basic.auth.user.info": "user:hunter2"},
        }
        refusing = started(scorer(tmp_path, {**kafka(), "schemas": schemas}))
        code, (sentence,) = ended(down)
        assert (code, f"http://{NOWHERE} does not answer" in sentence) == (4, True)
        code, (sentence,) = ended(refusing)
    assert code == 4
    assert "refuses the credentials" in sentence
    assert "hunter2" not in sentence


@pytest.mark.kafka
def test_run_ends_when_the_topics_do_not_fit(
    tmp_path: Path, kafka: Kafka, topic: TopicFactory
) -> None:
    """Missing: exit 4, all of them at once. Fewer output than input partitions: exit 2."""
    source, target = topic(2), topic(1)
    kafka.create_topic(f"{target}.dead-letters")
    narrow, missing = tmp_path / "narrow", tmp_path / "missing"
    for folder in (narrow, missing):
        folder.mkdir()
    servers = kafka.bootstrap_servers
    too_narrow = started(scorer(narrow, {"kafka": kafka_section(servers, source, target)}))
    absent = started(scorer(missing, {"kafka": kafka_section(servers, "no-in", "no-out")}))
    code, (sentence,) = ended(too_narrow)
    assert code == 2
    one_sentence(sentence, (f"{target} has 1 partition and {source} has 2", "`key`"))
    code, lines = ended(absent)
    assert code == 4
    assert lines[0] == "Error: 3 things are wrong:"
    assert [line.split(":")[0] for line in lines[1:]] == [
        "- kafka.input_topics",
        "- kafka.output_topic",
        "- kafka.dead_letter_topic",
    ]
