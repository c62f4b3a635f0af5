"""What is scored: events, a model for them, headers, and how many of them make a backlog."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import onnx

from benchmarks import events, models

_DETAILS = "workload.json"


@dataclass(frozen=True, slots=True)
class Workload:
    """Events and a model that scores them.

    ``share`` is how many events a backlog has, as a part of the number asked for: wide events are
    fewer, so that a run takes about as long. ``has_headers`` says that each event has two.
    """

    name: str
    kind: events.Kind
    model: Callable[[], onnx.ModelProto]
    share: float
    has_headers: bool = False

    @property
    def features(self) -> int:
        """Return how many numbers of an event the model reads."""
        (tensor,) = self.model().graph.input
        return int(tensor.type.tensor_type.shape.dim[1].dim_value)


def workloads() -> tuple[Workload, ...]:
    """Return all workloads, the plainest first."""
    wide = events.flat(300)
    return (
        Workload("mlp-30", events.STANDARD, models.small_mlp, 1.0),
        Workload("mlp-30-headers", events.STANDARD, models.small_mlp, 1.0, has_headers=True),
        Workload("trees-30", events.STANDARD, models.trees, 0.6),
        Workload("mlp-300", wide, lambda: models.small_mlp(300), 0.2),
        Workload("image-784", events.Pixels(784), models.image_network, 0.2),
    )


def named(names: Sequence[str]) -> tuple[Workload, ...]:
    """Return the workloads of these names, all if there are none.

    Raises:
        ValueError: there is no such workload.
    """
    known = {workload.name: workload for workload in workloads()}
    if unknown := set(names) - known.keys():
        raise ValueError(f"There is no workload {min(unknown)}; there are {', '.join(known)}.")
    return tuple(known[name] for name in names or known)


def prepare(workload: Workload, folder: Path) -> None:
    """Write what a :class:`~benchmarks.contenders.contender.Job` finds in its folder.

    Besides the model and the event's schema these are ``ids.yaml``, where id 2 is the scored
    event's, and whether events have headers.
    """
    schemas = folder / "schemas"
    schemas.mkdir(parents=True, exist_ok=True)
    onnx.save(workload.model(), folder / "model.onnx")
    (schemas / "event.avsc").write_text(json.dumps(workload.kind.schema))
    (schemas / "ids.yaml").write_text(f"{events.SCHEMA_ID}: event.avsc\n2: scored.avsc\n")
    details = {"name": workload.name, "has_headers": workload.has_headers}
    (folder / _DETAILS).write_text(json.dumps(details))


def has_headers(folder: Path) -> bool:
    """Return whether the events of a prepared folder have headers."""
    details = json.loads((folder / _DETAILS).read_text())
    return bool(details["has_headers"])


def event_schema(folder: Path) -> Any:
    """Return the schema of the events of a prepared folder, as JSON has it."""
    return json.loads((folder / "schemas" / "event.avsc").read_text())


def features_of(schema: Any) -> tuple[str, ...]:
    """Return which fields of an event the model reads, in its order."""
    names = [field["name"] for field in schema["fields"]]
    return tuple(name for name in names if name == "image" or name.startswith("feature_"))
