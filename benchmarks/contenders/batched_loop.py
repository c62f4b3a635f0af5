"""The reference: a well-written batched scorer, as one would write it with good libraries.

fastavro to dictionaries, dictionaries to one matrix, one ONNX Runtime call for every 1,000 events,
one Kafka transaction whenever the time is up. It does what matters for speed by the book: batch
``consume``, the writer's schema alone, no logical types to convert, lz4. What it leaves out would
cost time too: bad events, rebalances, aborts, provenance.
"""

from __future__ import annotations

import operator
import os
import sys
import threading
from collections.abc import Callable, Sequence

os.environ["ORT_DISABLE_TELEMETRY"] = "1"

import numpy as np
import onnxruntime
from confluent_kafka import Message, Producer

from benchmarks import workloads
from benchmarks.contenders.by_fastavro import event_reader, scored_reader, scored_writer
from benchmarks.contenders.committing import (
    Transactions,
    consumer_of,
    until_sigterm,
    without_errors,
)
from benchmarks.contenders.contender import Contender, Job, job_parser

BATCH_EVENTS = 1_000
_IDLE_SECONDS = 0.1


def contender() -> Contender:
    """Return the reference."""
    return Contender("batched loop", _command, score_of)


def _command(job: Job) -> tuple[str, ...]:
    return (sys.executable, "-m", "benchmarks.contenders.batched_loop", *job.options())


def score_of(_: Job, value: bytes) -> float:
    """Return the score in one scored event."""
    return float(scored_reader()(value)["score"])


class BatchedLoop:
    """Scores one topic to another, exactly once as long as nothing goes wrong."""

    def __init__(self, job: Job) -> None:
        strategy = "cooperative-sticky"
        self._consumer = consumer_of(job, partition_assignment_strategy=strategy)
        self._producer = Producer(
            {
                "bootstrap.servers": job.bootstrap_servers,
                "transactional.id": job.group,
                "compression.type": "lz4",
                "linger.ms": 5,
                "queue.buffering.max.messages": 1_000_000,
            }
        )
        self._output_topic = job.output_topic
        self._score = _scorer(job)
        self._transactions = Transactions(self._consumer, self._producer, job.commit_seconds)
        self._consumer.subscribe([job.input_topic])

    def run(self, stop: threading.Event) -> None:
        """Score until told to stop."""
        while not stop.is_set():
            wait_seconds = min(self._transactions.seconds_left(_IDLE_SECONDS), _IDLE_SECONDS)
            messages = without_errors(self._consumer.consume(BATCH_EVENTS, wait_seconds))
            if messages:
                self._transactions.begin()
                self._produce(messages, self._score([message.value() for message in messages]))
            if self._transactions.is_due():
                self._transactions.commit()
        self._transactions.commit()
        self._consumer.close()

    def _produce(self, messages: Sequence[Message], values: Sequence[bytes]) -> None:
        for message, value in zip(messages, values, strict=True):
            self._producer.produce(
                self._output_topic,
                value,
                message.key(),
                message.partition(),
                timestamp=message.timestamp()[1],
                headers=message.headers(),
            )


def _scorer(job: Job) -> Callable[[Sequence[bytes]], list[bytes]]:
    """Return a function from input values to scored values."""
    schema = workloads.event_schema(job.folder)
    read, write = event_reader(job.folder), scored_writer()
    features = operator.itemgetter(*workloads.features_of(schema))
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(job.folder / "model.onnx", options)

    def scored(values: Sequence[bytes]) -> list[bytes]:
        rows = [read(value) for value in values]
        matrix = np.array([features(row) for row in rows], dtype=np.float32)
        np.nan_to_num(matrix, copy=False, nan=0.0)
        (scores,) = session.run(["score"], {"features": matrix})
        pairs = zip(rows, scores[:, 0].tolist(), strict=True)
        return [write(row | {"score": score}) for row, score in pairs]

    return scored


def main() -> None:
    """Read the job and do it until SIGTERM."""
    BatchedLoop(Job.of(job_parser(__doc__).parse_args())).run(until_sigterm())


if __name__ == "__main__":
    main()
