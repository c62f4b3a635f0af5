"""Events at a steady rate, each with the time of its making as its key.

    python -m benchmarks.steady_producer --bootstrap-servers … --topic events --rate 500 …

A process of its own, so that nothing else keeps it from its schedule. The key is the monotonic
clock in nanoseconds, which all processes of a machine share. Events that are due within the same
tick, a millisecond, go to one partition, those of the next to the next: so the broker gets a
request a tick, and not one for each event and partition. How late events were made, against the
schedule, is written to stdout as JSON at the end.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import dataclass

import numpy as np
from confluent_kafka import Producer

from benchmarks import events

#: So many different values; more would only take longer to make.
_VALUES = 20_000
TICK_SECONDS = 0.001


@dataclass(frozen=True, slots=True)
class Schedule:
    """So many events a second for so long, to a topic, a tick's to one partition."""

    topic: str
    partitions: int
    rate: int
    seconds: float
    tick_seconds: float = TICK_SECONDS

    @property
    def events(self) -> int:
        """Return how many that are."""
        return int(self.rate * self.seconds)

    def options(self, bootstrap_servers: str) -> tuple[str, ...]:
        """Return the schedule as command line options."""
        return (
            *("--bootstrap-servers", bootstrap_servers, "--topic", self.topic),
            *("--partitions", str(self.partitions)),
            *("--rate", str(self.rate), "--seconds", str(self.seconds)),
            *("--tick-seconds", str(self.tick_seconds)),
        )


def produce(producer: Producer, schedule: Schedule, values: list[bytes]) -> list[float]:
    """Produce by schedule; return by how many seconds each event was late."""
    late: list[float] = []
    began = time.monotonic()
    partition = number = 0
    while number < schedule.events:
        behind = time.monotonic() - began - number / schedule.rate
        if behind < 0:
            time.sleep(max(-behind, schedule.tick_seconds))
            producer.poll(0)
            partition = (partition + 1) % schedule.partitions
            continue
        late.append(behind)
        key = b"%d" % time.monotonic_ns()
        producer.produce(schedule.topic, values[number % len(values)], key, partition)
        number += 1
    return late


def main() -> None:
    """Produce, and say how late events were."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--bootstrap-servers", required=True)
    parser.add_argument("--topic", required=True)
    parser.add_argument("--partitions", type=int, required=True)
    parser.add_argument("--rate", type=int, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--tick-seconds", type=float, default=TICK_SECONDS)
    options = parser.parse_args()
    schedule = Schedule(
        options.topic, options.partitions, options.rate, options.seconds, options.tick_seconds
    )
    producer = Producer(
        {
            "bootstrap.servers": options.bootstrap_servers,
            "linger.ms": 0,
            "acks": 1,
            "delivery.report.only.error": True,
        }
    )
    values = list(events.values(min(_VALUES, schedule.events)))
    producer.list_topics(schedule.topic, timeout=10)  # the connection is there before the first
    late = produce(producer, schedule, values)
    if producer.flush(30):
        raise SystemExit("The broker did not take all events within 30 s.")
    p50, p99 = np.quantile(late, (0.5, 0.99))
    print(json.dumps({"late_p50_ms": p50 * 1000, "late_p99_ms": p99 * 1000}))


if __name__ == "__main__":
    main()
