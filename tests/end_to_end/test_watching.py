"""What a worker says of itself at its port is true, on a real Kafka."""

from __future__ import annotations

import json
import re
import signal
import socket
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Producer

from stream_scorer.local.kafka import EmbeddedKafka
from stream_scorer.observe.readiness import NOT_A_MEMBER
from tests import topics
from tests.end_to_end.workers import QUICK, Process, Scoring, event_value

pytestmark = pytest.mark.kafka

#: The clients say often what they know.
TOLD_OFTEN = {"statistics.interval.ms": 200}
OFTEN: Mapping[str, Any] = {
    "consumer": {**QUICK["consumer"], **TOLD_OFTEN},
    "producer": {**QUICK["producer"], **TOLD_OFTEN},
}
SERVER: Mapping[str, Any] = {"host": "127.0.0.1", "port": 0}
#: Whether the producer's connection broke first, or the consumer said that none is up.
AWAY = r"(No transaction coordinator answers .*|no connection to a broker is up)\n"
BY_PROTOCOL: Mapping[str, Mapping[str, Any]] = {
    "classic": OFTEN["consumer"],
    "consumer": {"group.protocol": "consumer", **TOLD_OFTEN},
}


class Watched:
    """A worker and what its port says."""

    def __init__(self, worker: Process) -> None:
        self.worker = worker
        worker.wait_for('"running"')
        lines = map(json.loads, worker.words().splitlines())
        self._port = next(line["port"] for line in lines if line["message"] == "running")

    def ask(self, path: str) -> tuple[int, str]:
        """Status and body of an answer."""
        try:
            with urllib.request.urlopen(
                f"http://127.0.0.1:{self._port}{path}", timeout=topics.PATIENCE_SECONDS
            ) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()

    def status(self) -> Any:
        """The JSON of `/status`, read strictly."""
        return json.loads(self.ask("/status")[1], parse_constant=pytest.fail)

    def partitions(self) -> list[Any]:
        """What is said of the partitions that the worker holds."""
        found = self.status()["partitions"]
        assert isinstance(found, list)
        return found

    def metric(self, name: str) -> float:
        """The sum of all series of a metric whose line begins so."""
        lines = self.ask("/metrics")[1].splitlines()
        return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(name))

    def is_ready(self) -> bool:
        """Whether it could take events."""
        return self.ask("/readyz")[0] == 200

    def wait_until_ready(self) -> None:
        """Return once it could take events."""
        topics.wait_for(self.is_ready, lambda: f"ready: {self.ask('/readyz')}")

    def wait_for_news(self) -> None:
        """Return once the consumer has fetched again, and has said so, twice."""
        for _ in range(2):
            before = self.metric('kafka_requests_total{client="consumer"}')
            topics.wait_for(
                lambda before=before: (  # type: ignore[misc]
                    self.metric('kafka_requests_total{client="consumer"}') > before
                ),
                "the consumer's statistics",
            )


def start(scoring: Scoring, *overrides: str) -> Watched:
    """Start a worker; its port is open when this returns."""
    return Watched(scoring.start(*overrides))


def is_at(watched: Watched, end: int) -> bool:
    """Whether the worker has come to this offset and says that nothing waits there."""
    keys = ("committed", "lag_events", "lag_seconds")
    return [[found[key] for key in keys] for found in watched.partitions()] == [[end, 0, 0.0]]


def write_transactions(scoring: Scoring, first: int, count: int) -> None:
    """Write one event a transaction: as many control markers as events."""
    client = Producer(
        {
            "bootstrap.servers": scoring.bootstrap_servers,
            "transactional.id": f"{scoring.name}-upstream",
            "log_level": 0,
        }
    )
    client.init_transactions(topics.PATIENCE_SECONDS)
    for number in range(first, first + count):
        client.begin_transaction()
        client.produce(scoring.source, event_value(f"e{number}"), partition=0)
        client.commit_transaction(topics.PATIENCE_SECONDS)


# ------------------------------------------------------------------ lag


