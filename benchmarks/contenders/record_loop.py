"""The loop that most people write first: a record at a time.

Poll one, fastavro to a dictionary, one call of ONNX Runtime for its one row, produce. Transactions
go by the clock, as in the batched loop, so that it loses by its records and not by its commits.
"""

from __future__ import annotations

import sys
import threading

from confluent_kafka import Producer

from benchmarks import workloads
from benchmarks.contenders.batched_loop import score_of
from benchmarks.contenders.committing import (
    Transactions,
    consumer_of,
    until_sigterm,
    without_errors,
)
from benchmarks.contenders.contender import Contender, Job, job_parser
from benchmarks.contenders.one_row import one_row_scorer

_IDLE_SECONDS = 0.1


def contender() -> Contender:
    """Return the loop."""
    return Contender("record loop", _command, score_of)


def _command(job: Job) -> tuple[str, ...]:
    return (sys.executable, "-m", "benchmarks.contenders.record_loop", *job.options())


def score_records(job: Job, stop: threading.Event) -> None:
    """Score until told to stop."""
    consumer, producer = consumer_of(job), _producer(job)
    features = workloads.features_of(workloads.event_schema(job.folder))
    scored = one_row_scorer(job.folder, features)
    transactions = Transactions(consumer, producer, job.commit_seconds)
    consumer.subscribe([job.input_topic])
    while not stop.is_set():
        message = consumer.poll(transactions.seconds_left(_IDLE_SECONDS))
        if message is not None:
            without_errors([message])
            transactions.begin()
            producer.produce(
                job.output_topic,
                scored(message.value()),
                message.key(),
                message.partition(),
                timestamp=message.timestamp()[1],
                headers=message.headers(),
            )
        if transactions.is_due():
            transactions.commit()
    transactions.commit()
    consumer.close()


def _producer(job: Job) -> Producer:
    return Producer(
        {
            "bootstrap.servers": job.bootstrap_servers,
            "transactional.id": job.group,
            "compression.type": "lz4",
            "queue.buffering.max.messages": 1_000_000,
        }
    )


def main() -> None:
    """Read the job and do it until SIGTERM."""
    score_records(Job.of(job_parser(__doc__).parse_args()), until_sigterm())


if __name__ == "__main__":
    main()
