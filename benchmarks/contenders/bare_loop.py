"""The yardstick of latency: whatever is there is copied and committed at once.

A poll that brought events is a transaction. Nothing is decoded or scored: the output's value is the
input's. No other loop that we know of is quicker to commit: with librdkafka's own ``linger.ms`` and
``retry.backoff.ms`` it takes two to four times as long.
"""

from __future__ import annotations

import sys
import threading

from confluent_kafka import Producer

from benchmarks.contenders.committing import (
    Transactions,
    consumer_of,
    until_sigterm,
    without_errors,
)
from benchmarks.contenders.contender import Contender, Job, job_parser

_MOST_EVENTS = 10_000
_IDLE_SECONDS = 0.2


def contender() -> Contender:
    """Return the yardstick; it scores nothing."""
    return Contender("bare loop", _command)


def _command(job: Job) -> tuple[str, ...]:
    return (sys.executable, "-m", "benchmarks.contenders.bare_loop", *job.options())


def copy(job: Job, stop: threading.Event) -> None:
    """Copy until told to stop."""
    consumer = consumer_of(job, partition_assignment_strategy="cooperative-sticky")
    producer = _producer(job)
    transactions = Transactions(consumer, producer, job.commit_seconds)
    consumer.subscribe([job.input_topic])
    topic, produce = job.output_topic, producer.produce
    while not stop.is_set():
        first = consumer.poll(_IDLE_SECONDS)
        if first is None:
            continue
        messages = without_errors([first, *consumer.consume(_MOST_EVENTS - 1, 0)])
        transactions.begin()
        for m in messages:
            produce(topic, m.value(), m.key(), m.partition(), None, None, m.timestamp()[1])
        transactions.commit()
    consumer.close()


def _producer(job: Job) -> Producer:
    return Producer(
        {
            "bootstrap.servers": job.bootstrap_servers,
            "transactional.id": job.group,
            "compression.type": "lz4",
            "delivery.report.only.error": True,
            # What a commit waits for is produced already.
            "linger.ms": 0,
            # CONCURRENT_TRANSACTIONS is answered to most of the requests that come right after a
            # commit; by default they are repeated after 100 ms.
            "retry.backoff.ms": 1,
            "retry.backoff.max.ms": 5,
        }
    )


def main() -> None:
    """Read the job and do it until SIGTERM."""
    copy(Job.of(job_parser(__doc__).parse_args()), until_sigterm())


if __name__ == "__main__":
    main()
