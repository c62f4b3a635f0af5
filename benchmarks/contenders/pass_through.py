"""The ceiling: what the same client can move when nothing is decoded, scored or encoded.

Every event's key, timestamp and partition are copied, and its headers where events have some; the
values are as long as the scored events of ``stream-scorer``, and no easier to compress. The
client's properties are those of ``stream-scorer``, so that a ratio tells of code and not of
settings. So are the garbage collector's, and so are its commits: when the time is up, and before
that if no more events come.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from itertools import cycle

from confluent_kafka import Consumer, Producer

from benchmarks.contenders import ours
from benchmarks.contenders.committing import Transactions, until_sigterm, without_errors
from benchmarks.contenders.contender import Contender, Job, job_parser
from benchmarks.workloads import has_headers
from stream_scorer.app.garbage import seldom_collected
from stream_scorer.kafka.client_config import SetLimits, consumer_properties, producer_properties

BATCH_EVENTS = 1_024
#: What ``stream-scorer`` has by default, in events and bytes.
_LIMITS = SetLimits(50_000, 32 * 2**20)
#: An open transaction waits so long for more events: a fetch may be under way.
_FETCH_SECONDS = 0.02
#: As ``stream-scorer``'s ``batching.min_commit_interval``.
_LEAST_SECONDS = 0.01
#: More than lz4 looks back over.
_DIFFERENT_VALUES = 4_096
_IDLE_SECONDS = 0.2


def contender() -> Contender:
    """Return the ceiling; it scores nothing."""
    return Contender("pass-through", _command)


def _command(job: Job) -> tuple[str, ...]:
    ours.command(job)  # leaves the scored event's schema in the folder
    return (sys.executable, "-m", "benchmarks.contenders.pass_through", *job.options())


def pass_through(job: Job, values: Iterator[bytes], stop: threading.Event) -> None:
    """Copy until told to stop, with endless values."""
    consumer, producer = _consumer(job), _producer(job)
    transactions = Transactions(consumer, producer, job.commit_seconds)
    consumer.subscribe([job.input_topic])
    copies_headers, topic, produce = has_headers(job.folder), job.output_topic, producer.produce
    rows = 0
    while not stop.is_set():
        first = consumer.poll(min(transactions.seconds_left(_IDLE_SECONDS), _FETCH_SECONDS))
        messages = [] if first is None else [first, *consumer.consume(BATCH_EVENTS - 1, 0)]
        if without_errors(messages):
            transactions.begin()
        if copies_headers:
            for m in messages:
                stamp, headers, value = m.timestamp()[1], m.headers(), next(values)
                produce(topic, value, m.key(), m.partition(), None, None, stamp, headers)
        else:
            for m in messages:
                produce(topic, next(values), m.key(), m.partition(), None, None, m.timestamp()[1])
        rows += len(messages)
        if not messages:
            transactions.hurry(_LEAST_SECONDS)
        if transactions.is_due() or rows + BATCH_EVENTS > _LIMITS.records:
            transactions.commit()
            rows = 0
    transactions.commit()
    consumer.close()


def _consumer(job: Job) -> Consumer:
    properties = consumer_properties(
        bootstrap_servers=job.bootstrap_servers,
        group_id=job.group,
        limits=_LIMITS,
        common={},
        consumer={},
    )
    # `stream-scorer` places new partitions itself.
    return Consumer({**properties, "auto.offset.reset": "earliest"})


def _producer(job: Job) -> Producer:
    return Producer(
        producer_properties(
            bootstrap_servers=job.bootstrap_servers,
            transactional_id=job.group,
            limits=_LIMITS,
            compression="lz4",
            common={},
            producer={},
        )
    )


def main() -> None:
    """Read the job and do it until SIGTERM."""
    job = Job.of(job_parser(__doc__).parse_args())
    values = cycle(ours.scored_values(job, _DIFFERENT_VALUES))
    with seldom_collected():  # else looking for cycles among the messages costs a tenth
        pass_through(job, values, until_sigterm())


if __name__ == "__main__":
    main()
