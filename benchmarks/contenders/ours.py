"""``stream-scorer`` itself, as its users run it: a config, the scored schema's id, ``run``.

Output is the default: provenance, timestamps, headers, the source's partition.
"""

from __future__ import annotations

import functools
import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import fastavro
import numpy as np
import yaml

from benchmarks import workloads
from benchmarks.contenders.contender import Contender, Job

PASS_THROUGH = ("event_id", "occurred_at")
_SCORER = (sys.executable, "-m", "stream_scorer")
_FRAMING_BYTES = 5


def contender() -> Contender:
    """Return the product."""
    return Contender("stream-scorer", command, score_of)


def command(job: Job) -> tuple[str, ...]:
    """Write the config and the scored schema; return how to run it, open to more options."""
    config = _write_config(job)
    _write_schema(job, config)
    return (*_SCORER, "run", "-c", str(config))


def score_of(job: Job, value: bytes) -> float:
    """Return the score in one scored event."""
    stream = io.BytesIO(value)
    stream.seek(_FRAMING_BYTES)
    row: Any = fastavro.schemaless_reader(stream, _parsed(_schema_path(job)), None)
    return float(row["score"])


def scored_values(job: Job, count: int) -> list[bytes]:
    """Return values as long as this job's scored events, and no easier to compress.

    The scored event's schema must be in the job's folder; :func:`command` puts it there.
    """
    scores = np.random.default_rng(1).random(count).tolist()
    parsed = _parsed(_schema_path(job))
    return [_scored_value(job, parsed, number, score) for number, score in enumerate(scores)]


def _scored_value(job: Job, parsed: Any, number: int, score: float) -> bytes:
    row = {
        "event_id": f"evt-{100_000 + number:08d}",
        "occurred_at": 1_793_491_200_000 + number,
        "score": score,
        "model": {"name": "benchmark", "version": "1", "sha256": "0123456789abcdef" * 4},
        "source": {"topic": job.input_topic, "partition": 1, "offset": 25_000 + number},
        "scored_at": 1_793_491_200_000_000,
    }
    stream = io.BytesIO()
    stream.write(bytes(_FRAMING_BYTES))
    fastavro.schemaless_writer(stream, parsed, row)
    return stream.getvalue()


def _write_config(job: Job) -> Path:
    features = workloads.features_of(workloads.event_schema(job.folder))
    config = {
        "kafka": {
            "bootstrap_servers": job.bootstrap_servers,
            "group_id": job.group,
            "input_topics": [job.input_topic],
            "output_topic": job.output_topic,
            "dead_letter_topic": dead_letter_topic(job),
        },
        "schemas": {
            "directory": str(job.folder / "schemas"),
            "reader": str(job.folder / "schemas" / "event.avsc"),
        },
        "model": {
            "path": str(job.folder / "model.onnx"),
            "name": "benchmark",
            "version": "1",
            "inputs": {"features": list(features)},
            "missing": {"default": 0},
            "intra_op_threads": 1,
        },
        "batching": {"commit_interval": f"{job.commit_seconds * 1000:.0f}ms"},
        "output": {"pass_through": list(PASS_THROUGH)},
        "server": {"port": 0},
    }
    path = job.folder / f"{job.group}.yaml"
    path.write_text(yaml.safe_dump(config, sort_keys=False))
    return path


def dead_letter_topic(job: Job) -> str:
    """Return where events go that can't be scored; the benchmarks have none, but the topic is."""
    return f"{job.output_topic}.dead-letters"


def _write_schema(job: Job, config: Path) -> None:
    """Ask the product for the schema of its scored event, once a folder: no job changes it."""
    path = _schema_path(job)
    if path.exists():
        return
    arguments = [*_SCORER, "schema", "output", "-c", str(config)]
    schema = subprocess.run(arguments, check=True, stdout=subprocess.PIPE)  # noqa: S603 - ours
    path.write_bytes(schema.stdout)


def _schema_path(job: Job) -> Path:
    return job.folder / "schemas" / "scored.avsc"


@functools.cache
def _parsed(path: Path) -> Any:
    return fastavro.parse_schema(json.loads(path.read_text()))
