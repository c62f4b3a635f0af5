"""Kafka's scripts, as far as the recipes use them, in place of a Kafka distribution.

They take the options that the real ones take, and refuse others: a recipe that they run is one that
the real ones understand. ``python -m tests.recipes.scripts kafka-topics.sh --create …`` is a call.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime

from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic, OffsetSpec

from tests.recipes.open_transactions import abort, open_transactions

TIMEOUT_SECONDS = 30.0


def topics(words: Sequence[str]) -> argparse.Namespace:
    """Parse the words of ``kafka-topics.sh``."""
    parser = _parser("kafka-topics.sh")
    parser.add_argument("--create", action="store_true", required=True)
    parser.add_argument("--topic", required=True)
    parser.add_argument("--partitions", type=int)
    parser.add_argument("--replication-factor", type=int)
    return parser.parse_args(words)


def consumer_groups(words: Sequence[str]) -> argparse.Namespace:
    """Parse the words of ``kafka-consumer-groups.sh``."""
    parser = _parser("kafka-consumer-groups.sh")
    action = parser.add_mutually_exclusive_group(required=True)
    action.add_argument("--describe", action="store_true")
    action.add_argument("--reset-offsets", action="store_true")
    parser.add_argument("--members", action="store_true")
    parser.add_argument("--group", required=True)
    parser.add_argument("--topic")
    parser.add_argument("--execute", action="store_true")
    place = parser.add_mutually_exclusive_group()
    place.add_argument("--to-earliest", action="store_true")
    place.add_argument("--to-latest", action="store_true")
    place.add_argument("--to-datetime", type=_instant)
    given = parser.parse_args(words)
    placed = given.to_earliest or given.to_latest or given.to_datetime is not None
    if given.reset_offsets and not (placed and given.topic and given.execute):
        parser.error("--reset-offsets takes --topic, a place and --execute")
    return given


def acls(words: Sequence[str]) -> argparse.Namespace:
    """Parse the words of ``kafka-acls.sh``."""
    parser = _parser("kafka-acls.sh")
    parser.add_argument("--add", action="store_true", required=True)
    parser.add_argument("--allow-principal", required=True)
    parser.add_argument("--operation", required=True)
    resource = parser.add_mutually_exclusive_group(required=True)
    for kind in ("--topic", "--group", "--transactional-id"):
        resource.add_argument(kind)
    parser.add_argument("--resource-pattern-type", choices=["literal", "prefixed"])
    return parser.parse_args(words)


def transactions(words: Sequence[str]) -> argparse.Namespace:
    """Parse the words of ``kafka-transactions.sh``."""
    parser = _parser("kafka-transactions.sh")
    actions = parser.add_subparsers(required=True, dest="action")
    for name in ("find-hanging", "abort"):
        action = actions.add_parser(name, allow_abbrev=False)
        action.add_argument("--topic", required=True)
        action.add_argument("--partition", type=int, required=True)
        if name == "abort":
            action.add_argument("--start-offset", type=int, required=True)
        else:
            action.add_argument("--max-transaction-timeout", type=int)
    return parser.parse_args(words)


PARSERS: Mapping[str, Callable[[Sequence[str]], argparse.Namespace]] = {
    "kafka-topics.sh": topics,
    "kafka-consumer-groups.sh": consumer_groups,
    "kafka-acls.sh": acls,
    "kafka-transactions.sh": transactions,
}


def _parser(name: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(name, allow_abbrev=False)
    parser.add_argument("--bootstrap-server", required=True)
    parser.add_argument("--command-config")
    return parser


def _instant(written: str) -> int:
    """Return the milliseconds of a time as the script wants it, UTC unless it says otherwise."""
    try:
        read = datetime.strptime(written, "%Y-%m-%dT%H:%M:%S.%f")  # noqa: DTZ007 - next line
    except ValueError:
        raise argparse.ArgumentTypeError(f"{written}: YYYY-MM-DDTHH:mm:SS.sss") from None
    return int(read.replace(tzinfo=UTC).timestamp() * 1000)


def create(given: argparse.Namespace) -> None:
    """Create the topic."""
    admin = AdminClient({"bootstrap.servers": given.bootstrap_server})
    topic = NewTopic(given.topic, given.partitions or -1, given.replication_factor or -1)
    admin.create_topics([topic])[given.topic].result(TIMEOUT_SECONDS)
    _say(f"Created topic {given.topic}.")


def reset(given: argparse.Namespace) -> None:
    """Commit the group's offsets in its name, which the brokers refuse while it has members."""
    admin = AdminClient({"bootstrap.servers": given.bootstrap_server})
    spec = OffsetSpec.earliest() if given.to_earliest else OffsetSpec.latest()
    if given.to_datetime is not None:
        spec = OffsetSpec.for_timestamp(given.to_datetime)
    placed = _offsets(admin, given.topic, spec)
    # Where no event is as new as the time, the group goes to the end.
    ends = _offsets(admin, given.topic, OffsetSpec.latest())
    offsets = [
        TopicPartition(given.topic, number, ends[number] if offset < 0 else offset)
        for number, offset in placed.items()
    ]
    client = _outsider(given)
    for each in client.commit(offsets=offsets, asynchronous=False) or []:
        if each.error is not None:
            raise SystemExit(f"{each.topic}[{each.partition}]: {each.error}")
        _say(given.group, each.topic, each.partition, each.offset)
    client.close()


