"""Do wide events cost more than their bytes, and a slow model more than its inference?

The scorer alone, without Kafka.

    python -m benchmarks.wide [--batches 30]

Events of 30 features, for a network and for trees, of 300, and with an array of 784 floats, 1,024
at a time, always other ones. The kinds take turns, so that what changes on the machine changes for
all. Read the medians beside the first: ``whole`` is all of ``Scorer.score``, ``besides`` the same
without the call of the model, ``tensors`` is from bytes to the model's input.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks import events, workloads
from benchmarks.contenders import ours
from benchmarks.contenders.contender import Job
from benchmarks.machine import this_machine
from benchmarks.outcome import add_folder_option, save
from benchmarks.workloads import Workload
from stream_scorer.config.loading import load
from stream_scorer.pipeline.contract import warm_up
from stream_scorer.pipeline.pipeline import make_scorer, open_pipeline
from stream_scorer.records import Batch, Stage, TopicPartition
from stream_scorer.scoring.scorer import Scorer

ROWS = 1_024
WARM_UP = 5
WORKLOADS = ("mlp-30", "trees-30", "mlp-300", "image-784")
TARGET = 1.5

_PARTITIONS = 4


@dataclass(frozen=True, slots=True)
class Sample:
    """One batch: its bytes, and the seconds that it took."""

    size_bytes: int
    to_tensors_seconds: float
    inference_seconds: float
    whole_seconds: float


@dataclass(frozen=True, slots=True)
class Cost:
    """The medians of one kind of events, in µs."""

    workload: str
    event_bytes: float
    to_tensors_per_byte: float
    whole_per_byte: float
    whole_per_event: float
    besides_per_event: float


class Subject:
    """One kind of events, and the scorer for it, as ``stream-scorer run`` builds it."""

    def __init__(self, workload: Workload, folder: Path, batches: int) -> None:
        self._scorer = scorer_of(workload, folder)
        self._values = events.values(ROWS * batches, kind=workload.kind)
        self._offset = 0

    def next_sample(self) -> Sample:
        """Score the next events; nothing else is timed."""
        batch = self._next_batch()
        began = time.perf_counter()
        scored = self._scorer.score(batch)
        whole = time.perf_counter() - began
        if len(scored.scored) != ROWS:
            raise RuntimeError(f"{len(scored.scored)} of {ROWS} events were scored")
        decode = scored.seconds[Stage.DECODE] + scored.seconds.get(Stage.FEATURES, 0.0)
        size_bytes = sum(len(value or b"") for value in batch.values)
        return Sample(size_bytes, decode, scored.seconds[Stage.INFER], whole)

    def _next_batch(self) -> Batch:
        numbers = np.arange(self._offset, self._offset + ROWS)
        self._offset += ROWS
        return Batch(
            values=list(islice(self._values, ROWS)),
            keys=[b"c-%d" % number for number in numbers],
            headers=[None] * ROWS,
            timestamps=numbers,
            sources=tuple(TopicPartition("events", number) for number in range(_PARTITIONS)),
            source_index=numbers % _PARTITIONS,
            offsets=numbers // _PARTITIONS,
        )


def scorer_of(workload: Workload, folder: Path) -> Scorer:
    """Return the scorer of the product's own config for a workload; its files go to a folder."""
    folder.mkdir()
    workloads.prepare(workload, folder)
    job = Job("localhost:9092", "wide", "events", "wide.scored", folder)
    ours.contender().command(job)  # writes the config and the scored schema
    pipeline = open_pipeline(load(folder / f"{job.group}.yaml", (), {}, need_kafka=True))
    warm_up(pipeline.contract.model, ROWS)
    return make_scorer(pipeline)


def measure(folder: Path, batches: int) -> Iterator[Cost]:
    """Let the kinds of events take turns, and yield what each costs."""
    chosen = workloads.named(WORKLOADS)
    subjects = {one.name: Subject(one, folder / one.name, WARM_UP + batches) for one in chosen}
    samples: dict[str, list[Sample]] = {name: [] for name in subjects}
    for _ in range(WARM_UP + batches):
        for name, subject in subjects.items():
            samples[name].append(subject.next_sample())
    for name, found in samples.items():
        yield cost_of(name, found[WARM_UP:])


def cost_of(name: str, samples: list[Sample]) -> Cost:
    """Return the medians."""
    return Cost(
        workload=name,
        event_bytes=statistics.mean(one.size_bytes for one in samples) / ROWS,
        to_tensors_per_byte=_median_us(one.to_tensors_seconds / one.size_bytes for one in samples),
        whole_per_byte=_median_us(one.whole_seconds / one.size_bytes for one in samples),
        whole_per_event=_median_us(one.whole_seconds / ROWS for one in samples),
        besides_per_event=_median_us(
            (one.whole_seconds - one.inference_seconds) / ROWS for one in samples
        ),
    )


def _median_us(seconds: Iterator[float]) -> float:
    return statistics.median(seconds) * 1e6


def table_of(costs: list[Cost], batches: int) -> Table:
    """Return a line for each kind; what it costs beside the first stands behind."""
    table = Table(
        "", "bytes/event", "whole, µs", "besides, µs", "tensors, ns/byte", "whole, ns/byte",
        title=f"{ROWS:,} events at a time, median of {batches}; "
        f"target of wide events, ns/byte: {TARGET} x at most",
    )  # fmt: skip
    first = costs[0]
    for cost in costs:
        table.add_row(
            cost.workload,
            f"{cost.event_bytes:,.0f}",
            f"{cost.whole_per_event:.2f}",
            f"{cost.besides_per_event:.2f}",
            _beside(cost.to_tensors_per_byte, first.to_tensors_per_byte),
            _beside(cost.whole_per_byte, first.whole_per_byte),
        )
    return table


def _beside(cost: float, first: float) -> str:
    return f"{cost * 1000:.2f} ({cost / first:.2f} x)"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--batches", type=int, default=30, help="of each kind")
    add_folder_option(parser)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
        costs = list(measure(Path(folder), options.batches))
    console = Console()
    console.print(table_of(costs, options.batches))
    found = {"machine": asdict(this_machine()), "costs": [asdict(cost) for cost in costs]}
    console.print(f"written to {save(options.folder, 'wide', found)}")


if __name__ == "__main__":
    main()
