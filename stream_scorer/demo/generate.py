"""``python -m stream_scorer.demo.generate``: sends a story's events endlessly at a steady rate."""

from __future__ import annotations

import itertools
import signal
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import replace

from confluent_kafka import Producer

from stream_scorer.cli.failures import exit_code_of
from stream_scorer.demo.elsewhere import Elsewhere, Say, arguments, place_of, say_on_stderr
from stream_scorer.demo.events import GeneratedEvent, events
from stream_scorer.demo.producing import produced, serve_until
from stream_scorer.demo.stories import Story
from stream_scorer.errors import ConfigError
from stream_scorer.kafka.refused_logins import properties_from
from stream_scorer.pipeline.sources import read_schema

#: The producers move from the oldest schema to the newest over this many events, then repeat.
ROUND_EVENTS = 30_000
REPORT_SECONDS = 60.0
FLUSH_SECONDS = 5.0


def with_registered_ids(place: Elsewhere) -> Story:
    """Return the story with its writer schemas under the ids from the registry.

    Raises:
        ConfigError: the registry lacks one.
        Unreachable: it does not answer.
    """
    writers = {}
    with place.open_registry() as registry:
        for path in place.story.writers.values():
            number = registry.lookup(place.input_subject, read_schema(path))
            if number is None:
                raise ConfigError(
                    f"Subject {place.input_subject} has no version that equals {path.name}. First "
                    "run `python -m stream_scorer.demo.set_up` with the same config."
                )
            writers[number] = path
    return replace(place.story, writers=writers)


def endless(story: Story) -> Iterator[GeneratedEvent]:
    """Yield the story's events, round after round, each event with a unique number."""
    for number in itertools.count():
        yield from events(story, ROUND_EVENTS, seed=number, first=number * ROUND_EVENTS)


def send(
    stream: Iterable[GeneratedEvent],
    producer: Producer,
    topic: str,
    *,
    events_per_second: float,
    stopped: threading.Event,
    say: Say,
) -> int:
    """Produce the events, stamped with the time, until they end or ``stopped`` is set.

    While the brokers are away, events wait in the client; once it is full, this call waits too.

    Returns:
        The number of events produced.
    """
    started = reported = time.monotonic()
    sent = 0
    for event in stream:
        if not produced(producer, topic, event, stopped):
            break
        sent += 1
        if time.monotonic() - reported >= REPORT_SECONDS:
            reported = time.monotonic()
            say(f"{sent:,} events sent to {topic} so far.")
        serve_until(started + sent / events_per_second, producer, stopped)
    left = producer.flush(FLUSH_SECONDS)
    say(f"{sent:,} events sent to {topic}" + (f", {left:,} did not arrive." if left else "."))
    return sent


def positive(word: str) -> float:
    """Return the positive number in a word, for argparse."""
    number = float(word)
    if number <= 0:
        raise ValueError(word)
    return number


def main() -> None:
    """Run the command line."""
    parser = arguments(
        "stream_scorer.demo.generate",
        "Produce a story's events at a steady rate to the input topic that a scorer's config "
        "names, until SIGTERM or SIGINT.",
    )
    add = parser.add_argument
    add("--rate", type=positive, default=500.0, help="events a second (default 500)")
    add("--events", type=int, default=None, help="stop after this many (default: never)")
    given = parser.parse_args()
    place = place_of(given)
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    stream = itertools.islice(endless(with_registered_ids(place)), given.events)
    own = {"enable.idempotence": True, "linger.ms": 5}
    with properties_from("kafka.common"):
        producer = Producer({**place.client_properties(), **own})
    send(
        stream,
        producer,
        place.input_topic,
        events_per_second=given.rate,
        stopped=stopped,
        say=say_on_stderr(),
    )


if __name__ == "__main__":
    raise SystemExit(exit_code_of(main, debug=False))
