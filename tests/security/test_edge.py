"""The small machine's worker logs in as its files say, within the memory and rights of its unit."""

from __future__ import annotations

from pathlib import Path

import pytest

from stream_scorer.bench.usage import peak_rss_bytes
from stream_scorer.demo.events import events
from stream_scorer.demo.stories import MACHINE_TELEMETRY
from tests import topics
from tests.examples import edge
from tests.examples.edge_worker import UNIT, Names, running
from tests.examples.system_calls import allowed_calls
from tests.security.secured import Right, SecuredKafka

pytestmark = pytest.mark.kafka

EVENTS = 5_000
NAMES = Names("machine-telemetry")  # the user's name, too
PASSWORD = "of the box"  # noqa: S105 - of a broker that lives for the test


def test_a_small_machine_logs_in_by_its_credential_over_tls(
    secured: SecuredKafka, tmp_path: Path
) -> None:
    """SCRAM over TLS, as the config has it; the password from the file that the unit names."""
    assert edge.lay_out(tmp_path).returncode == 0
    box = tmp_path / "box"
    (box / "kafka-password").write_text(f"{PASSWORD}\n")
    for topic in (NAMES.source, NAMES.output, NAMES.dead):
        secured.kafka.create_topic(topic)
    backlog = events(MACHINE_TELEMETRY, EVENTS, seed=1)
    inside = secured.kafka.internal_servers
    topics.write(inside, NAMES.source, [topics.Event(each.value, each.key) for each in backlog])
    secured.set_password(NAMES.source, PASSWORD)
    authority = {"kafka.common.ssl.ca.location": secured.authority.file}
    with (
        secured.may(_rights(), NAMES.source),
        running(
            box,
            NAMES.settings(secured.servers) | authority,
            tmp_path / "log",
            data_bytes=edge.LIMIT_BYTES,
            calls=allowed_calls(UNIT.words("SystemCallFilter")),
            no_written_code=True,
            address_families=UNIT.words("RestrictAddressFamilies"),
        ) as worker,
    ):
        worker.wait_until_done(inside, NAMES)
        peak_bytes = peak_rss_bytes(worker.process.pid)
        assert worker.stop() == 0, worker.words()
    assert peak_bytes is not None
    assert peak_bytes < edge.LIMIT_BYTES
    assert PASSWORD not in worker.words()
    scored, dead = (topics.read(inside, topic) for topic in (NAMES.output, NAMES.dead))
    assert len(scored) + len(dead) == EVENTS


def _rights() -> list[Right]:
    """What lies below the worker's own name is its own: topics, group, transactions."""
    return [
        Right(kind, NAMES.source, operation, prefixed=True)
        for kind, operations in {
            "TOPIC": ("READ", "WRITE"),
            "GROUP": ("READ",),
            "TRANSACTIONAL_ID": ("WRITE", "DESCRIBE"),
        }.items()
        for operation in operations
    ]
