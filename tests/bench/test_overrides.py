"""What the measured worker is told: the settings of the user, but for a few of the run's own."""

from __future__ import annotations

from pathlib import Path

import yaml

from stream_scorer.avro.framing import ById
from stream_scorer.avro.schema import parse
from stream_scorer.bench.overrides import (
    SCORED_ID,
    WRITER_ID,
    for_kafka,
    for_schemas,
    lay_out_schemas,
    without_credentials,
)
from stream_scorer.config.loading import load
from stream_scorer.config.settings import Settings
from stream_scorer.pipeline.sources import open_schemas
from stream_scorer.verify.topics import Names
from tests.scorers import EVENT, event, scorer

NAMES = Names.beginning_with("bench-1")
SECURED = {
    "kafka": {
        "bootstrap_servers": "kafka-1:9092",
        "group_id": "theirs",
        "transactional_id": "theirs",
        "input_topics": ["^their-.*"],
        "output_topic": "scored",
        "common": {
            "security.protocol": "SASL_SSL",
            "sasl.password": "file:/run/secrets/there-is-none",
            "socket.keepalive.enable": True,
        },
        "consumer": {"auto.offset.reset": "error", "fetch.min.bytes": 7},
        "producer": {"ssl.ca.location": "/nowhere", "linger.ms": 3},
    },
    "schemas": {"framing": "confluent", "registry": {"url": "http://nowhere:8081"}},
    "batching": {"max_records": 77},
    "dead_letters": {"budget": {"ratio": 0.5}},
    "server": {"port": 9400},
}


def told(folder: Path, *, credentials: bool) -> Settings:
    """The settings of the worker, by the user's file and the words of the run."""
    config = scorer(folder, SECURED)
    user = load(config, (), {}, need_kafka=False)
    schemas = folder / "schemas"
    lay_out_schemas(schemas, parse(event()), parse(dict(EVENT, name="Scored")), parse(event()))
    dropped = () if credentials else without_credentials(user.kafka)
    words = (*for_schemas(schemas), *dropped, *for_kafka(NAMES, "127.0.0.1:9999"))
    return load(config, words, {}, need_kafka=not credentials)


def test_nothing_that_is_the_users_is_touched(tmp_path: Path) -> None:
    """Neither topics nor group nor transactional id; all else stays as it is."""
    settings = told(tmp_path, credentials=False)
    kafka = settings.kafka
    assert kafka is not None
    assert kafka.bootstrap_servers == "127.0.0.1:9999"
    assert kafka.input_topics == (NAMES.input,)
    assert (kafka.output_topic, kafka.dead_letter_topic) == (NAMES.output, NAMES.dead_letters)
    assert (kafka.group_id, kafka.transactional_id) == (NAMES.group, None)
    assert kafka.offset_reset == "earliest"
    assert settings.dead_letters.budget is None
    assert settings.server.port == 0
    assert settings.batching.max_records == 77


def test_an_embedded_kafka_gets_no_credentials_but_every_other_property(tmp_path: Path) -> None:
    """A file with a secret need not be on this machine."""
    kafka = told(tmp_path, credentials=False).kafka
    assert kafka is not None
    assert kafka.common == {"socket.keepalive.enable": "true"}
    assert kafka.consumer == {"auto.offset.reset": "earliest", "fetch.min.bytes": "7"}
    assert kafka.producer == {"linger.ms": "3"}


def test_ones_own_cluster_gets_all_of_them(tmp_path: Path) -> None:
    """As ``run`` does."""
    kafka = told(tmp_path, credentials=True).kafka
    assert kafka is not None
    assert kafka.common["security.protocol"] == "SASL_SSL"
    assert kafka.producer == {"ssl.ca.location": "/nowhere", "linger.ms": "3"}


def test_the_schemas_of_the_run_are_found_by_their_ids(tmp_path: Path) -> None:
    """In place of the registry, which is not asked."""
    settings = told(tmp_path, credentials=False)
    assert settings.schemas.registry is None
    schemas = open_schemas(settings)
    assert schemas.reader == parse(event())
    assert schemas.source.find(ById(WRITER_ID)) == parse(event())
    scored = parse(dict(EVENT, name="Scored"))
    assert schemas.source.find(ById(SCORED_ID)) == scored
    assert schemas.prefix_for(scored) == b"\0" + SCORED_ID.to_bytes(4, "big")


def test_the_words_are_yaml_whatever_is_in_a_path(tmp_path: Path) -> None:
    """A folder may have a name with a colon or a hash."""
    odd = tmp_path / "a: b #c"
    values = [yaml.safe_load(word.partition("=")[2]) for word in for_schemas(odd)]
    assert values == [None, str(odd), str(odd / "reader.avsc")]
