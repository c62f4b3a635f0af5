"""Topics, partitions, rights and durability, judged from what the brokers say."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from stream_scorer.check.findings import Finding, exit_code_of
from stream_scorer.check.topic_limits import DEAD_LETTER_HEADROOM_BYTES
from stream_scorer.check.topics import (
    TopicPlan,
    inputs_among,
    judge_group,
    judge_names,
    judge_topics,
)
from stream_scorer.kafka.cluster import TopicFacts

PLAN = TopicPlan(("in",), "out", "dead", "source", "group")
NAMES = frozenset({"in", "out", "dead", "other"})


def topic(name: str, partitions: int = 4, **more: object) -> TopicFacts:
    """A durable topic that may be read and written."""
    facts = TopicFacts(name, partitions, 3, frozenset({"READ", "WRITE"}), 1_000_000, 2, False)
    return replace(facts, **more)  # type: ignore[arg-type]


def judged(*topics: TopicFacts, partition: Literal["source", "key"] = "source") -> list[Finding]:
    """What is not fine about these topics."""
    plan = replace(PLAN, partition=partition)
    findings = judge_topics(plan, {each.name: each for each in topics})
    return [each for each in findings if each.level != "ok"]


def test_durable_topics_with_room_and_rights_are_fine() -> None:
    """The dead letters' takes what the headers add."""
    room = 1_000_000 + DEAD_LETTER_HEADROOM_BYTES
    assert judged(topic("in"), topic("out"), topic("dead", max_message_bytes=room)) == []


def test_every_topic_that_is_not_there_is_named_with_its_setting() -> None:
    """The worker creates none; this is exit 4."""
    findings = list(judge_names(PLAN, frozenset({"other"})))
    assert [each.sentence.split(":")[0] for each in findings] == [
        "kafka.input_topics",
        "kafka.output_topic",
        "kafka.dead_letter_topic",
    ]
    assert all("create it" in each.sentence for each in findings)
    assert exit_code_of(findings) == 4


def test_a_pattern_that_matches_nothing_yet_is_a_warning() -> None:
    """The topic may come."""
    (finding,) = judge_names(replace(PLAN, input_topics=("^bets-",)), NAMES)
    assert (finding.level, "^bets-" in finding.sentence) == ("warning", True)


def test_a_pattern_that_matches_what_is_written_is_an_error() -> None:
    """Scores would be scored without end; this is exit 2."""
    findings = list(judge_names(replace(PLAN, input_topics=("^.*",)), NAMES))
    assert len([each for each in findings if each.level == "error"]) == 2
    assert exit_code_of(findings) == 2


def test_patterns_and_names_mean_topics_together() -> None:
    """Each once, in order."""
    plan = replace(PLAN, input_topics=("in", "^(in|oth)", "absent"))
    assert inputs_among(plan, NAMES) == ("in", "other")


def test_fewer_output_than_input_partitions_is_a_warning() -> None:
    """With `source` an event goes to the partition of its number; the others begin all the same."""
    (finding, *_) = judged(topic("in", 6), topic("out", 4))
    assert finding.level == "warning"
    assert "out has 4 partitions and in has 6" in finding.sentence
    assert "kafka-topics.sh --alter --topic out --partitions 6" in finding.sentence
    assert "set output.partition to `key`" in finding.sentence


def test_by_key_any_number_of_partitions_will_do() -> None:
    """The key decides."""
    assert judged(topic("in", 6), topic("out", 4), partition="key") == []


def test_missing_rights_are_named_with_their_topic() -> None:
    """READ on the input, WRITE on what is written; this is exit 4."""
    findings = judged(
        topic("in", operations=frozenset({"DESCRIBE"})),
        topic("out", operations=frozenset({"READ"})),
    )
    assert [
        "READ the topic in" in findings[0].sentence,
        "WRITE the topic out" in findings[1].sentence,
    ]
    assert [each.level for each in findings] == ["error", "error"]
    assert exit_code_of(findings) == 4


def test_brokers_that_do_not_say_the_rights_are_taken_at_their_word() -> None:
    """Without an authorizer, or from an old broker, there is nothing to judge."""
    assert judged(topic("in", operations=None), topic("out", operations=None)) == []
    assert list(judge_group(PLAN, None)) == []


def test_the_right_to_the_group_is_judged() -> None:
    """Joining and committing are READ."""
    (finding,) = judge_group(PLAN, frozenset({"DESCRIBE"}))
    assert "READ the group group" in finding.sentence
    assert list(judge_group(PLAN, frozenset({"READ"}))) == []


def test_topics_that_may_lose_what_they_acknowledged_are_warned_of() -> None:
    """Those that are written to, and Kafka's own; the input is its producer's business."""
    frail = {"replication": 1, "min_insync_replicas": 1, "unclean_leader_election": True}
    findings = judged(
        topic("in", **frail), topic("out", **frail), topic("__transaction_state", **frail)
    )
    assert {each.level for each in findings} == {"warning"}
    assert [each.sentence.split(":")[0] for each in findings] == [
        "out",
        "out",
        "__transaction_state",
        "__transaction_state",
    ]


