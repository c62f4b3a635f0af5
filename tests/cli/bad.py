"""What a person can get wrong about a scorer, and what must be said of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.model.making import passing
from tests.scorers import kafka_section

#: Nothing answers here.
NOWHERE = "127.0.0.1:1"
GOLDEN = Path(__file__).parents[1] / "golden" / "xgboost_churn" / "model.onnx"


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


def with_kafka(**settings: Any) -> dict[str, Any]:
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
        with_kafka(output_topic="in"),
    ),
    Bad(
        "a pattern reads the output",
        2,
        ("input_topics", "scored without end"),
        with_kafka(input_topics=["^out$"]),
    ),
    Bad(
        "dead letters are scores",
        2,
        ("dead_letter_topic", "is the output topic"),
        with_kafka(dead_letter_topic="out"),
    ),
    Bad(
        "a property breaks the promise",
        2,
        ("enable.auto.commit",),
        with_kafka(consumer={"enable.auto.commit": True}),
    ),
    Bad(
        "the registry has two contexts",
        2,
        ("schemas.registry", "more than one context, .dev and .prod"),
        {"schemas": {"registry": {"url": f"http://{NOWHERE}/contexts/.dev", "context": "prod"}}},
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
    Bad("a text is not a number", 3, ("'event_id' is a string",), mapped("a", "event_id")),
    Bad("a number, no text", 3, ("takes text", "'a' is a double"), bend=model("string", None, 2)),
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
    Bad("the schema is not JSON", 2, ("event.avsc", "not JSON"), bend=written("event.avsc", b"{")),
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
