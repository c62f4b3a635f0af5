"""The stories' files: they fit together, they are small, and they are what was committed."""

from __future__ import annotations

import hashlib
from pathlib import Path

import fastavro
import onnxruntime
import pytest
import yaml

from stream_scorer.config import load
from stream_scorer.demo import card_fraud, machine_telemetry
from stream_scorer.demo.stories import (
    CARD_FRAUD,
    MACHINE_TELEMETRY,
    STORIES,
    Story,
    add_scored_schema,
    lay_out,
)

ROOT = Path(__file__).parents[2]
every_story = pytest.mark.parametrize("story", STORIES.values(), ids=STORIES)


def test_the_installed_schemas_are_those_of_the_repository() -> None:
    """``schemas/`` is what people read, the package's copy is what a wheel brings: one text."""
    shown = {path.name: path.read_bytes() for path in (ROOT / "schemas").glob("*.avsc")}
    installed = {
        path.name: path.read_bytes()
        for path in (ROOT / "stream_scorer" / "demo" / "schemas").glob("*.avsc")
    }
    assert shown == installed


def test_the_models_are_small_and_have_the_committed_checksums() -> None:
    """Under 200 KB together, and byte for byte what the generator wrote."""
    models = ROOT / "stream_scorer" / "demo" / "models"
    sums = (models / "SHA256SUMS").read_text().splitlines()
    noted = {name: digest for digest, name in (line.split() for line in sums)}
    found = {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in models.glob("*.onnx")}
    assert found == noted
    assert sum(path.stat().st_size for path in models.glob("*.onnx")) < 200_000


@every_story
def test_the_config_names_the_storys_topics_and_model(story: Story, tmp_path: Path) -> None:
    """The laid-out config points at files beside it and at the given brokers."""
    config = yaml.safe_load(lay_out(story, tmp_path, "127.0.0.1:19092").read_text())
    assert config["kafka"] | {"group_id": "any"} == {
        "bootstrap_servers": "127.0.0.1:19092",
        "group_id": "any",
        "input_topics": [story.topic],
        "output_topic": story.output_topic,
        "dead_letter_topic": story.dead_letter_topic,
    }
    assert (tmp_path / config["model"]["path"]).read_bytes() == story.model.read_bytes()
    assert (tmp_path / config["schemas"]["reader"]).read_bytes() == story.reader.read_bytes()


@every_story
def test_the_scorer_accepts_the_config(story: Story, tmp_path: Path) -> None:
    """Every key is one that it knows, and nothing contradicts."""
    settings = load(lay_out(story, tmp_path, "127.0.0.1:19092"), [], {}, need_kafka=True)
    assert settings.kafka is not None
    assert settings.kafka.input_topics == (story.topic,)


@every_story
def test_the_config_as_installed_differs_only_in_the_brokers(story: Story, tmp_path: Path) -> None:
    """It is a config to copy, with Kafka's own default address."""
    shown = yaml.safe_load(story.config.read_text())
    laid_out = yaml.safe_load(lay_out(story, tmp_path, "elsewhere:1").read_text())
    assert shown["kafka"].pop("bootstrap_servers") == "localhost:9092"
    del laid_out["kafka"]["bootstrap_servers"]
    assert shown == laid_out


@every_story
def test_the_laid_out_ids_lead_to_the_writers_and_the_scored_schema(
    story: Story, tmp_path: Path
) -> None:
    """Every id that an event carries has its file, and the scored event's has too."""
    lay_out(story, tmp_path, "127.0.0.1:19092")
    add_scored_schema(story, tmp_path, '"string"')
    ids = yaml.safe_load((tmp_path / "schemas" / "ids.yaml").read_text())
    assert set(ids) == {*story.writers, story.scored_schema_id}
    for schema_id, path in story.writers.items():
        assert (tmp_path / "schemas" / ids[schema_id]).read_bytes() == path.read_bytes()
    scored = tmp_path / "schemas" / ids[story.scored_schema_id]
    assert scored.read_text() == '"string"'


@every_story
def test_a_laid_out_folder_can_be_laid_out_again(story: Story, tmp_path: Path) -> None:
    """A kept folder serves the next run, without a second entry for an id."""
    for _ in range(2):
        lay_out(story, tmp_path, "127.0.0.1:19092")
        add_scored_schema(story, tmp_path, '"string"')
    lines = (tmp_path / "schemas" / "ids.yaml").read_text().splitlines()
    assert len(lines) == len(story.writers) + 1


@pytest.mark.parametrize(
    ("story", "features"),
    [(CARD_FRAUD, card_fraud.FEATURES), (MACHINE_TELEMETRY, machine_telemetry.FEATURES)],
    ids=STORIES,
)
def test_the_config_maps_the_features_that_the_model_was_trained_on(
    story: Story, features: tuple[str, ...]
) -> None:
    """In order: config, training and the model's own metadata agree."""
    (mapped,) = yaml.safe_load(story.config.read_text())["model"]["inputs"].values()
    session = onnxruntime.InferenceSession(story.model)
    assert tuple(mapped) == features
    assert session.get_modelmeta().custom_metadata_map["features"] == ",".join(features)
    assert session.get_inputs()[0].shape[1] == len(features)


@every_story
def test_every_mapped_and_passed_field_is_in_the_readers_schema(story: Story) -> None:
    """No field of the config is a typing mistake."""
    config = yaml.safe_load(story.config.read_text())
    (mapped,) = config["model"]["inputs"].values()
    passed = [
        next(iter(field.values())) if isinstance(field, dict) else field
        for field in config["output"]["pass_through"]
    ]
    schema = fastavro.schema.load_schema(story.reader)
    assert {*mapped, *passed, story.key} <= set(_paths(schema["fields"]))


def _paths(fields: list[dict[str, object]], prefix: str = "") -> list[str]:
    """Return the dotted paths of the fields, those of nested records included."""
    paths = []
    for field in fields:
        kind = field["type"]
        if isinstance(kind, dict) and kind["type"] == "record":
            paths += _paths(kind["fields"], f"{prefix}{field['name']}.")
        else:
            paths.append(f"{prefix}{field['name']}")
    return paths


def test_the_new_card_schema_reads_what_the_old_one_wrote() -> None:
    """v2 adds a field with a default and widens two; by the Avro rules that is an evolution."""
    old, new = (fastavro.schema.load_schema(path) for path in CARD_FRAUD.writers.values())
    types = [{field["name"]: field["type"] for field in schema["fields"]} for schema in (old, new)]
    changed = {name for name in types[1] if types[0].get(name) != types[1][name]}
    assert changed == {"merchant_risk", "merchant_id", "device_age_days"}
