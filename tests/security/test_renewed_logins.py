"""A password that changes while the worker runs, on a real broker."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.end_to_end.workers import Scoring, event_value
from tests.security.rights import worker_rights
from tests.security.secured import SecuredKafka
from tests.topics import Event, wait_for

pytestmark = pytest.mark.kafka


@pytest.fixture
def scoring(secured: SecuredKafka, tmp_path: Path) -> Iterator[Scoring]:
    """A scorer whose user is ``renewed``; the test itself comes in by the inner listener."""
    made = Scoring(secured.kafka.internal_servers, tmp_path, secured.kafka.create_topic)
    secured.grant(worker_rights(made.source, made.output, made.dead, made.group), "renewed")
    yield made
    made.end()


@pytest.mark.parametrize("delivery", ["exactly_once", "at_least_once"])
def test_a_renewed_password_is_taken_over_without_a_restart(
    secured: SecuredKafka, scoring: Scoring, tmp_path: Path, delivery: str
) -> None:
    """Also when the broker knows the new one first, and every connection is made anew meanwhile."""
    password = tmp_path / "password"
    password.write_text("first-password\n")
    secured.set_password("renewed", "first-password")
    login = {**secured.login("renewed"), "sasl.password": f"file:{password}"}
    scoring.set_up(
        {"kafka": {"bootstrap_servers": secured.servers, "common": login, "delivery": delivery}}
    )
    worker = scoring.start()
    scoring.write([Event(event_value("before"))])
    wait_for(lambda: worker.said("assigned") and len(scoring.scored()) == 1, worker.words)

    secured.set_password("renewed", "second-password")
    secured.kafka.restart()
    worker.wait_for("Authentication failed")
    (tmp_path / "next").write_text("second-password\n")
    (tmp_path / "next").rename(password)
    worker.wait_for("the login was renewed")
    scoring.write([Event(event_value("after"))])
    wait_for(lambda: len(scoring.scored()) == 2, worker.words)

    assert worker.stop() == 0
    assert "-password" not in worker.words().replace("sasl.password", "")
