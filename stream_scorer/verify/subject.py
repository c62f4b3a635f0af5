"""What the workers of a proof score: a small model, and events of which each one's fate is known.

The model is ``score = a / 2 + b + table[pick]``. All its numbers are multiples of 1/4 below 2**12,
so a float32 holds every score exactly, and a recomputation must be equal, not close.
"""

from __future__ import annotations

import io
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import fastavro
import numpy as np
import yaml
from onnx import TensorProto, helper, numpy_helper, save

from stream_scorer.app.contract import make_contract, open_model
from stream_scorer.avro.schema import parse
from stream_scorer.config.loading import load
from stream_scorer.records import Headers, Reason

MODEL, SCHEMA, CONFIG = "model.onnx", "event.avsc", "scorer.yaml"
#: The field with the score, and the model's output.
SCORE = "score"
#: The header that tells which event a record is, also where its value is malformed.
NUMBER_HEADER = "verify.number"
KEYS = 64
_TABLE = (0.0, 0.25, 0.5, 0.75)
_PICK_OUTSIDE = 9
#: Larger than the output topic takes, smaller than the dead-letter topic does.
OUTPUT_MESSAGE_BYTES = 64 * 1024
_TOO_LARGE_BYTES = 96 * 1024
#: The output topic refuses events that are older than this; nobody else does.
OLDEST_OUTPUT_MS = 30 * 24 * 3600 * 1000

_EVENT = {
    "type": "record",
    "name": "Event",
    "fields": [
        {"name": "number", "type": "long"},
        {"name": "a", "type": "double"},
        {"name": "b", "type": "double"},
        {"name": "pick", "type": "long"},
        {"name": "filler", "type": "string"},
    ],
}
#: One event in so many has this fate. They are primes, so that no two keep step.
_FATES: Mapping[Reason, int] = {
    Reason.REJECTED_BY_BROKER: 2003,
    Reason.TOO_LARGE: 1009,
    Reason.NON_FINITE_SCORE: 401,
    Reason.INFERENCE_FAILED: 307,
    Reason.UNDECODABLE: 211,
}


@dataclass(frozen=True, slots=True)
class Event:
    """A record to write, before anybody has said where."""

    key: bytes
    value: bytes
    timestamp_ms: int
    headers: Headers


def fate_of(number: int) -> Reason | None:
    """Return why this event must be dead-lettered, ``None`` if it must be scored."""
    for reason, every in _FATES.items():
        if number % every == every - 1:
            return reason
    return None


def score_of(number: int) -> float:
    """Return the score that the model must give the event."""
    a, b, pick = _features(number)
    return a / 2 + b + _TABLE[pick]


def event(number: int, now_ms: int) -> Event:
    """Return the event of this number."""
    fate = fate_of(number)
    a, b, pick = _features(number)
    row = {
        "number": number,
        "a": a,
        "b": math.nan if fate is Reason.NON_FINITE_SCORE else b,
        "pick": _PICK_OUTSIDE if fate is Reason.INFERENCE_FAILED else pick,
        "filler": "x" * (_TOO_LARGE_BYTES if fate is Reason.TOO_LARGE else number % 40),
    }
    stream = io.BytesIO()
    fastavro.schemaless_writer(stream, _EVENT, row)
    value = stream.getvalue()
    return Event(
        key=b"key-%d" % (number % KEYS),
        value=value[:-3] + b"\xff" * 9 if fate is Reason.UNDECODABLE else value,
        timestamp_ms=1 if fate is Reason.REJECTED_BY_BROKER else now_ms,
        headers=[(NUMBER_HEADER, b"%d" % number)],
    )


def expectation(headers: Headers) -> tuple[Reason | None, float | None]:
    """Return what must become of the event with these headers: a reason, or a score."""
    number = int(dict(headers)[NUMBER_HEADER] or b"")
    fate = fate_of(number)
    return (fate, None) if fate else (None, score_of(number))


def topic_settings() -> dict[str, dict[str, str]]:
    """Return the settings of the topics that make the events' fates come true."""
    return {
        "out": {
            "max.message.bytes": str(OUTPUT_MESSAGE_BYTES),
            "message.timestamp.before.max.ms": str(OLDEST_OUTPUT_MS),
        },
        "dead-letters": {"max.message.bytes": "1200000"},
    }


def lay_out(folder: Path, kafka: Mapping[str, Any], partition: str) -> Path:
    """Write model, schema and config into the folder; return the config's path."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / SCHEMA).write_text(json.dumps(_EVENT))
    save(_model(), folder / MODEL)
    config = {
        "kafka": dict(kafka),
        "schemas": {"framing": "none", "reader": SCHEMA},
        "model": {"path": MODEL, "name": "proof", "version": "1", "intra_op_threads": 1},
        "batching": {"max_records": 64, "transaction_max_records": 512},
        "output": {"pass_through": ["number", "filler"], "partition": partition},
        "dead_letters": {"budget": None},
        "server": {"port": None},
    }
    path = folder / CONFIG
    path.write_text(yaml.safe_dump(config, sort_keys=False))
    return path


def scored_schema(config: Path) -> dict[str, Any]:
    """Return the schema of the scored events, as JSON has it."""
    settings = load(config, (), {}, need_kafka=False)
    contract = make_contract(settings, open_model(settings.model), parse(json.dumps(_EVENT)))
    return dict(json.loads(contract.scored.text))


def _features(number: int) -> tuple[float, float, int]:
    return float(number % 1000), float(number // 7 % 1000), number % len(_TABLE)


def _model() -> Any:
    def column(name: str, kind: int) -> Any:
        return helper.make_tensor_value_info(name, kind, ["N", 1])

    constants = [
        numpy_helper.from_array(np.float32(0.5), "half"),
        numpy_helper.from_array(np.array(_TABLE, np.float32), "table"),
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