def test_a_dead_letter_topic_without_room_for_headers_is_warned_of() -> None:
    """A large event then leaves its value behind."""
    (finding,) = judged(topic("in"), topic("out"), topic("dead"))
    assert finding.level == "warning"
    assert str(1_000_000 + DEAD_LETTER_HEADROOM_BYTES) in finding.sentence


ROOM = 1_000_000 + DEAD_LETTER_HEADROOM_BYTES
HOUR = 3_600_000


def test_an_output_that_takes_other_times_than_the_input_is_warned_of() -> None:
    """Ahead: if the input takes more. Behind: always, for events may wait."""
    dead = topic("dead", max_message_bytes=ROOM)
    (finding,) = judged(topic("in"), topic("out", after_max_ms=HOUR), dead)
    assert finding.level == "warning"
    assert "out has message.timestamp.after.max.ms 3600000; events of in" in finding.sentence
    assert "rejected_by_broker" in finding.sentence
    (finding,) = judged(topic("in", before_max_ms=5), topic("out", before_max_ms=HOUR), dead)
    assert "message.timestamp.before.max.ms 3600000" in finding.sentence
    for same in ({"after_max_ms": HOUR}, {"is_append_time": True}):
        assert judged(topic("in", **same), topic("out", after_max_ms=HOUR), dead) == []


def test_a_dead_letter_topic_that_takes_other_times_than_the_input_is_warned_of() -> None:
    """Its dead letters then have another time."""
    dead = topic("dead", max_message_bytes=ROOM, after_max_ms=HOUR)
    (finding,) = judged(topic("in"), topic("out"), dead)
    assert "dead has message.timestamp.after.max.ms 3600000" in finding.sentence
    assert "in a header" in finding.sentence
    assert judged(topic("in", after_max_ms=HOUR), topic("out"), dead) == []


def test_an_output_that_takes_less_than_the_input_is_warned_of() -> None:
    """A scored event has the event's key and headers."""
    dead = topic("dead", max_message_bytes=ROOM)
    (finding,) = judged(topic("in"), topic("out", max_message_bytes=999_999), dead)
    assert "Set its max.message.bytes to 1000000" in finding.sentence


def test_an_input_that_the_consumer_can_t_take_is_warned_of() -> None:
    """Its partition would wait for ever. Unless it is set, the client takes any message."""
    topics = {"in": topic("in", max_message_bytes=200_000_000), "out": topic("out")}
    found = [each.sentence for each in judge_topics(replace(PLAN, receive_bytes=10**8), topics)]
    (sentence,) = [each for each in found if "receive.message.max.bytes" in each]
    assert sentence.endswith("or set it to 200000512.")
    largest = topic("in", max_message_bytes=2**31 - 1)
    assert not any("receive." in each.sentence for each in judged(largest, topic("out")))


def test_brokers_that_would_compress_again_are_warned_of() -> None:
    """The topic's codec is another than ours; ``none`` is ``uncompressed`` there."""
    room = {"max_message_bytes": ROOM}
    codec = topic("out", compression="gzip")
    dead = topic("dead", compression="lz4", **room)
    (finding,) = judged(topic("in", compression="producer"), codec, dead)
    assert "kafka.output_topic: out has compression.type gzip" in finding.sentence
    assert "output.compression to gzip" in finding.sentence
    plan = replace(PLAN, compression="none")
    facts = {"in": topic("in"), "out": topic("out", compression="uncompressed")}
    assert [each for each in judge_topics(plan, facts) if each.level != "ok"] == []


def test_events_that_are_larger_than_they_look_in_their_topic_are_warned_of() -> None:
    """Their topic counts compressed bytes."""
    dead = topic("dead", max_message_bytes=ROOM)
    (finding,) = judged(topic("in", compression="zstd"), topic("out"), dead)
    assert "counts compressed bytes" in finding.sentence


def test_a_compacted_dead_letter_topic_is_warned_of() -> None:
    """It forgets."""
    dead = topic("dead", max_message_bytes=ROOM, is_compacted=True)
    (finding,) = judged(topic("in"), topic("out"), dead)
    assert "cleanup.policy to delete" in finding.sentence


def test_a_topic_that_may_not_be_asked_for_is_a_missing_right() -> None:
    """It is not told to create what may be there; exit 4."""
    findings = list(judge_names(PLAN, frozenset({"other"}), frozenset({"in", "dead"})))
    assert [each.sentence.partition(": ")[2].split(",")[0] for each in findings] == [
        "these credentials may not READ the topic in",
        "the cluster has no topic out; create it (kafka-topics --create)",
        "these credentials may not WRITE the topic dead",
    ]
    assert exit_code_of(findings) == 4


def test_no_size_is_asked_for_that_nobody_takes() -> None:
    """Of topics whose limit is the largest that there is."""
    most = 2**31 - 1
    topics = [topic(name, max_message_bytes=most) for name in ("in", "out", "dead")]
    smaller = replace(PLAN, receive_bytes=100_000_000)
    findings = judge_topics(smaller, {each.name: each for each in topics})
    (received,) = [each for each in findings if each.level != "ok"]
    assert received.sentence.endswith(f"receive.message.max.bytes, or set it to {most}.")
    findings = judge_topics(PLAN, {each.name: each for each in topics})
    assert [each for each in findings if each.level != "ok"] == []
