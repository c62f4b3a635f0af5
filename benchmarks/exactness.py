"""Whether a contender's output is exactly what its input demands. If not, its speed means nothing.

Of every event that was committed there must be one output, in the input's order, with its timestamp
and headers. Of those that have a sample, the score must be ONNX Runtime's own.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import fastavro
import numpy as np
from numpy.typing import NDArray

from benchmarks import workloads
from benchmarks.backlog import Backlog, timestamps_of
from benchmarks.reading import Output
from stream_scorer.model.runtime import onnxruntime

TOLERANCE = 1e-5
_FRAMING_BYTES = 5


class NotExact(Exception):
    """The output differs from what the input demands; the text says in what."""


def check_events(
    output: Output, backlog: Backlog, committed: Sequence[int], *, keeps_partition: bool = True
) -> None:
    """Hold the output against the events below the offsets committed, all of them.

    Raises:
        NotExact: one is missing, doubled, strange, elsewhere, out of order, or not as it was.
    """
    numbers, partitions = output.numbers, backlog.partitions
    _refuse_first(numbers[(numbers < 0) | (numbers >= backlog.events)], "is not of the input")
    events = np.arange(backlog.events)
    is_due = events // partitions < np.asarray(committed)[events % partitions]
    found = np.bincount(numbers, minlength=backlog.events)
    _refuse_first(events[is_due & (found == 0)], "is committed, but its output is missing")
    _refuse_first(events[found > 1], "has more than one output")
    _refuse_first(events[~is_due & (found > 0)], "has an output, but is not committed")
    if keeps_partition:
        _refuse_first(numbers[output.partitions != numbers % partitions], "is in another partition")
    _refuse_first(_out_of_order(output, partitions), "is out of order")
    _refuse_first(numbers[output.timestamps != timestamps_of(numbers)], "has lost its timestamp")
    _refuse_first(np.array(output.other_headers, np.int64), "has lost its headers")


def check_scores(
    output: Output,
    expected: Mapping[int, float],
    committed: Sequence[int],
    score_of: Callable[[bytes], float],
) -> None:
    """Hold the scores of the samples that were committed against those expected.

    Raises:
        NotExact: a score is another one, or can't be read.
    """
    checked = [n for n in expected if n // len(committed) < committed[n % len(committed)]]
    if not checked:
        raise NotExact("No event was committed whose score is known.")
    scores = np.array([_read(score_of, number, output.values) for number in checked])
    wanted = np.array([expected[number] for number in checked])
    wrong = ~np.isclose(scores, wanted, rtol=TOLERANCE, atol=TOLERANCE)
    if wrong.any():
        first = int(np.flatnonzero(wrong)[0])
        raise NotExact(
            f"Event {checked[first]} has the score {scores[first]:.7g} instead of "
            f"{wanted[first]:.7g}, and {wrong.sum() - 1:,} others of {len(checked):,} differ too."
        )


def expected_scores(folder: Path, samples: Mapping[int, bytes]) -> dict[int, float]:
    """Return what ONNX Runtime says of the samples, read by fastavro; a null counts as 0."""
    schema = workloads.event_schema(folder)
    features = workloads.features_of(schema)
    parsed = fastavro.parse_schema(schema)
    rows = []
    for value in samples.values():
        stream = io.BytesIO(value)
        stream.seek(_FRAMING_BYTES)
        row = fastavro.schemaless_reader(stream, parsed, None)
        rows.append(np.hstack([0.0 if row[name] is None else row[name] for name in features]))
    session = onnxruntime().InferenceSession(folder / "model.onnx")
    (scores,) = session.run(["score"], {"features": np.array(rows, np.float32)})
    return dict(zip(samples, scores[:, 0].tolist(), strict=True))


def _read(score_of: Callable[[bytes], float], number: int, values: Mapping[int, bytes]) -> float:
    try:
        return score_of(values[number])
    except (KeyError, ValueError, EOFError, IndexError) as error:
        raise NotExact(f"The output of event {number} can't be read: {error!r}.") from error


def _out_of_order(output: Output, partitions: int) -> NDArray[np.int64]:
    """Return events that come behind a later one of their partition."""
    behind = []
    for place in range(partitions):
        here = output.numbers[output.partitions == place]
        for source in range(partitions):
            run = here[here % partitions == source]
            behind.append(run[1:][np.diff(run) < 0])
    return np.concatenate(behind)


def _refuse_first(wrong: NDArray[np.int64], what: str) -> None:
    if len(wrong):
        others = f", and {len(wrong) - 1:,} others" if len(wrong) > 1 else ""
        raise NotExact(f"Event {wrong[0]} {what}{others}.")
