"""Removes the topics and the group of a run; names what can't be removed, and how to remove it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient

from stream_scorer.kafka.client_config import Property
from stream_scorer.kafka.translation import RIGHTS, describe, error_of

#: The maximum wait for brokers that are away, or for dead members, at the end.
REMOVAL_SECONDS = 60.0
REQUEST_SECONDS = 10.0
#: For each name that is left when that time is over.
LAST_REQUEST_SECONDS = 1.0
PAUSE_SECONDS = 0.2
_GONE = frozenset({KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError.GROUP_ID_NOT_FOUND})


def remove(
    client: Mapping[str, Property],
    topics: Sequence[str],
    group: str,
    say: Callable[[str], None],
    patience_seconds: float = REMOVAL_SECONDS,
) -> None:
    """Delete topics, then the group; call ``say`` for each name that is left after the timeout.

    A group can't be deleted before its last member has left or timed out, which takes as long as
    the session timeout.
    """
    deadline = time.monotonic() + patience_seconds
    servers = client["bootstrap.servers"]
    tools = {topic: f"kafka-topics --delete --topic {topic}" for topic in topics}
    steps = {topic: partial(_delete_topic, client, topic) for topic in topics}
    tools[group] = f"kafka-consumer-groups --delete --group {group}"
    steps[group] = partial(_delete_group, client, group)
    left = dict.fromkeys(steps, "interrupted")
    try:
        for name, step in steps.items():
            why = _attempted(step, deadline)
            if why is None:
                del left[name]
            else:
                left[name] = why
    finally:
        for name, why in left.items():
            say(
                f"{name} was left behind ({why}); remove it with "
                f"{tools[name]} --bootstrap-server {servers}"
            )


def _attempted(step: Callable[[float], None], deadline: float) -> str | None:
    """Try until the deadline; return why it failed, ``None`` if it succeeded.

    A client keeps waiting for the controller that it knows, so a step makes one for each attempt.
    """
    while True:
        left = deadline - time.monotonic()
        try:
            step(max(LAST_REQUEST_SECONDS, min(left, REQUEST_SECONDS)))
        except KafkaException as exception:
            error = error_of(exception)
            if error.code() in _GONE:
                return None
            if error.code() in RIGHTS or time.monotonic() >= deadline:
                return describe(error)
            time.sleep(PAUSE_SECONDS)
        else:
            return None


def _delete_topic(client: Mapping[str, Property], topic: str, seconds: float) -> None:
    admin = AdminClient(dict(client))
    admin.delete_topics([topic], request_timeout=seconds)[topic].result()
    # Brokers learn of it a little later. Asking for this one topic might create it again.
    deadline = time.monotonic() + seconds
    while topic in admin.list_topics(timeout=seconds).topics and time.monotonic() < deadline:
        time.sleep(PAUSE_SECONDS)


def _delete_group(client: Mapping[str, Property], group: str, seconds: float) -> None:
    admin = AdminClient(dict(client))
    # A group that a broker lists has a coordinator. librdkafka can abort the process if it is asked
    # for a group without one (librdkafka #4605).
    listing = admin.list_consumer_groups(request_timeout=seconds).result()
    if listing.errors:
        raise KafkaException(listing.errors[0])
    if group in {each.group_id for each in listing.valid}:
        admin.delete_consumer_groups([group], request_timeout=seconds)[group].result()
