"""A scorer in a folder: a model, a schema and a configuration that fit until they are bent."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from tests.model.making import passing

EVENT: Mapping[str, Any] = {
    "type": "record",
    "name": "Event",
    "fields": [
        {"name": "event_id", "type": "string"},
        {"name": "a", "type": "double"},
        {"name": "b", "type": "double"},
    ],
}
"""What the scorer reads; ``a`` and ``b`` are the model's features."""


def event(*more: Mapping[str, Any]) -> dict[str, Any]:
    """The event's schema with further fields."""
    return {**EVENT, "fields": [*EVENT["fields"], *more]}


def scorer(folder: Path, settings: Mapping[str, Any] | None = None) -> Path:
    """Writes ``model.onnx`` (``x`` of two floats is its output ``y``), ``event.avsc`` and a config.

    Args:
        folder: Where to; a model or schema that is there already stays.
        settings: Merged into those that fit.

    Returns:
        The config, ``scorer.yaml``.
    """
    if not (folder / "model.onnx").exists():
        passing(folder / "model.onnx", "float32", None, 2)
    if not (folder / "event.avsc").exists():
        (folder / "event.avsc").write_text(json.dumps(EVENT))
    fitting: dict[str, Any] = {
        "schemas": {"framing": "none", "reader": "event.avsc"},
        "model": {"path": "model.onnx", "inputs": {"x": ["a", "b"]}, "outputs": {"score": "y"}},
        "output": {"pass_through": ["event_id"]},
        "server": {"port": None},
    }
    config = folder / "scorer.yaml"
    config.write_text(yaml.safe_dump(_merged(fitting, settings or {})))
    return config


def kafka_section(bootstrap_servers: str, source: str, target: str) -> dict[str, Any]:
    """A config's section ``kafka``; the dead letters' topic is named after the output's."""
    return {
        "bootstrap_servers": bootstrap_servers,
        "group_id": f"{target}-group",
        "input_topics": [source],
        "output_topic": target,
        "dead_letter_topic": f"{target}.dead-letters",
    }


def _merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(below)
    for key, value in above.items():
        if isinstance(value, Mapping) and isinstance(merged.get(key), Mapping):
            merged[key] = _merged(merged[key], value)
        else:
            merged[key] = value
    return merged
