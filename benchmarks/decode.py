"""Avro bytes to the model's matrix: the columnar plan beside fastavro and dictionaries.

    python -m benchmarks.decode

1,024 events of 30 features at a time, always other ones. Both ways are timed in turn, and must give
the same matrix. Read the ratio of the medians.
"""

from __future__ import annotations

import io
import operator
import statistics
import time
from collections.abc import Callable

import fastavro
import numpy as np
from numpy.typing import NDArray

from benchmarks import events
from stream_scorer.avro.plan import compile_plan
from stream_scorer.avro.schema import leaf_paths, parse
from stream_scorer.columns import Payloads
from stream_scorer.model.features import map_features
from stream_scorer.model.fields import Missing
from stream_scorer.model.tensors import TensorSpec

ROWS = 1_024
BATCHES = 40
WARM_UP = 5

ToMatrix = Callable[[list[bytes]], NDArray[np.float32]]


def columnar() -> ToMatrix:
    """Return our way: one compiled plan, a column at a time, null as NaN."""
    schema = parse(events.SCHEMA)
    features = map_features(
        [TensorSpec("features", np.dtype(np.float32), (None, len(events.FEATURES)))],
        leaf_paths(schema),
        {"features": events.FEATURES},
        Missing(),
    )
    plan = compile_plan(schema, schema, features.wanted)

    def to_matrix(values: list[bytes]) -> NDArray[np.float32]:
        decoded = plan.decode(Payloads.of(values))
        return features.tensors(decoded.columns, len(values)).arrays["features"]

    return to_matrix


def row_wise() -> ToMatrix:
    """Return the usual way: fastavro to one dictionary an event, then a matrix of them all."""
    schema = fastavro.parse_schema(events.SCHEMA)
    features = operator.itemgetter(*events.FEATURES)

    def to_matrix(values: list[bytes]) -> NDArray[np.float32]:
        rows = [fastavro.schemaless_reader(io.BytesIO(value), schema, None) for value in values]
        return np.array([features(row) for row in rows], dtype=np.float32)

    return to_matrix


def medians_us() -> dict[str, float]:
    """Time both ways in turn; return each one's median, microseconds an event.

    Raises:
        AssertionError: they differ in a matrix.
    """
    ways = {"fastavro and dictionaries": row_wise(), "columnar plan": columnar()}
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    values = list(events.values(ROWS * (WARM_UP + BATCHES), prefix=b""))
    for start in range(0, len(values), ROWS):
        matrices = []
        for name, to_matrix in ways.items():
            began = time.perf_counter()
            matrices.append(to_matrix(values[start : start + ROWS]))
            seconds[name].append(time.perf_counter() - began)
        np.testing.assert_array_equal(matrices[0], matrices[1])
    return {
        name: statistics.median(times[WARM_UP:]) / ROWS * 1e6 for name, times in seconds.items()
    }


def main() -> None:
    """Time both ways and print the medians."""
    medians = medians_us()
    print(f"{ROWS:,} events of {len(events.FEATURES)} features, median of {BATCHES}:")
    for name, median in medians.items():
        print(f"  {name:26} {median:6.2f} µs an event")
    slow, fast = medians.values()
    print(f"  {slow / fast:.1f} times as fast")


if __name__ == "__main__":
    main()
