"""Events that name their schema, and a real registry that knows it, or is away."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka.schema_registry import Schema, SchemaRegistryClient

from stream_scorer.local.registry import EmbeddedRegistry
from stream_scorer.records import TopicPartition
from tests import topics
from tests.end_to_end.workers import Scoring, event_value
from tests.schemas.confluent_api import ConfluentApi, confluent_api
from tests.scorers import EVENT
from tests.scorers import event as event_schema

pytestmark = [pytest.mark.kafka, pytest.mark.registry]

#: An evolved writer: another field in front, which the reader does not have.
NEWER = {**EVENT, "fields": [{"name": "extra", "type": "int"}, *EVENT["fields"]]}


def register(url: str, subject: str, schema: Mapping[str, Any]) -> int:
    """Register a schema and return its id."""
    with SchemaRegistryClient({"url": url}) as client:
        return int(client.register_schema(subject, Schema(json.dumps(schema), "AVRO")))


def prefixed(number: int, value: bytes) -> bytes:
    """Put a schema id before a value, as Confluent's serializers do."""
    return struct.pack(">bI", 0, number) + value


def settings(registry: EmbeddedRegistry) -> dict[str, Any]:
    """Settings of a scorer that registers what it writes."""
    return {
        "schemas": {
            "framing": "confluent",
            "registry": {"url": registry.url, "register": True, "timeout": "1s"},
        }
    }


def test_events_of_two_schemas_are_scored_in_order(
    scoring: Scoring, registry: EmbeddedRegistry
) -> None:
    """Ids before the value and in the header, an evolved writer, an id that nobody knows."""
    scoring.set_up(settings(registry))
    subject = f"{scoring.source}-value"
    old, new = register(registry.url, subject, EVENT), register(registry.url, f"{subject}-2", NEWER)
    scoring.write(
        [
            topics.Event(prefixed(old, event_value("e0"))),
            topics.Event(prefixed(new, b"\x0e" + event_value("e1"))),
            topics.Event(event_value("e2"), headers=[("__value_schema_id", prefixed(old, b""))]),
            topics.Event(prefixed(2**31 - 2, event_value("unknown"))),
            topics.Event(event_value("unframed")),
            topics.Event(prefixed(old, event_value("e5")), headers=[("trace", b"1")]),
        ]
    )
    worker = scoring.start()
    scoring.wait_until_done()
    assert worker.stop() == 0
    assert [record["event_id"] for record in scoring.read(5)] == ["e0", "e1", "e2", "e5"]
    assert scoring.reasons() == ["no_schema", "no_schema"]
    headers = [message.headers() for message in scoring.scored()]
    assert headers == [None, None, None, [("trace", b"1")]]


def test_a_scored_event_is_written_with_the_id_of_its_own_schema(
    scoring: Scoring, registry: EmbeddedRegistry
) -> None:
    """Registered under the output topic's subject, so that any Avro consumer can read it."""
    scoring.set_up(settings(registry))
    number = register(registry.url, f"{scoring.source}-value", EVENT)
    scoring.write([topics.Event(prefixed(number, event_value("e0")))])
    scoring.start()
    scoring.wait_until_done()
    (message,) = scoring.scored()
    magic, written_with = struct.unpack(">bI", message.value()[:5])
    with SchemaRegistryClient({"url": registry.url}) as client:
        registered = client.get_latest_version(f"{scoring.output}-value")
    assert (magic, written_with) == (0, registered.schema_id)
    assert json.loads(registered.schema.schema_str)["name"] == "Scored_model"


def test_without_a_reader_it_is_the_registry_s_latest(
    scoring: Scoring, registry: EmbeddedRegistry
) -> None:
    """Of the input topic's subject, at the start."""
    given = settings(registry)
    given["schemas"]["reader"] = None
    scoring.set_up(given)
    number = register(registry.url, f"{scoring.source}-value", event_schema())
    scoring.write([topics.Event(prefixed(number, event_value("e0")))])
    worker = scoring.start()
    scoring.wait_until_done()
    assert f"the registry's latest of {scoring.source}-value" in worker.words()
    assert [record["event_id"] for record in scoring.read(5)] == ["e0"]


