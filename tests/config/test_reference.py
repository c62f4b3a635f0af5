"""The JSON Schema and the reference page: both say what the settings are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator
from pydantic import BaseModel

from stream_scorer.config import reserved
from stream_scorer.config.json_schema import json_schema
from stream_scorer.config.mistakes import _all_keys, section_at
from stream_scorer.config.reference import reference
from stream_scorer.config.settings import Settings
from tests.config.conftest import SMALL, Loader

PAGE = Path(__file__).parents[2] / "docs" / "configuration.md"

EVERYTHING = """
kafka:
  bootstrap_servers: localhost:9092
  group_id: fraud-scorer
  transactional_id: null
  input_topics: [card-transactions]
  output_topic: card-transactions.scored
  dead_letter_topic: card-transactions.dead-letters
  delivery: exactly_once
  on_data_loss: stop
  common: {}
  consumer: {max.poll.interval.ms: 300000}
  producer: {linger.ms: 5, ssl.ca.location: /ca.pem}
schemas:
  framing: confluent
  registry:
    url: http://localhost:8081
    timeout: 2s
    subject: "{output_topic}-value"
    register: false
    properties: {cache.capacity: 5}
  directory: null
  reader: schemas/card_transaction.avsc
model:
  path: models/fraud.onnx
  name: fraud
  version: "2026-11"
  inputs:
    features: [amount, velocity_1h, device.age_days]
  outputs:
    score: probabilities[1]
    label: label
  missing: {default: nan, fields: {velocity_1h: 0, amount: reject}}
  non_finite: dead_letter
  providers: [CPUExecutionProvider, {name: CUDAExecutionProvider, device_id: 0}]
  intra_op_threads: auto
  inter_op_threads: 1
  session: {session.set_denormal_as_zero: 1}
batching:
  max_records: 1024
  max_wait: 0ms
  commit_interval: 100ms
  min_commit_interval: 10ms
  transaction_max_records: 50000
  transaction_max_bytes: 32MiB
output:
  pass_through: [event_id, occurred_at, {device: device.id}]
  provenance: true
  record: null
  partition: source
  tombstones: dead_letter
  compression: lz4
dead_letters:
  budget: {ratio: 0.05, window: 60s, minimum: 100}
server: {host: 0.0.0.0, port: 9400, page: true, show_values: false}
logging: {level: info, format: auto}
"""


def given(text: str) -> Any:
    """A configuration as an editor's plug-in sees it."""
    return yaml.safe_load(text)


def test_the_schema_is_one() -> None:
    """By the meta-schema of its draft."""
    Draft202012Validator.check_schema(json_schema())


@pytest.mark.parametrize("text", [SMALL, EVERYTHING], ids=["small", "everything"])
def test_what_loads_is_valid_by_the_schema(loaded: Loader, text: str) -> None:
    """An editor does not complain of what works."""
    loaded(text)
    Draft202012Validator(json_schema()).validate(given(text))


def test_what_is_shown_of_the_settings_is_a_configuration_again(loaded: Loader) -> None:
    """Shown, written down and read, it is the same."""
    settings = loaded(EVERYTHING)
    shown = settings.redacted()
    Draft202012Validator(json_schema()).validate(shown)
    assert loaded(yaml.safe_dump(shown)).redacted() == shown


@pytest.mark.parametrize(
    ("section", "key", "value"),
    [
        ("batching", "max_record", 5),
        ("batching", "max_wait", 5),
        ("kafka", "delivery", "exactly-once"),
        ("model", "intra_op_threads", 0),
        ("server", "port", 70000),
        ("output", "pass_through", [{"a": "b", "c": "d"}]),
    ],
)
def test_what_does_not_load_is_invalid_by_the_schema(section: str, key: str, value: object) -> None:
    """An editor says so while it is written."""
    document = given(EVERYTHING)
    document[section][key] = value
    assert not Draft202012Validator(json_schema()).is_valid(document)


def test_every_key_is_described_in_one_line() -> None:
    """In the words of its docstring."""
    for section in json_schema()["$defs"].values():
        for key, described in section.get("properties", {}).items():
            # A key that is a section is described by the section's class.
            text = described.get("description") or section["description"]
            assert text, key
            assert "\n" not in text


def test_the_page_is_what_the_settings_say() -> None:
    """If not: python -m stream_scorer.config.reference > docs/configuration.md."""
    assert PAGE.read_text(encoding="utf-8") == reference()


def test_the_page_names_every_key_and_every_refused_property() -> None:
    """A key that the page's own code forgot would not be missed otherwise."""
    page = reference()
    for path in _all_keys(Settings):
        section = section_at(path)
        is_section = section is not None and issubclass(section, BaseModel)
        assert (f"`{'.'.join(path)}`" if is_section else f"| `{path[-1]}` |") in page
    for name in reserved.reasons("common"):
        assert f"| `{name}` |" in page
