"""The golden models through a real Kafka: every output of every event as its library has it."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path
from typing import Any

import fastavro
import numpy as np
import pytest
import yaml

from tests import topics
from tests.end_to_end.workers import Scoring

pytestmark = pytest.mark.kafka

GOLDEN = Path(__file__).parents[1] / "golden"
BUNDLES = sorted(folder.name for folder in GOLDEN.iterdir() if folder.is_dir())


def events_of(bundle: Path) -> list[topics.Event]:
    """Return the bundle's events as bare Avro."""
    with (bundle / "events.avro").open("rb") as file:
        reader = fastavro.reader(file)
        records, schema = list(reader), fastavro.parse_schema(reader.writer_schema)
    values = []
    for record in records:
        out = io.BytesIO()
        fastavro.schemaless_writer(out, schema, record)
        values.append(topics.Event(out.getvalue()))
    return values


def field_name(output: str) -> str:
    """Return the scored event's field for an output, as the contract has it."""
    return re.sub(r"[^A-Za-z0-9_]", "_", f"output_{output}" if output[0].isdigit() else output)


@pytest.mark.parametrize("name", BUNDLES)
def test_every_score_is_what_the_training_library_says(scoring: Scoring, name: str) -> None:
    """Within the bundle's tolerance; labels exactly."""
    bundle = GOLDEN / name
    facts: Any = json.loads((bundle / "bundle.json").read_text())
    scoring.create_topics()
    settings = {
        "schemas": {"framing": "none", "reader": str(bundle / "event.avsc")},
        "model": {"path": str(bundle / "model.onnx"), "inputs": facts["inputs"]},
        "server": {"port": None},
    }
    scoring.config = scoring.folder / "scorer.yaml"
    scoring.config.write_text(yaml.safe_dump(scoring.with_kafka(settings)))
    scoring.write(events_of(bundle))
    worker = scoring.start()
    scoring.wait_until_done()
    assert worker.stop() == 0
    assert scoring.dead_letters() == []
    scored = scoring.read()
    expected = np.load(bundle / "expected.npz")
    assert expected.files
    for output in expected.files:
        wanted = expected[output]
        given = np.array([record[field_name(output)] for record in scored]).reshape(wanted.shape)
        if wanted.dtype.kind in "US":
            assert (given == wanted).all()
        else:
            np.testing.assert_allclose(given, wanted, rtol=0, atol=facts["atol"])
