"""The small machine's worker does its work within the memory and the rights that its unit grants.

The limit of data (``RLIMIT_DATA``) counts what is private and writable: heaps, and stacks whole,
touched or not. So it holds a worker to less than a control group would. Code and other pages of
files it does not count; the kernel's own peak of the resident set has those as well.
"""

from __future__ import annotations

import urllib.request
import uuid
from collections import Counter
from pathlib import Path

import psutil
import pytest

from stream_scorer.bench.usage import peak_rss_bytes
from stream_scorer.demo.events import events
from stream_scorer.demo.stories import MACHINE_TELEMETRY
from tests import topics
from tests.conftest import Kafka
from tests.end_to_end.workers import headers_of
from tests.examples import edge
from tests.examples.edge_worker import UNIT, Names, running
from tests.examples.system_calls import allowed_calls

pytestmark = pytest.mark.kafka

EVENTS = 30_000
TOO_LITTLE_BYTES = 70_000_000

#: The tests' Kafka has no password; that the config's login works is tested where one has.
OPEN = {"kafka.common.security.protocol": "PLAINTEXT"}


@pytest.fixture
def names(kafka: Kafka) -> Names:
    """Topics of the test's own."""
    names = Names(f"edge-{uuid.uuid4().hex[:8]}")
    for topic in (names.source, names.output, names.dead):
        kafka.create_topic(topic)
    return names


def test_a_backlog_is_scored_within_160_mb(
    kafka: Kafka, names: Names, box: Path, tmp_path: Path
) -> None:
    """Each event is scored or a dead letter for its fault, and the worker stops as it should."""
    servers = kafka.bootstrap_servers
    faults = _write_backlog(servers, names.source)
    settings = names.settings(servers) | OPEN
    with running(box, settings, tmp_path / "log", data_bytes=edge.LIMIT_BYTES) as worker:
        worker.wait_until_done(servers, names)
        peak_bytes = peak_rss_bytes(worker.process.pid)
        assert worker.stop() == 0, worker.words()
    assert peak_bytes is not None
    assert peak_bytes < edge.LIMIT_BYTES
    letters = topics.read(servers, names.dead)
    reasons = Counter(headers_of(each)["stream_scorer.reason"].decode() for each in letters)
    assert reasons == faults
    assert len(topics.read(servers, names.output)) == EVENTS - faults.total()


def test_a_worker_without_enough_memory_ends_with_a_word(
    kafka: Kafka, names: Names, box: Path, tmp_path: Path
) -> None:
    """The limit is a real one: with less than the libraries take, there is no worker."""
    settings = names.settings(kafka.bootstrap_servers) | OPEN
    with running(box, settings, tmp_path / "log", data_bytes=TOO_LITTLE_BYTES) as worker:
        assert worker.process.wait(topics.PATIENCE_SECONDS) != 0
        assert worker.words()


def test_the_worker_needs_no_right_that_the_unit_takes(
    kafka: Kafka, names: Names, box: Path, tmp_path: Path
) -> None:
    """Under the kernel's own filters for the unit's settings it scores, answers and stops."""
    servers = kafka.bootstrap_servers
    (event,) = events(MACHINE_TELEMETRY, 1, seed=1)
    topics.write(servers, names.source, [topics.Event(event.value)] * 100)
    with running(
        box,
        names.settings(servers) | OPEN,
        tmp_path / "log",
        calls=allowed_calls(UNIT.words("SystemCallFilter")),
        no_written_code=UNIT.one("MemoryDenyWriteExecute") == "yes",
        address_families=UNIT.words("RestrictAddressFamilies"),
    ) as worker:
        worker.wait_until_done(servers, names)
        with urllib.request.urlopen(f"http://127.0.0.1:{worker.port()}/metrics") as answer:
            assert answer.status == 200
        assert worker.stop() == 0, worker.words()
    assert len(topics.read(servers, names.output)) == 100


def test_nothing_of_the_worker_listens_on_the_network(
    kafka: Kafka, names: Names, box: Path, tmp_path: Path
) -> None:
    """The one socket that listens is bound to loopback."""
    settings = names.settings(kafka.bootstrap_servers) | OPEN
    with running(box, settings, tmp_path / "log") as worker:
        port = worker.port()
        process = psutil.Process(worker.process.pid)
        listening = [
            each.laddr for each in process.net_connections("inet") if each.status == "LISTEN"
        ]
    assert listening == [("127.0.0.1", port)]


def _write_backlog(servers: str, topic: str) -> Counter[str]:
    """Write the events; what is wrong with how many of them."""
    backlog = list(events(MACHINE_TELEMETRY, EVENTS, seed=1))
    topics.write(servers, topic, [topics.Event(each.value, each.key) for each in backlog])
    return Counter(str(each.reason) for each in backlog if each.reason is not None)
