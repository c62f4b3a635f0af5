"""Scores Avro events from Kafka with ONNX models, in micro-batches, exactly once.

::

    import stream_scorer

    with stream_scorer.load("scorer.yaml") as pipeline:
        scores = pipeline.score(events)

The names in ``__all__`` are the public surface (docs/python.md); it is provisional until 1.0.
Whatever else can be imported belongs to the package and changes without notice.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from stream_scorer.app.embedded import Worker
    from stream_scorer.errors import (
        ConfigError,
        ContractError,
        StreamScorerError,
        Unanswered,
        Unreachable,
    )
    from stream_scorer.pipeline.pipeline import ModelInfo, Pipeline, load
    from stream_scorer.pipeline.scores import Scores
    from stream_scorer.records import Problem, Reason, Stage

__version__ = "0.1.0"

__all__ = [
    "ConfigError",
    "ContractError",
    "ModelInfo",
    "Pipeline",
    "Problem",
    "Reason",
    "Scores",
    "Stage",
    "StreamScorerError",
    "Unanswered",
    "Unreachable",
    "Worker",
    "__version__",
    "load",
]

_ROOMS = {
    "stream_scorer.app.embedded": ("Worker",),
    "stream_scorer.errors": (
        "ConfigError",
        "ContractError",
        "StreamScorerError",
        "Unanswered",
        "Unreachable",
    ),
    "stream_scorer.pipeline.pipeline": ("ModelInfo", "Pipeline", "load"),
    "stream_scorer.pipeline.scores": ("Scores",),
    "stream_scorer.records": ("Problem", "Reason", "Stage"),
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is asked for (PEP 562): the command line starts without them."""
    for room, names in _ROOMS.items():
        if name in names:
            return getattr(import_module(room), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
