"""The story on a Kafka and a registry elsewhere: topics, schemas, and events without end."""

from __future__ import annotations

import io
import itertools
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

import fastavro
import pytest
from confluent_kafka import Producer

from stream_scorer.config import Settings, load
from stream_scorer.demo import generate
from stream_scorer.demo.elsewhere import Elsewhere, find_elsewhere
from stream_scorer.demo.events import FAULT_EVERY, events
from stream_scorer.demo.generate import endless, send, with_registered_ids
from stream_scorer.demo.set_up import register_schemas
from stream_scorer.demo.stories import CARD_FRAUD, lay_out
from stream_scorer.errors import ConfigError, Unreachable
from stream_scorer.local.registry import EmbeddedRegistry
from tests.schemas.confluent_api import ConfluentApi, confluent_api

NOBODY = "127.0.0.1:1"
TO_REGISTRY = "schemas.directory=null"


def settings(folder: Path, *overrides: str) -> Settings:
    """The story's own config, with these settings."""
    return load(lay_out(CARD_FRAUD, folder, NOBODY), overrides, {}, need_kafka=True)


def place(folder: Path, url: str, *overrides: str) -> Elsewhere:
    """The story at a registry."""
    given = settings(folder, TO_REGISTRY, f"schemas.registry={{url: {url}}}", *overrides)
    return find_elsewhere(CARD_FRAUD, given)


def event_id(value: bytes) -> str:
    """The id in an event that an even version of the story's schema wrote."""
    schema = fastavro.schema.load_schema(CARD_FRAUD.writers[int.from_bytes(value[1:5], "big")])
    row = fastavro.schemaless_reader(io.BytesIO(value[5:]), schema, None)
    assert isinstance(row, dict)
    return str(row["event_id"])


@pytest.mark.parametrize(
    ("overrides", "named"),
    [
        ((), "schemas.registry"),
        (
            (TO_REGISTRY, "schemas.registry={url: http://r}", "kafka.input_topics=['^cards.*']"),
            "kafka.input_topics",
        ),
    ],
)
def test_a_config_that_lacks_what_the_story_needs_is_refused(
    overrides: Sequence[str], named: str, tmp_path: Path
) -> None:
    """By the setting's name."""
    with pytest.raises(ConfigError, match=named):
        find_elsewhere(CARD_FRAUD, settings(tmp_path, *overrides))


def test_events_can_be_numbered_from_anywhere() -> None:
    """Their ids and faults go by the number, so that runs can follow each other."""
    first = FAULT_EVERY - 2
    later = list(events(CARD_FRAUD, 4, seed=1, first=first))
    assert event_id(later[0].value or b"") == f"card-fraud-{first:08d}"
    assert [each.reason is not None for each in later] == [False, True, False, False]


def test_the_story_goes_on_without_repeating_an_id(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each round moves from the old schema to the new one."""
    monkeypatch.setattr(generate, "ROUND_EVENTS", 50)
    run = list(itertools.islice(endless(CARD_FRAUD), 150))
    values = [each.value for each in run if each.value is not None and each.reason is None]
    assert len({event_id(value) for value in values}) == len(values)
    versions = [value[4] for value in values]
    assert versions[0] == versions[50] == 1
    assert versions[49] == versions[99] == 2


def test_a_client_that_is_full_is_waited_for_until_the_stop(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As it is while the brokers are away; what it never took was not sent."""
    monkeypatch.setattr(generate, "FLUSH_SECONDS", 0.0)
    stopped, said = threading.Event(), list[str]()
    producer = Producer(
        {"bootstrap.servers": NOBODY, "queue.buffering.max.messages": 5, "log_level": 0}
    )
    stop = threading.Timer(0.3, stopped.set)
    stop.start()
    sent = send(
        events(CARD_FRAUD, 10, seed=1),
        producer,
        "nowhere",
        events_per_second=1e6,
        stopped=stopped,
        say=said.append,
    )
    stop.join()
    assert sent == 5
    assert said == ["5 events sent to nowhere, 5 did not arrive."]
    producer.purge()


@pytest.mark.registry
def test_events_are_not_generated_before_their_schemas_are_registered(
    registry: EmbeddedRegistry, tmp_path: Path
) -> None:
    """Then they carry the ids that the registry gave."""
    at = place(tmp_path, registry.url, "kafka.input_topics=[generated]")
    with pytest.raises(ConfigError, match="set_up"):
        with_registered_ids(at)
    said = list[str]()
    register_schemas(at, 0.0, said.append)
    story = with_registered_ids(at)
    assert list(story.writers.values()) == list(CARD_FRAUD.writers.values())
    assert [
        f"under id {number}." in line for number, line in zip(story.writers, said, strict=False)
    ]
    assert said[-1].startswith("Subject card-transactions.scored-value ")


def test_a_story_s_schemas_are_in_the_context_that_is_configured(tmp_path: Path) -> None:
    """There the scorer looks for them. The registry is a stand-in: Apicurio has no contexts."""
    with confluent_api() as api:
        api.contexts[".prod"] = prod = ConfluentApi()
        at = place(tmp_path, api.url, "schemas.registry.context=prod")
        register_schemas(at, 0.0, lambda _: None)
        assert list(with_registered_ids(at).writers) == prod.subjects[at.input_subject]
        assert api.subjects == {}


def test_a_registry_that_stays_away_ends_the_patience(tmp_path: Path) -> None:
    """With the sentence that says who does not answer."""
    with pytest.raises(Unreachable, match="registry"):
        register_schemas(place(tmp_path, f"http://{NOBODY}"), 0.0, lambda _: None)


@pytest.mark.parametrize(
    ("module", "words", "code", "sentence"),
    [
        ("set_up", ["--patience", "0.5"], 4, "no broker of 127.0.0.1:1 answers"),
        ("generate", [], 4, "does not answer"),
        ("generate", ["--rate", "0"], 2, "--rate"),
        ("set_up", ["--story", "fiction"], 2, "--story"),
    ],
)
def test_what_goes_wrong_is_an_exit_code_and_a_sentence(
    module: str, words: Sequence[str], code: int, sentence: str, tmp_path: Path
) -> None:
    """As for any command of the program."""
    config = lay_out(CARD_FRAUD, tmp_path, NOBODY)
    text = config.read_text("utf-8")
    listed = "  directory: schemas"
    assert listed in text
    config.write_text(text.replace(listed, f"  registry: {{url: 'http://{NOBODY}'}} #"), "utf-8")
    program = [sys.executable, "-m", f"stream_scorer.demo.{module}", "-c", str(config), *words]
    ended = subprocess.run(program, check=False, capture_output=True, text=True)  # noqa: S603 - ours
    assert (ended.returncode, sentence in ended.stderr) == (code, True), ended.stderr
    assert "Traceback" not in ended.stderr
