"""The rights that docs/security.md lists are enough, and each of them is needed."""

from __future__ import annotations

from pathlib import Path

import pytest

from stream_scorer.check.findings import exit_code_of
from tests.security.conftest import looked_at
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
