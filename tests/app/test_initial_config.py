"""``init``: the printed configuration fits as it stands."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from onnx import helper

from stream_scorer.app.checking import Reach, check
from stream_scorer.app.initial_config import InitialConfig, initial_config
from stream_scorer.check.findings import Finding
from stream_scorer.config import Settings, load
from stream_scorer.demo.stories import STORIES
from tests.model.making import passing, value, write_model
from tests.scorers import event

GOLDEN = Path(__file__).parents[1] / "golden"
BUNDLES = sorted(folder.name for folder in GOLDEN.iterdir() if folder.is_dir())


def settings_of(config: InitialConfig, folder: Path) -> Settings:
    """What is loaded from the text, for a worker with Kafka."""
    file = folder / "scorer.yaml"
    file.write_text(config.text)
    return load(file, (), {}, need_kafka=True)


def checked(settings: Settings) -> list[Finding]:
    """What ``check --offline`` finds that is not fine."""
    findings = check(settings, Reach(offline=True, say=pytest.fail))
    return [each for each in findings if each.level in {"warning", "error"}]


def inferred(folder: Path, schema: Any, dtype: str, *row: int | None) -> InitialConfig:
    """The configuration for a model whose output ``y`` is its input ``x``, and this schema."""
    (folder / "event.avsc").write_text(json.dumps(schema))
    return initial_config(passing(folder / "m.onnx", dtype, None, *row), folder / "event.avsc")


@contextmanager
def standing_in(folder: Path) -> Iterator[None]:
    """Relative paths are relative to the folder, as in a shell."""
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


@pytest.mark.parametrize("name", BUNDLES)
def test_a_golden_model_is_configured_completely(name: str, tmp_path: Path) -> None:
    """Loads, passes the check without a warning, maps as the bundle does, copies id and time."""
    folder = GOLDEN / name
    config = initial_config(folder / "model.onnx", folder / "event.avsc")
    settings = settings_of(config, tmp_path)
    assert checked(settings) == []
    assert settings.model.inputs is not None
    assert {tensor: list(paths) for tensor, paths in settings.model.inputs.items()} == json.loads(
        (folder / "bundle.json").read_text()
    )["inputs"]
    assert [each.path for each in settings.output.pass_through] == ["event_id", "occurred_at"]


@pytest.mark.parametrize("name", STORIES)
def test_a_model_of_the_demo_is_configured_completely(name: str, tmp_path: Path) -> None:
    """Its metadata has the order of training, so the mapping is that of the demo's own config."""
    story = STORIES[name]
    settings = settings_of(initial_config(story.model, story.reader), tmp_path)
    by_hand = load(story.config, (), {}, need_kafka=False)
    assert settings.model.inputs == by_hand.model.inputs
    assert checked(settings) == []


def test_relative_paths_are_those_of_the_shell(tmp_path: Path) -> None:
    """The file is meant to be written where the command is given."""
    inferred(tmp_path, event(), "float32", 2)
    with standing_in(tmp_path):
        config = initial_config(Path("m.onnx"), Path("event.avsc"))
    settings = settings_of(config, tmp_path)
    assert settings.model.path == tmp_path / "m.onnx"
    assert checked(settings) == []


def test_a_mapping_by_position_is_left_to_be_confirmed(tmp_path: Path) -> None:
    """The order of training is not in the model; this is said in the file and beside it."""
    config = inferred(tmp_path, event(), "float32", 2)
    assert "the order of model.inputs.x" in config.left_to_you
    assert "#! training, or the scores are wrong." in config.text


def test_what_can_not_be_inferred_is_said_and_the_check_says_how_to_mend_it(tmp_path: Path) -> None:
    """The file loads all the same; the error is that of the contract."""
    config = inferred(tmp_path, event(), "float32", 5)
    assert "model.inputs.x" in config.left_to_you
    assert "#! Not inferred: what fills input 'x' (float32 [N, 5])." in config.text
    (finding,) = checked(settings_of(config, tmp_path))
    assert finding.level == "error"
    assert "set model.inputs.x to the fields that give it 5 values a row" in finding.sentence


def test_a_null_without_a_place_in_the_tensor_is_rejected(tmp_path: Path) -> None:
    """An integer tensor holds no NaN."""
    nullable = {"name": "visits", "type": ["null", "long"]}
    schema = {"type": "record", "name": "Visit", "fields": [nullable]}
    settings = settings_of(inferred(tmp_path, schema, "int64", 1), tmp_path)
    assert settings.model.missing.fields == {"visits": "reject"}
    assert checked(settings) == []


def test_a_null_that_the_model_can_not_score_is_rejected(tmp_path: Path) -> None:
    """It is asked with a NaN."""
    nullable = {"name": "amount", "type": ["null", "double"]}
    schema = {"type": "record", "name": "Payment", "fields": [nullable]}
    settings = settings_of(inferred(tmp_path, schema, "float32", 1), tmp_path)
    assert settings.model.missing.fields == {"amount": "reject"}
    assert checked(settings) == []


def test_names_that_collide_are_kept_apart(tmp_path: Path) -> None:
    """An output and a field of the event, each of them with one of the provenance."""
    source = {"name": "source", "type": {"type": "string", "logicalType": "uuid"}}
    (tmp_path / "event.avsc").write_text(json.dumps(event(source)))
    node = helper.make_node("Identity", ["x"], ["model"])
    tensors = [[value(name, "float32", None, 2)] for name in ("x", "model")]
    path = write_model(tmp_path / "m.onnx", [node], *tensors)
    settings = settings_of(initial_config(path, tmp_path / "event.avsc"), tmp_path)
    assert [each.name for each in settings.output.pass_through] == ["event_id", "input_source"]
    assert settings.model.outputs == {"model_score": "model"}
    assert checked(settings) == []


def test_what_nothing_reads_is_listed(tmp_path: Path) -> None:
    """To be copied perhaps."""
    config = inferred(tmp_path, event({"name": "shop", "type": "string"}), "float32", 2)
    assert "#! Read by nothing yet: shop." in config.text


@pytest.mark.parametrize(
    ("name", "topic"),
    [("CardPayment", "card-payments"), ("my-server.cards.Größe", "gr--es")],
)
def test_topics_are_named_after_the_event(tmp_path: Path, name: str, topic: str) -> None:
    """Only as an example, and marked so; a record may have a name that no topic can have."""
    schema = {**event(), "name": name}
    config = inferred(tmp_path, schema, "float32", 2)
    kafka = settings_of(config, tmp_path).kafka
    assert kafka is not None
    assert (kafka.input_topics, kafka.group_id) == ((topic,), "m-scorer")
    assert "#! Yours to set" in config.text