def describe(given: argparse.Namespace) -> None:
    """Print the lag of each partition that the group has committed, or its members."""
    admin = AdminClient({"bootstrap.servers": given.bootstrap_server})
    if given.members:
        group = admin.describe_consumer_groups([given.group])[given.group].result(TIMEOUT_SECONDS)
        _say("\n".join(f"{given.group} {each.member_id}" for each in group.members))
        return
    client = _outsider(given)
    _say("GROUP TOPIC PARTITION CURRENT-OFFSET LOG-END-OFFSET LAG")
    for topic, metadata in admin.list_topics(timeout=TIMEOUT_SECONDS).topics.items():
        asked = [TopicPartition(topic, number, OFFSET_BEGINNING) for number in metadata.partitions]
        found = [e for e in client.committed(asked, timeout=TIMEOUT_SECONDS) if e.offset >= 0]
        ends = _offsets(admin, topic, OffsetSpec.latest()) if found else {}
        for each in found:
            end = ends[each.partition]
            _say(given.group, topic, each.partition, each.offset, end, end - each.offset)
    client.close()


def end_transactions(given: argparse.Namespace) -> None:
    """Print the transactions that are open, however young; or abort the one that begins there."""
    place = (given.bootstrap_server, given.topic, given.partition)
    found = open_transactions(*place)
    if given.action == "find-hanging":
        _say("Topic Partition ProducerId ProducerEpoch CoordinatorEpoch StartOffset")
        for each in found:
            epochs = (each.producer_epoch, each.coordinator_epoch)
            _say(given.topic, given.partition, each.producer_id, *epochs, each.start_offset)
        return
    (meant,) = (each for each in found if each.start_offset == given.start_offset)
    abort(*place, meant)


def _offsets(admin: AdminClient, topic: str, spec: OffsetSpec) -> dict[int, int]:
    numbers = admin.list_topics(topic, timeout=TIMEOUT_SECONDS).topics[topic].partitions
    asked = {TopicPartition(topic, number): spec for number in numbers}
    answers = admin.list_offsets(asked, request_timeout=TIMEOUT_SECONDS)
    return {each.partition: future.result().offset for each, future in answers.items()}


def _outsider(given: argparse.Namespace) -> Consumer:
    """Return a client that speaks for the group and is not a member of it."""
    return Consumer(
        {
            "bootstrap.servers": given.bootstrap_server,
            "group.id": given.group,
            "isolation.level": "read_uncommitted",
            "enable.auto.commit": False,
        }
    )


def _say(*words: object) -> None:
    sys.stdout.write(" ".join(map(str, words)) + "\n")


def main(name: str, words: Sequence[str]) -> None:
    """Do what the script of this name does."""
    given = PARSERS[name](words)
    if name == "kafka-topics.sh":
        create(given)
    elif name == "kafka-consumer-groups.sh":
        (describe if given.describe else reset)(given)
    elif name == "kafka-transactions.sh":
        end_transactions(given)
    else:
        raise SystemExit(f"{name} is parsed only.")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
