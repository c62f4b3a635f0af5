"""The demo's stories: the events, the model that scores them, and their faults."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from stream_scorer.demo import card_fraud, faults, machine_telemetry
from stream_scorer.demo.faults import Fault
from stream_scorer.demo.simulation import Simulation

_HERE = Path(__file__).parent
_SCHEMAS = _HERE / "schemas"
_CONFIG_BOOTSTRAP = "bootstrap_servers: localhost:9092"


@dataclass(frozen=True, slots=True)
class Story:
    """One use case: its topics, schemas, model and config, and its simulated events.

    ``writers`` are the schemas of the events, by schema id, oldest first. ``reader`` is the schema
    of the scorer. ``key`` is the field that is also the key of the Kafka record.
    """

    name: str
    title: str
    topic: str
    key: str
    config: Path
    model: Path
    reader: Path
    writers: Mapping[int, Path]
    scored_schema_id: int
    simulate: Callable[[int, np.random.Generator], Simulation]
    faults: tuple[Fault, ...]

    @property
    def output_topic(self) -> str:
        """Return the topic of the scored events."""
        return f"{self.topic}.scored"

    @property
    def dead_letter_topic(self) -> str:
        """Return the topic of the events that can't be scored."""
        return f"{self.topic}.dead-letters"


CARD_FRAUD = Story(
    name="card-fraud",
    title="Card payments, scored by XGBoost while their schema changes from v1 to v2",
    topic="card-transactions",
    key="card_id",
    config=_HERE / "configs" / "card_fraud.yaml",
    model=_HERE / "models" / "card_fraud.onnx",
    reader=_SCHEMAS / "card_transaction.avsc",
    writers={
        1: _SCHEMAS / "card_transaction.v1.avsc",
        2: _SCHEMAS / "card_transaction.avsc",
    },
    scored_schema_id=3,
    simulate=card_fraud.simulate,
    faults=(
        faults.CUT_SHORT,
        faults.UNKNOWN_SCHEMA,
        faults.AMOUNT_MISSING,
        faults.AMOUNT_ABSURD,
        faults.BYTES_LEFT_OVER,
        faults.NOT_AVRO,
        faults.EMPTIED,
    ),
)

MACHINE_TELEMETRY = Story(
    name="machine-telemetry",
    title="Milling machines, two outputs of a small network: will it fail, and how",
    topic="machine-telemetry",
    key="machine_id",
    config=_HERE / "configs" / "machine_telemetry.yaml",
    model=_HERE / "models" / "machine_telemetry.onnx",
    reader=_SCHEMAS / "machine_telemetry.avsc",
    writers={1: _SCHEMAS / "machine_telemetry.avsc"},
    scored_schema_id=2,
    simulate=machine_telemetry.simulate,
    faults=(
        faults.TORQUE_NOT_A_NUMBER,
        faults.TORQUE_MISSING,
        faults.CUT_SHORT,
        faults.NOT_AVRO,
    ),
)

STORIES: Mapping[str, Story] = {story.name: story for story in (CARD_FRAUD, MACHINE_TELEMETRY)}


def lay_out(story: Story, folder: Path, bootstrap_servers: str) -> Path:
    """Write everything that a scorer of the story needs into a folder.

    The config names its files relative to the folder: run ``stream-scorer`` from there.
    ``schemas/ids.yaml`` lacks only the scored event's schema; see :func:`add_scored_schema`.

    Returns:
        The config, ``scorer.yaml``.
    """
    for kind, files in {"models": [story.model], "schemas": [*story.writers.values()]}.items():
        (folder / kind).mkdir(parents=True, exist_ok=True)
        for file in files:
            shutil.copy(file, folder / kind)
    ids = "".join(f"{number}: {path.name}\n" for number, path in story.writers.items())
    (folder / "schemas" / "ids.yaml").write_text(ids, encoding="utf-8")
    text = story.config.read_text(encoding="utf-8")
    text = text.replace(_CONFIG_BOOTSTRAP, f"bootstrap_servers: {bootstrap_servers}")
    config = folder / "scorer.yaml"
    config.write_text(text, encoding="utf-8")
    return config


def add_scored_schema(story: Story, folder: Path, schema: str) -> Path:
    """Register the scored event's schema (Avro JSON) under its id, in the folder's files.

    Returns:
        The file, ``schemas/scored.avsc`` in the folder.
    """
    path = folder / "schemas" / "scored.avsc"
    path.write_text(schema, encoding="utf-8")
    with (folder / "schemas" / "ids.yaml").open("a", encoding="utf-8") as ids:
        ids.write(f"{story.scored_schema_id}: {path.name}\n")
    return path
