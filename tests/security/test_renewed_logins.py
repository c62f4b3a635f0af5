"""A password that changes while workers run, on a real broker."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Producer

from stream_scorer.kafka.client_config import login
from stream_scorer.kafka.client_log import ClientLog
from stream_scorer.kafka.producer import TransactionalProducer
from tests.end_to_end.workers import Scoring, event_value
from tests.security.rights import worker_rights
from tests.security.secured import SecuredKafka
from tests.topics import Event, wait_for

pytestmark = pytest.mark.kafka

#: Who was refused tries again soon, so that the test does.
SOON = {"reconnect.backoff.max.ms": "500"}


@pytest.fixture
def scorings(secured: SecuredKafka, tmp_path: Path) -> Iterator[dict[str, Scoring]]:
    """One scorer a guarantee, whose user is ``renewed``; the test comes in by the inner door."""
    with ExitStack() as stack:
        made = {}
        for delivery in ("exactly_once", "at_least_once"):
            folder = tmp_path / delivery
            folder.mkdir()
            servers = secured.kafka.internal_servers
            each = made[delivery] = Scoring(servers, folder, secured.kafka.create_topic)
            stack.callback(each.end)
            secured.grant(worker_rights(each.source, each.output, each.dead, each.group), "renewed")
        yield made


def words_of(scorings: dict[str, Scoring]) -> str:
    """All that the workers said."""
    return "\n".join(worker.words() for each in scorings.values() for worker in each.workers)


def test_a_producer_that_is_made_anew_meanwhile_has_the_new_password(
    secured: SecuredKafka,
) -> None:
    """Though it was changed after the client had got its properties."""
    told: list[tuple[str, str]] = []

    class Renewed(Producer):  # type: ignore[misc]  # the client has no types
        def set_sasl_credentials(self, username: str, password: str) -> None:
            told.append((username, password))

    def make_client(properties: Mapping[str, Any], log: ClientLog) -> Producer:
        passwords.append(properties["sasl.password"])
        client = Renewed(properties, logger=log)
        producer.renew_login("renewed", "second-password")
        return client

    passwords: list[str] = []
    properties = {
        "bootstrap.servers": secured.kafka.internal_servers,
        "transactional.id": "made-anew",
        **login("renewed", "first-password"),
    }
    producer = TransactionalProducer(properties, 10.0, make_client=make_client)
    producer.rebuild()
    assert (passwords, told) == (["first-password"], [("renewed", "second-password")])
    producer.rebuild()
    assert passwords[1] == "second-password"


def test_a_renewed_password_is_taken_over_without_a_restart(
    secured: SecuredKafka, scorings: dict[str, Scoring], tmp_path: Path
) -> None:
    """Also when the broker knows the new one first, and every connection is made anew meanwhile."""
    password = tmp_path / "password"
    password.write_text("first-password\n")
    secured.set_password("renewed", "first-password")
    common = {**secured.login("renewed"), **SOON, "sasl.password": f"file:{password}"}
    for delivery, scoring in scorings.items():
        kafka = {"bootstrap_servers": secured.servers, "common": common, "delivery": delivery}
        scoring.set_up({"kafka": kafka})
        scoring.start()
        scoring.write([Event(event_value("before"))])
    for scoring in scorings.values():
        wait_for(lambda: len(scoring.scored()) == 1, lambda: words_of(scorings))  # noqa: B023

    broker_log = secured.kafka.logs()
    before = broker_log.stat().st_size
    secured.set_password("renewed", "second-password")
    secured.kafka.restart()
    wait_for(lambda: b"Failed authentication" in broker_log.read_bytes()[before:], "a refusal")
    (tmp_path / "next").write_text("second-password\n")
    (tmp_path / "next").rename(password)
    for scoring in scorings.values():
        scoring.write([Event(event_value("after"))])
    for scoring in scorings.values():
        wait_for(lambda: len(scoring.scored()) == 2, lambda: words_of(scorings))  # noqa: B023

    for scoring in scorings.values():
        (worker,) = scoring.workers
        assert worker.said("the login was renewed")
        assert worker.stop() == 0
    assert "first-password" not in words_of(scorings)
    assert "second-password" not in words_of(scorings)