def test_an_id_that_the_registry_refuses_holds_its_partition_alone(scoring: Scoring) -> None:
    """Tens of thousands of events of the other one are scored while it waits.

    The registry is a stand-in: Apicurio has no rights for single schemas.
    """
    refused, other = (TopicPartition(scoring.source, each) for each in range(2))
    with confluent_api() as api:
        given = {"framing": "confluent", "registry": {"url": api.url, "register": True}}
        scoring.set_up({"schemas": given}, partitions=2)
        subject = f"{scoring.source}-value"
        old, new = register(api.url, subject, EVENT), register(api.url, f"{subject}-2", NEWER)
        api.forbidden.add(new)
        scoring.write(
            [
                topics.Event(prefixed(old, event_value("e0")), partition=0),
                topics.Event(prefixed(new, b"\x0e" + event_value("e1")), partition=0),
                topics.Event(prefixed(old, event_value("e2")), partition=0),
            ]
        )
        value = prefixed(old, event_value("other"))
        scoring.write([topics.Event(value, partition=1)] * 30_000)
        worker = scoring.start()

        def committed() -> dict[tuple[str, int], int]:
            return topics.committed(scoring.bootstrap_servers, scoring.group, scoring.source)

        topics.wait_for(lambda: committed().get(other) == 30_000, "the other partition's end")
        scoring.write([topics.Event(value, partition=1)] * 2_000)
        topics.wait_for(lambda: committed().get(other) == 32_000, "and what comes later")
        assert committed() == {refused: 1, other: 32_000}
        worker.wait_for("partitions wait, the others go on")
        (said,) = (each for each in worker.words().splitlines() if "partitions wait" in each)
        assert json.loads(said)["partitions"] == [f"{scoring.source}[0]"]
        assert f"refuses access to schema id {new} (HTTP 403 Forbidden); grant the right" in said
        asked = len([each for each in api.requests if each.endswith(f"/schemas/ids/{new}")])
        assert 1 <= asked < 10, "not once for each poll"
        api.forbidden.clear()
        scoring.wait_until_done()
        assert worker.stop() == 0
    ids = [record["event_id"] for record in scoring.read(5)]
    assert [each for each in ids if each != "other"] == ["e0", "e1", "e2"]
    assert ids.count("other") == 32_000
    assert scoring.dead_letters() == []


def with_api(url: str, **registry: Any) -> dict[str, Any]:
    """Settings of a scorer of a registry that is a stand-in, and registers what it writes."""
    return {
        "schemas": {"framing": "confluent", "registry": {"url": url, "register": True, **registry}}
    }


def test_a_schema_that_a_node_does_not_know_yet_is_waited_for(scoring: Scoring) -> None:
    """A producer registers at one node and writes; the scorer's node learns of it later.

    The registry is a stand-in: one process of Apicurio has no second node.
    """
    with confluent_api() as api:
        scoring.set_up(with_api(api.url), partitions=2)
        subject = f"{scoring.source}-value"
        old, new = register(api.url, subject, EVENT), register(api.url, f"{subject}-2", NEWER)
        api.behind.add(new)
        scoring.write(
            [
                topics.Event(prefixed(old, event_value("e0")), partition=0),
                topics.Event(prefixed(new, b"\x0e" + event_value("e1")), partition=0),
                topics.Event(prefixed(old, event_value("e2")), partition=0),
                topics.Event(prefixed(old, event_value("other")), partition=1),
            ]
        )
        worker = scoring.start()
        worker.wait_for(f"schema id {new} is not known yet")
        asked = f"GET /schemas/ids/{new}"
        topics.wait_for(lambda: api.requests.count(asked) == 2, "it is asked again")
        api.behind.clear()
        scoring.wait_until_done()
        assert worker.stop() == 0
    ids = [record["event_id"] for record in scoring.read(5)]
    assert sorted(ids) == ["e0", "e1", "e2", "other"]
    assert [each for each in ids if each != "other"] == ["e0", "e1", "e2"]
    assert scoring.dead_letters() == []


