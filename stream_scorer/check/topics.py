"""Topics, partitions, rights and durability, judged from what the brokers said of them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from stream_scorer.check.findings import Finding, error, ok, warning
from stream_scorer.check.topic_limits import compare
from stream_scorer.check.wording import counted
from stream_scorer.errors import ConfigError, Unreachable
from stream_scorer.kafka.client_config import RECEIVE_BYTES
from stream_scorer.kafka.cluster import TopicFacts

#: What "durable" means for Kafka: a write survives the loss of any one broker.
REPLICAS, IN_SYNC = 3, 2
#: Where Kafka keeps what a transaction and a consumer group rest on.
INTERNAL_TOPICS = ("__transaction_state", "__consumer_offsets")


@dataclass(frozen=True, slots=True)
class TopicPlan:
    """The configuration's requirements on the cluster's topics."""

    input_topics: tuple[str, ...]
    output_topic: str | None
    dead_letter_topic: str | None
    partition: Literal["source", "key"]
    group_id: str
    #: Which setting names the topics that are read.
    input_setting: str = "kafka.input_topics"
    #: Topics that events are given back to (``dlq replay --to input``), as far as they exist.
    given_back: tuple[str, ...] = ()
    #: ``output.compression``, and the consumer's ``receive.message.max.bytes``.
    compression: str = "lz4"
    receive_bytes: int = RECEIVE_BYTES

    @property
    def written(self) -> tuple[str, ...]:
        """Return the topics that are written to and must exist."""
        return tuple(filter(None, (self.output_topic, self.dead_letter_topic)))

    def uses(self) -> Iterator[tuple[str, str, str]]:
        """Yield each topic that has a name, after its setting and the right that it needs."""
        for topic in self.input_topics:
            if not is_pattern(topic):
                yield self.input_setting, "READ", topic
        if self.output_topic is not None:
            yield "kafka.output_topic", "WRITE", self.output_topic
        if self.dead_letter_topic is not None:
            yield "kafka.dead_letter_topic", "WRITE", self.dead_letter_topic


def is_pattern(topic: str) -> bool:
    """Tell a pattern of topic names from a name, as librdkafka does."""
    return topic.startswith("^")


def inputs_among(plan: TopicPlan, names: frozenset[str]) -> tuple[str, ...]:
    """Return the topics that the input names and patterns mean now, sorted."""
    return matching(plan.input_topics, names)


def matching(topics: Iterable[str], names: frozenset[str]) -> tuple[str, ...]:
    """Return the topics that these names and patterns mean now, sorted."""
    found: set[str] = set()
    for topic in topics:
        if is_pattern(topic):
            found.update(name for name in names if re.search(topic, name))
        elif topic in names:
            found.add(topic)
    return tuple(sorted(found))


def judge_names(
    plan: TopicPlan, names: frozenset[str], hidden: frozenset[str] = frozenset()
) -> Iterator[Finding]:
    """Judge whether the topics exist, and whether a pattern reads what we write.

    ``names`` are the topics that can be seen, ``hidden`` those that may not be asked for.
    """
    for topic in filter(is_pattern, plan.input_topics):
        matched = matching([topic], names)
        if not matched:
            yield warning(f"kafka.input_topics: no topic matches {topic} yet; the worker waits.")
        for written in set(plan.written) & set(matched):
            yield error(
                f"kafka.input_topics: the pattern {topic} matches {written}, which this scorer "
                "writes to, so it would read its own output; make the pattern narrower.",
                ConfigError,
            )
    for setting, right, topic in plan.uses():
        if topic in hidden:
            yield error(
                f"{setting}: these credentials may not {right} the topic {topic}, nor see whether "
                "there is one (DESCRIBE); grant it.",
                Unreachable,
            )
        elif topic not in names:
            yield error(
                f"{setting}: the cluster has no topic {topic}; create it (kafka-topics --create), "
                "for the worker never does.",
                Unreachable,
            )


def judge_topics(plan: TopicPlan, facts: Mapping[str, TopicFacts]) -> Iterator[Finding]:
    """Judge partitions, rights, sizes and durability of the topics that exist."""
    inputs = [facts[name] for name in inputs_among(plan, frozenset(facts))]
    output = facts.get(plan.output_topic or "")
    for topic in inputs:
        yield from _right(topic, "READ", plan.input_setting)
    for name in matching(plan.given_back, frozenset(facts)):
        yield from _right(facts[name], "WRITE", "kafka.input_topics")
    for setting, right, name in plan.uses():
        if name in facts and name in plan.written:
            yield from _right(facts[name], right, setting)
            yield from _durability(facts[name])
    for name in INTERNAL_TOPICS:
        if name in facts:
            yield from _durability(facts[name])
    if output is not None and plan.partition == "source":
        yield from _partitions(output, inputs)
    yield from compare(
        inputs,
        output,
        facts.get(plan.dead_letter_topic or ""),
        compression=plan.compression,
        receive_bytes=plan.receive_bytes,
    )


def judge_group(plan: TopicPlan, operations: frozenset[str] | None) -> Iterator[Finding]:
    """Judge the right to join the group and commit."""
    if operations is not None and "READ" not in operations:
        yield error(
            f"kafka.group_id: these credentials may not READ the group {plan.group_id}, "
            "which joining and committing need; grant it.",
            Unreachable,
        )


def _right(topic: TopicFacts, operation: str, setting: str) -> Iterator[Finding]:
    if topic.operations is not None and operation not in topic.operations:
        yield error(
            f"{setting}: these credentials may not {operation} the topic {topic.name}; grant it.",
            Unreachable,
        )


def _partitions(output: TopicFacts, inputs: list[TopicFacts]) -> Iterator[Finding]:
    most = max(inputs, key=lambda topic: topic.partitions, default=None)
    if most is None:
        return
    if output.partitions < most.partitions:
        yield warning(
            f"kafka.output_topic: {output.name} has {counted(output.partitions, 'partition')} and "
            f"{most.name} has {most.partitions}; with output.partition `source` each input "
            "partition needs its own. The others wait until it has: add partitions "
            f"(kafka-topics.sh --alter --topic {output.name} --partitions {most.partitions}), or "
            "set output.partition to `key`."
        )
    else:
        yield ok(f"{most.name} ({counted(most.partitions, 'partition')}) fits {output.name}.")


def _durability(topic: TopicFacts) -> Iterator[Finding]:
    if topic.replication < REPLICAS or (topic.min_insync_replicas or IN_SYNC) < IN_SYNC:
        yield warning(
            f"{topic.name}: replication {topic.replication}, min.insync.replicas "
            f"{topic.min_insync_replicas}; exactly-once holds as long as Kafka keeps what it "
            f"acknowledged: use {REPLICAS} and {IN_SYNC}."
        )
    if topic.unclean_leader_election:
        yield warning(
            f"{topic.name}: unclean.leader.election.enable is true, so Kafka may forget what it "
            "acknowledged; set it to false."
        )
