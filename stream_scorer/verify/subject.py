"""The workers' setup in a run: a small model, the configuration and the topics' settings.

The model is ``score = a / 2 + b + table[pick]``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from onnx import TensorProto, helper, numpy_helper, save

from stream_scorer.config.loading import load
from stream_scorer.pipeline.pipeline import open_pipeline
from stream_scorer.verify.events import (
    EVENT,
    OLDEST_OUTPUT_MS,
    OUTPUT_MESSAGE_BYTES,
    PLAIN,
    TABLE,
    Look,
    writers,
)

MODEL, SCHEMA, CONFIG = "model.onnx", "event.avsc", "scorer.yaml"
#: The folder of the writer schemas, if there are several.
SCHEMAS = "schemas"
#: The field with the score, and the model's output.
SCORE = "score"


def topic_settings() -> dict[str, dict[str, str]]:
    """Return the topic settings that make the brokers refuse the events that they must refuse."""
    return {
        "out": {
            "max.message.bytes": str(OUTPUT_MESSAGE_BYTES),
            "message.timestamp.before.max.ms": str(OLDEST_OUTPUT_MS),
        },
        "dead-letters": {"max.message.bytes": "1200000"},
    }


def lay_out(
    folder: Path,
    kafka: Mapping[str, Any],
    partition: str,
    *,
    batching: Mapping[str, Any] | None = None,
    look: Look = PLAIN,
) -> Path:
    """Write model, schemas and configuration into the folder; return the configuration's path."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / SCHEMA).write_text(json.dumps(EVENT))
    schemas = {"framing": "none", "reader": SCHEMA}
    if look.writers > 1:
        schemas = {"framing": "single_object", "reader": SCHEMA, "directory": SCHEMAS}
        (folder / SCHEMAS).mkdir()
        for number, (writer, _) in enumerate(writers(look.writers), start=1):
            (folder / SCHEMAS / f"writer-{number}.avsc").write_text(json.dumps(writer))
    save(_model(), folder / MODEL)
    config = {
        "kafka": dict(kafka),
        "schemas": schemas,
        "model": {"path": MODEL, "name": "proof", "version": "1", "intra_op_threads": 1},
        "batching": dict(batching or {}),
        "output": {"pass_through": ["number", "filler"], "partition": partition},
        "dead_letters": {"budget": None},
        "server": {"port": None},
    }
    path = folder / CONFIG
    path.write_text(yaml.safe_dump(config, sort_keys=False))
    return path


@dataclass(frozen=True, slots=True)
class Scored:
    """The format of scored events: their schema as JSON, and their prefix."""

    schema: Mapping[str, Any]
    prefix: bytes


def scored(config: Path) -> Scored:
    """Return the format of these workers' scored events."""
    pipeline = open_pipeline(load(config, (), {}, need_kafka=False))
    prefix = pipeline.schemas.prefix_for(pipeline.contract.scored)
    return Scored(pipeline.output_schema, prefix)


def _model() -> Any:
    def column(name: str, kind: int) -> Any:
        return helper.make_tensor_value_info(name, kind, ["N", 1])

    constants = [
        numpy_helper.from_array(np.float32(0.5), "half"),
        numpy_helper.from_array(np.array(TABLE, np.float32), "table"),
    ]
    nodes = [
        helper.make_node("Mul", ["a", "half"], ["half_a"]),
        helper.make_node("Add", ["half_a", "b"], ["sum"]),
        helper.make_node("Gather", ["table", "pick"], ["picked"]),
        helper.make_node("Add", ["sum", "picked"], [SCORE]),
    ]
    inputs = [
        column("a", TensorProto.FLOAT),
        column("b", TensorProto.FLOAT),
        column("pick", TensorProto.INT64),
    ]
    graph = helper.make_graph(nodes, "proof", inputs, [column(SCORE, TensorProto.FLOAT)], constants)
    opset = [helper.make_opsetid("", 17)]
    return helper.make_model(graph, opset_imports=opset, ir_version=8)
