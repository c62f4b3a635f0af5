"""One event, one dictionary, one call of ONNX Runtime: what a framework of single records asks for.

Nothing but fastavro, numpy and ONNX Runtime is imported, so a peer's own virtual environment can.
"""

from __future__ import annotations

import operator
import os
from collections.abc import Callable, Sequence
from pathlib import Path

os.environ["ORT_DISABLE_TELEMETRY"] = "1"

import numpy as np
import onnxruntime

from benchmarks.contenders.by_fastavro import event_reader, scored_writer


def one_row_scorer(folder: Path, features: Sequence[str]) -> Callable[[bytes], bytes]:
    """Return a function from an event's value to its scored event's, for a job's folder."""
    read, write = event_reader(folder), scored_writer()
    take = operator.itemgetter(*features)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(folder / "model.onnx", options)

    def scored(value: bytes) -> bytes:
        row = read(value)
        # Of a single feature, an array, `take` returns the array.
        numbers = [0.0 if number is None else number for number in take(row)]
        (scores,) = session.run(["score"], {"features": np.array([numbers], np.float32)})
        return write(row | {"score": float(scores[0, 0])})

    return scored
