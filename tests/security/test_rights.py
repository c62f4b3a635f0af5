"""The rights that docs/security.md lists are enough, and each of them is needed."""

from __future__ import annotations

from pathlib import Path

import pytest
from confluent_kafka import Producer

from stream_scorer.app.replay import Replayed, replay
from stream_scorer.check.findings import exit_code_of
from stream_scorer.config import load
from stream_scorer.dead_letters import DeadLetterFormat
from stream_scorer.errors import Unreachable
from stream_scorer.records import DeadLetter, Problem, Reason, Stage, TopicPartition
from tests.security.conftest import config_for, looked_at
from tests.security.rights import worker_rights
from tests.security.secured import Right, SecuredKafka

pytestmark = pytest.mark.kafka

#: What the sentence says of each right in the table, when it alone is missing.
MISSING = {
    ("TOPIC", "in"): ("kafka.input_topics", "may not READ the topic in"),
    ("TOPIC", "out"): ("kafka.output_topic", "may not WRITE the topic out"),
    ("TOPIC", "out.dead-letters"): (
        "kafka.dead_letter_topic",
        "may not WRITE the topic out.dead-letters",
    ),
    ("GROUP", "out-group"): ("kafka.group_id", "may not READ the group out-group"),
    ("TRANSACTIONAL_ID", "out-group"): (
        "kafka.transactional_id",
        "grant WRITE on transactional ids",
    ),
}


def test_the_page_lists_each_right_once() -> None:
    """The table can be read, and is the one that is tested here."""
    assert [(right.kind, right.name) for right in worker_rights()] == list(MISSING)


@pytest.mark.parametrize("missing", worker_rights(), ids=lambda right: f"{right.kind}-{right.name}")
def test_one_right_that_is_missing_is_named_with_its_resource(
    tmp_path: Path, secured: SecuredKafka, missing: Right
) -> None:
    """In one sentence that says where it is configured; exit 4."""
    setting, words = MISSING[missing.kind, missing.name]
    with secured.may([right for right in worker_rights() if right != missing], "scorer"):
        (error,) = looked_at(tmp_path, secured.servers, secured.login())
    assert error.sentence.startswith(f"{setting}")
    assert words in error.sentence
    assert "grant" in error.sentence.lower()
    assert exit_code_of([error]) == 4


@pytest.mark.parametrize(
    "right",
    [each for each in worker_rights() if each.kind == "TOPIC"],
    ids=lambda right: right.name,
)
def test_seeing_a_topic_is_not_enough(tmp_path: Path, secured: SecuredKafka, right: Right) -> None:
    """DESCRIBE in the place of READ or WRITE: the right that is missing is named all the same."""
    others = [each for each in worker_rights() if each != right]
    with secured.may([*others, Right(right.kind, right.name, "DESCRIBE")], "scorer"):
        (error,) = looked_at(tmp_path, secured.servers, secured.login())
    assert MISSING[right.kind, right.name][1] in error.sentence


def test_giving_events_back_needs_no_right_to_what_the_worker_writes(
    tmp_path: Path, secured: SecuredKafka
) -> None:
    """The dead letters are read and the input is written; the output is nobody's business."""
    place = TopicPartition("in", 0)
    problem = Problem(Reason.UNDECODABLE, Stage.DECODE, "as a test has it")
    letter = DeadLetter(b"v", None, None, -1, place, 0, problem)
    form = DeadLetterFormat("out-group", "0", "model", partitions=1)
    producer = Producer({"bootstrap.servers": secured.kafka.internal_servers})
    [headers] = form.records([letter], 0).headers
    producer.produce("out.dead-letters", letter.value, headers=headers)
    assert producer.flush(10) == 0
    rights = [
        Right("TOPIC", "out.dead-letters", "READ"),
        Right("TOPIC", "in", "WRITE"),
        Right("GROUP", "out-group", "READ", prefixed=True),
        Right("TRANSACTIONAL_ID", "out-group", "WRITE", prefixed=True),
    ]
    config = config_for(tmp_path, secured.servers, secured.login())
    settings = load(config, (), {}, need_kafka=True)
    with secured.may(rights, "scorer"):
        assert replay(settings, "input", 3) == Replayed(0, 0, 1, ())
        with pytest.raises(Unreachable, match="may not WRITE the topic out"):
            replay(settings, "output", 3)