def test_a_topic_of_ids_that_nobody_knows_is_done_with(scoring: Scoring) -> None:
    """One wait is for all of them; each event is a dead letter, and good ones are scored."""
    with confluent_api() as api:
        scoring.set_up(with_api(api.url))
        old = register(api.url, f"{scoring.source}-value", EVENT)
        values = [prefixed(number, event_value("garbage")) for number in range(1, 3_001)]
        values[1_500] = prefixed(old, event_value("good"))
        scoring.write([topics.Event(value) for value in values])
        worker = scoring.start()
        scoring.wait_until_done()
        assert worker.stop() == 0
    assert [record["event_id"] for record in scoring.read(5)] == ["good"]
    assert scoring.reasons() == ["no_schema"] * 2_999


def test_the_schema_of_the_configured_context_is_read(scoring: Scoring) -> None:
    """The default context has another schema under the same id.

    The registry is a stand-in: none that runs here has contexts.
    """
    exchanged = {**EVENT, "fields": [*EVENT["fields"][:1], *reversed(EVENT["fields"][1:])]}
    with confluent_api() as api:
        prod = api.contexts.setdefault(".prod", ConfluentApi())
        scoring.set_up(with_api(api.url, context="prod"))
        for context, schema in ((api, exchanged), (prod, EVENT)):
            context.schemas[7] = {"schema": json.dumps(schema)}
            context.subjects[f"{scoring.source}-value"] = [7]
        scoring.write([topics.Event(prefixed(7, event_value("e0", 1.0, 2.0)))])
        worker = scoring.start()
        scoring.wait_until_done()
        assert worker.stop() == 0
        assert f"{scoring.output}-value" in prod.subjects
    (record,) = scoring.read(5)
    assert (record["event_id"], list(record["score"])) == ("e0", [1.0, 2.0])


@pytest.fixture
def own_registry(tmp_path: Path) -> Iterator[EmbeddedRegistry]:
    """A registry for one test, to be frozen."""
    with EmbeddedRegistry(folder=tmp_path / "registry") as registry:
        yield registry


def test_a_registry_that_hangs_is_waited_for(
    scoring: Scoring, own_registry: EmbeddedRegistry
) -> None:
    """What needs no answer goes on, what does keeps its place, and the worker says so."""
    scoring.set_up(settings(own_registry))
    subject = f"{scoring.source}-value"
    old = register(own_registry.url, subject, EVENT)
    new = register(own_registry.url, f"{subject}-2", NEWER)
    scoring.write([topics.Event(prefixed(old, event_value("e0")))])
    worker = scoring.start()
    scoring.wait_until_done()
    own_registry.pause()
    scoring.write(
        [
            topics.Event(prefixed(old, event_value("e1"))),
            topics.Event(prefixed(new, b"\x0e" + event_value("e2"))),
        ]
    )
    worker.wait_for("waiting; the place is kept and nothing is lost")
    scoring.write([topics.Event(prefixed(old, event_value("e3")))])
    own_registry.resume()
    scoring.wait_until_done()
    assert "working again" in worker.words()
    assert [record["event_id"] for record in scoring.read(5)] == ["e0", "e1", "e2", "e3"]
    assert scoring.dead_letters() == []
    assert worker.stop() == 0


def test_a_stop_while_the_registry_hangs_is_a_clean_one(
    scoring: Scoring, own_registry: EmbeddedRegistry
) -> None:
    """The events that wait are read by the next worker."""
    scoring.set_up(settings(own_registry))
    old = register(own_registry.url, f"{scoring.source}-value", EVENT)
    worker = scoring.start()
    worker.wait_for("partitions assigned")
    own_registry.pause()
    scoring.write([topics.Event(prefixed(old, event_value("e0")))])
    worker.wait_for("waiting; the place is kept and nothing is lost")
    assert worker.stop() == 0
    own_registry.resume()
    scoring.start()
    scoring.wait_until_done()
    assert [record["event_id"] for record in scoring.read(5)] == ["e0"]
