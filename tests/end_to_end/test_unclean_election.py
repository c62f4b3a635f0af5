"""A leader that lacks what a group has scored: a real unclean election, with workers that read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

import pytest
from confluent_kafka.admin import AdminClient, NewTopic

from stream_scorer.local.kafka import EmbeddedKafka
from tests import topics
from tests.end_to_end.workers import Scoring, event_value

pytestmark = pytest.mark.kafka

#: The controllers notice a dead broker soon.
SOON = {"broker.session.timeout.ms": "2000", "broker.heartbeat.interval.ms": "200"}
#: Broker 1 leads the input, broker 2 follows; broker 3 has none of it.
LEADER, FOLLOWER = 1, 2
CARELESS = {"unclean.leader.election.enable": "true", "min.insync.replicas": "1"}
BEFORE, AFTER = 5, 5


@pytest.fixture(scope="module")
def careless(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedKafka]:
    """Three brokers of which tests may kill one."""
    folder = tmp_path_factory.mktemp("careless")
    with EmbeddedKafka(3, folder, properties=SOON) as kafka:
        yield kafka


def _scoring(kafka: EmbeddedKafka, folder: Path, on_data_loss: str) -> Scoring:
    def create(name: str, partitions: int, config: Mapping[str, str]) -> None:
        if not name.endswith(".in"):
            kafka.create_topic(name, partitions, config)
            return
        admin = AdminClient({"bootstrap.servers": kafka.bootstrap_servers, "log_level": 0})
        placed = NewTopic(name, 1, replica_assignment=[[LEADER, FOLLOWER]], config=CARELESS)
        admin.create_topics([placed])[name].result()

    folder.mkdir()
    made = Scoring(kafka.bootstrap_servers, folder, create)
    made.set_up({"kafka": {"on_data_loss": on_data_loss}})
    return made


def _write(scoring: Scoring, name: str, count: int) -> None:
    scoring.write([topics.Event(event_value(f"{name}{each}")) for each in range(count)])


@pytest.mark.timeout(300)
def test_a_leader_that_lacks_what_was_scored(careless: EmbeddedKafka, tmp_path: Path) -> None:
    """A worker goes on where the log was cut, though it has grown again, or ends and names it."""
    goes_on = _scoring(careless, tmp_path / "goes-on", "continue")
    stops = _scoring(careless, tmp_path / "stops", "stop")
    both = (goes_on, stops)
    with ExitStack() as stack:
        for each in both:
            stack.callback(each.end)
        for each in both:
            _write(each, "both", BEFORE)
        careless.shut_down(FOLLOWER)
        for each in both:
            _write(each, "leader", AFTER)
            each.start()
        for each in both:
            each.wait_until_done()
        careless.kill(LEADER)
        careless.start(FOLLOWER)
        for each in both:
            _write(each, "follower", 2 * AFTER)

        (worker,) = stops.workers
        assert worker.exit_code() == 4
        last = worker.words().splitlines()[-1]
        assert f"cut back to {BEFORE}, as by an unclean leader election" in last
        assert f"offsets {BEFORE} to {BEFORE + AFTER - 1}, which the group has scored" in last
        assert "Traceback" not in worker.words()

        goes_on.wait_until_done()
        found = [(each["event_id"], each["source"]["offset"]) for each in goes_on.read()]
        assert found == [
            *((f"both{each}", each) for each in range(BEFORE)),
            *((f"leader{each}", BEFORE + each) for each in range(AFTER)),
            *((f"follower{each}", BEFORE + each) for each in range(2 * AFTER)),
        ]
        (worker,) = goes_on.workers
        assert f"Going on from offset {BEFORE}" in worker.words()
        assert worker.stop() == 0
