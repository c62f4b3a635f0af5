"""``python -m stream_scorer.demo.set_up``: creates a story's topics and registers its schemas.

It does what a team does once for a new scorer with its own tools: it creates the topics, and
registers the schemas of the events and of the scored events. Existing ones are not changed.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

from confluent_kafka import KafkaError, KafkaException

from stream_scorer.app.scored_schema import scored_schema
from stream_scorer.cli.failures import exit_code_of
from stream_scorer.demo.elsewhere import Elsewhere, Say, arguments, place_of, say_on_stderr
from stream_scorer.errors import Unreachable
from stream_scorer.kafka.cluster import Cluster
from stream_scorer.kafka.translation import describe, error_of
from stream_scorer.local.topics import Topics
from stream_scorer.pipeline.sources import read_schema, scored_subject

PATIENCE_SECONDS = 120.0
PAUSE_SECONDS = 1.0
#: A dead letter is its event plus headers, so its topic must accept larger records than the input.
_INPUT_BYTES, _DEAD_LETTER_BYTES = 1 << 20, (1 << 20) + (64 << 10)


def set_up(place: Elsewhere, partitions: int, patience_seconds: float, say: Say) -> None:
    """Create the missing topics and register the missing schemas.

    Waits for both Kafka and the registry, which may still be starting.

    Raises:
        ConfigError, ContractError: the config is invalid, or the registry refuses a schema.
        Unreachable: Kafka or the registry does not answer within ``patience_seconds``.
    """
    create_topics(place, partitions, patience_seconds, say)
    register_schemas(place, patience_seconds, say)


def create_topics(place: Elsewhere, partitions: int, patience_seconds: float, say: Say) -> None:
    """Create those of the config's three topics that are missing.

    Raises:
        Unreachable: no broker answers in time.
    """
    kafka = place.kafka
    there = Cluster(place.client_properties(), warn=say).topic_names(patience_seconds)
    limits = {place.input_topic: _INPUT_BYTES, kafka.output_topic: _INPUT_BYTES}
    if kafka.dead_letter_topic is not None:
        limits[kafka.dead_letter_topic] = _DEAD_LETTER_BYTES
    topics = Topics(kafka.bootstrap_servers, kafka.common)
    for name, max_bytes in limits.items():
        if name in there:
            say(f"Topic {name} already exists.")
            continue
        try:
            topics.create(name, partitions, -1, {"max.message.bytes": str(max_bytes)})
        except KafkaException as refused:
            if error_of(refused).code() != KafkaError.TOPIC_ALREADY_EXISTS:
                raise Unreachable(
                    f"Topic {name} can't be created ({describe(error_of(refused))})."
                ) from refused
        say(f"Topic {name} created with {partitions} partitions.")


def register_schemas(place: Elsewhere, patience_seconds: float, say: Say) -> None:
    """Register the schemas of the story's events and of the scored events.

    Raises:
        ContractError: the registry refuses a schema.
        Unreachable: it does not answer in time.
    """
    wanted = [(place.input_subject, read_schema(path)) for path in place.story.writers.values()]
    wanted.append((scored_subject(place.settings, place.registry), scored_schema(place.settings)))
    deadline = time.monotonic() + patience_seconds
    with place.open_registry() as registry:
        for subject, schema in wanted:
            number = _until(deadline, say, partial(registry.register, subject, schema))
            say(f"Subject {subject} has the schema {schema.fingerprint.hex()} under id {number}.")


def _until(deadline: float, say: Say, ask: Callable[[], int]) -> int:
    said = ""
    while True:
        try:
            return ask()
        except Unreachable as error:
            if time.monotonic() >= deadline:
                raise
            if str(error) != said:
                say(f"{error} Retrying.")
            said = str(error)
            time.sleep(PAUSE_SECONDS)


def main() -> None:
    """Run the command line."""
    parser = arguments(
        "stream_scorer.demo.set_up",
        "Create a story's topics and register its schemas, on the Kafka and the registry that a "
        "scorer's config names.",
    )
    add = parser.add_argument
    add("--partitions", type=int, default=4, help="partitions of each topic (default 4)")
    add(
        "--patience",
        type=float,
        default=PATIENCE_SECONDS,
        metavar="SECONDS",
        help=f"seconds to wait for Kafka and the registry (default {PATIENCE_SECONDS:.0f})",
    )
    given = parser.parse_args()
    set_up(place_of(given), given.partitions, given.patience, say_on_stderr())


if __name__ == "__main__":
    raise SystemExit(exit_code_of(main, debug=False))
