"""The story elsewhere gets in as its scorer does."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from stream_scorer.config import load
from stream_scorer.demo.elsewhere import find_elsewhere
from stream_scorer.demo.set_up import create_topics
from stream_scorer.demo.stories import CARD_FRAUD, lay_out
from tests.security.secured import Right, SecuredKafka

pytestmark = pytest.mark.kafka


def test_topics_are_created_with_the_login_of_the_config(
    tmp_path: Path, secured: SecuredKafka
) -> None:
    """By SCRAM over TLS, with the rights to do so and no others."""
    given = load(
        lay_out(CARD_FRAUD, tmp_path, secured.servers),
        (
            f"kafka.common={json.dumps(secured.login())}",
            "schemas.directory=null",
            "schemas.registry={url: http://unused}",
        ),
        {},
        need_kafka=True,
    )
    place, said = find_elsewhere(CARD_FRAUD, given), list[str]()
    rights = [
        Right("TOPIC", "card-transactions", each, prefixed=True) for each in ("CREATE", "DESCRIBE")
    ]
    with secured.may(rights, "scorer"):
        create_topics(place, 1, 20, said.append)
    assert said == [
        f"Topic {name} created with 1 partitions."
        for name in (CARD_FRAUD.topic, CARD_FRAUD.output_topic, CARD_FRAUD.dead_letter_topic)
    ]