def test_the_lag_on_a_transactional_input_is_that_of_events(scoring: Scoring) -> None:
    """Half of the offsets are markers: a good estimate under a backlog, exactly zero at its end."""
    events = 200
    pace = {"max_records": 1, "transaction_max_records": 1, "min_commit_interval": "20ms"}
    scoring.set_up({"server": SERVER, "batching": pace, "kafka": OFTEN})
    write_transactions(scoring, 0, events)
    watched = start(scoring)
    estimates = []

    def is_through() -> bool:
        for found in watched.partitions():
            done = found["committed"]
            if found["lag_events"] is not None and 40 <= done <= 1.5 * events:
                estimates.append((found["lag_events"], events - (done + 1) // 2))
        return bool(watched.status()["totals"]["scored"] == events)

    topics.wait_for(is_through, "all events are scored")
    assert len(estimates) >= 3, "the worker is slower than those who look at it"
    for estimate, waiting in estimates:
        assert estimate == pytest.approx(waiting, rel=0.1, abs=2)
    topics.wait_for(lambda: is_at(watched, 2 * events), "a lag of zero")
    assert watched.metric("stream_scorer_lag_events") == 0
    assert topics.lag(scoring.bootstrap_servers, scoring.group, scoring.source) == 0


def test_what_upstream_aborts_or_has_not_committed_is_no_lag(scoring: Scoring) -> None:
    """An aborted transaction at the end of the input is stepped over, an open one waited for.

    What it holds back is told beside the lag, and for how long.
    """
    scoring.set_up({"server": SERVER, "kafka": OFTEN})
    watched = start(scoring)
    events = [topics.Event(event_value(f"e{number}")) for number in range(5)]
    scoring.write(events, transaction=f"{scoring.name}-aborts", commit=False)
    topics.wait_for(lambda: is_at(watched, 6), lambda: f"zero after an abort: {watched.status()}")
    unfinished = topics.begin(
        scoring.bootstrap_servers, scoring.source, events, f"{scoring.name}-open"
    )

    def held_back() -> tuple[float, float]:
        names = ("stream_scorer_unstable_offsets", "stream_scorer_unstable_seconds")
        offsets, seconds = (watched.metric(name) for name in names)
        return offsets, seconds

    topics.wait_for(lambda: held_back()[0] == 5, lambda: f"5 offsets held back: {held_back()}")
    topics.wait_for(lambda: held_back()[1] > 0.5, lambda: f"for a while: {held_back()}")
    assert is_at(watched, 6)
    unfinished.commit()
    topics.wait_for(lambda: is_at(watched, 12), "zero after the commit")
    topics.wait_for(lambda: held_back() == (0, 0), lambda: f"nothing held back: {held_back()}")
    assert watched.status()["totals"]["scored"] == 5
    assert topics.lag(scoring.bootstrap_servers, scoring.group, scoring.source) == 0


def test_the_lag_of_a_topic_without_events_is_zero(scoring: Scoring) -> None:
    """And not unknown, though nothing was ever committed there."""
    scoring.set_up({"server": SERVER, "kafka": OFTEN}, partitions=3)
    watched = start(scoring)
    topics.wait_for(
        lambda: [each["lag_events"] for each in watched.partitions()] == [0, 0, 0],
        lambda: f"a lag of zero: {watched.partitions()}",
    )
    assert watched.metric("stream_scorer_assigned_partitions") == 3


def test_a_partition_s_lag_goes_with_it(scoring: Scoring) -> None:
    """Two workers export each partition once."""
    scoring.set_up({"server": SERVER, "kafka": OFTEN}, partitions=2)
    first = start(scoring)
    topics.wait_for(lambda: len(first.partitions()) == 2, "both partitions")
    second = start(scoring)

    def each_has_one() -> bool:
        mine, theirs = first.partitions(), second.partitions()
        return sorted(each["partition"] for each in [*mine, *theirs]) == [0, 1] and bool(theirs)

    topics.wait_for(each_has_one, "one partition for each")


# ------------------------------------------------------------------ readiness


def test_a_worker_is_ready_once_the_group_has_taken_it_in(scoring: Scoring) -> None:
    """Another member that stands still holds the group up; a spare member is ready as well."""
    patient = {"session.timeout.ms": "15000", "heartbeat.interval.ms": "200", **TOLD_OFTEN}
    scoring.set_up({"server": SERVER, "kafka": {"consumer": patient}})
    holder = start(scoring)
    holder.wait_until_ready()
    topics.wait_for(lambda: len(holder.partitions()) == 1, "the partition")
    worker = scoring.start()
    worker.wait_for("reader schema")  # what comes after that takes a moment
    holder.worker.send(signal.SIGSTOP)
    spare = Watched(worker)
    assert spare.ask("/readyz") == (503, f"{NOT_A_MEMBER}\n")
    assert spare.ask("/healthz") == (200, "ok\n")
    holder.worker.send(signal.SIGCONT)
    spare.wait_until_ready()
    holder.wait_until_ready()
    assert len(holder.partitions()) + len(spare.partitions()) == 1


@pytest.mark.parametrize("protocol", ["classic", "consumer"])
def test_a_spare_member_is_ready(scoring: Scoring, protocol: str) -> None:
    """It must not hold up a rollout; both group protocols."""
    kafka = {"consumer": BY_PROTOCOL[protocol], "producer": OFTEN["producer"]}
    scoring.set_up({"server": SERVER, "kafka": kafka})
    holder, spare = start(scoring), start(scoring)

    def both_are_ready_and_one_has_nothing() -> bool:
        held = sorted(len(each.partitions()) for each in (holder, spare))
        return holder.is_ready() and spare.is_ready() and held == [0, 1]

    topics.wait_for(
        both_are_ready_and_one_has_nothing,
        lambda: f"{[(each.ask('/readyz'), each.partitions()) for each in (holder, spare)]}",
    )


@pytest.fixture
def mortal(tmp_path: Path) -> Iterator[EmbeddedKafka]:
    """A broker to be killed."""
    with EmbeddedKafka(folder=tmp_path / "kafka") as kafka:
        yield kafka


def test_while_the_brokers_are_away_it_is_not_ready_and_healthy(
    mortal: EmbeddedKafka, tmp_path: Path
) -> None:
    """Another process would not reach them either; no event has to flow to end that."""
    scoring = Scoring(mortal.bootstrap_servers, tmp_path, mortal.create_topic)
    try:
        scoring.set_up({"server": SERVER, "kafka": OFTEN})
        scoring.write([topics.Event(event_value("e"))])
        watched = start(scoring)
        topics.wait_for(lambda: is_at(watched, 1), "the one event is scored")
        mortal.kill()
        topics.wait_for(lambda: not watched.is_ready(), "not ready")
        status, why = watched.ask("/readyz")
        assert status == 503
        assert re.fullmatch(
            r"(No transaction coordinator answers .*|no connection .* is up)\n", why
        )
        assert watched.ask("/healthz") == (200, "ok\n")
        worker = watched.status()["worker"]
        assert (worker["ready"], worker["healthy"]) == (False, True)
        mortal.start()
        watched.wait_until_ready()
        assert watched.status()["totals"]["consumed"] == 1
    finally:
        scoring.end()


# ------------------------------------------------------------------ the port, and what it shows


def test_a_port_in_use_is_a_sentence(scoring: Scoring) -> None:
    """Before the group is joined; exit code 2."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        scoring.set_up({"server": {"host": "127.0.0.1", "port": port}})
        worker = scoring.start()
        assert worker.exit_code() == 2
    last = worker.words().splitlines()[-1]
    assert last.startswith(f"Error: server.port: 127.0.0.1:{port} can't be listened on")
    assert "Traceback" not in worker.words()
    assert "partitions assigned" not in worker.words()


def test_the_status_shows_values_only_where_that_is_asked_for(scoring: Scoring) -> None:
    """And what is secret in the configuration never."""
    kafka = {**OFTEN, "common": {"sasl.password": "hunter2"}}
    scoring.set_up({"server": SERVER, "kafka": kafka})
    planted = b"\xff4111-1111-1111-1111"
    worker = start(scoring)
    scoring.write([topics.Event(event_value("secret-id")), topics.Event(planted)])
    topics.wait_for(lambda: worker.status()["totals"]["dead_letters"] == 1, "the dead letter")
    for path in ("/status", "/", "/metrics"):
        shown = worker.ask(path)[1]
        assert not [word for word in ("4111", "secret-id", "hunter2") if word in shown]
    status = worker.status()
    (sample,) = status["dead_letters"]["samples"]
    assert (sample["offset"], sample["reason"], sample["value"]) == (1, "undecodable", None)
    assert status["config"]["kafka"]["common"] == {"sasl.password": "******"}
    assert status["config"]["kafka"]["group_id"] == scoring.group
    assert worker.worker.stop() == 0

    worker = start(scoring, "server.show_values=true")
    scoring.write([topics.Event(planted)])
    topics.wait_for(lambda: worker.status()["totals"]["dead_letters"] == 1, "the dead letter")
    (sample,) = worker.status()["dead_letters"]["samples"]
    assert (sample["offset"], sample["value"]) == (2, repr(planted))
    assert "hunter2" not in worker.ask("/status")[1]
