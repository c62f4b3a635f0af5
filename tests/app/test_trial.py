"""What `check` passes, `run` can start with: every property and setting, with anything in it."""

from __future__ import annotations

import io
import itertools
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from contextlib import closing, redirect_stderr, redirect_stdout, suppress
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Consumer, KafkaException, Producer
from hypothesis import example, given, settings
from hypothesis import strategies as st

from stream_scorer.app.clients import make_consumer, make_producer, write_properties
from stream_scorer.app.loop import pace_of
from stream_scorer.app.trial import judge_clients
from stream_scorer.app.written_topics import OutputTopics
from stream_scorer.cli.main import main
from stream_scorer.config import known, load, reserved
from stream_scorer.config.settings import KafkaConfig, Settings
from stream_scorer.errors import ConfigError, StreamScorerError
from stream_scorer.kafka.client_log import ClientLog
from stream_scorer.kafka.cluster import TopicFacts
from stream_scorer.kafka.connections import audible
from stream_scorer.schemas import RegistrySchemas
from tests.scorers import kafka_section, scorer

#: An address without a port that could answer: the clients here ask nobody.
NOWHERE = ""
SECTIONS = ("common", "consumer", "producer")
REFUSED = (2, 3, 4)


def kafka_with(properties: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    """A section ``kafka`` with these properties, by section."""
    return {**kafka_section("127.0.0.1:1", "in", "out"), **properties, **more}


def constructed(config: Path) -> None:
    """What `run` makes of the settings, as far as that takes no broker."""
    loaded = load(config, (), {}, need_kafka=True)
    kafka = loaded.kafka
    assert kafka is not None
    apart = kafka.model_copy(update={"bootstrap_servers": NOWHERE})
    pace_of(loaded)
    _make_clients(loaded.model_copy(update={"kafka": apart}), apart)


def _make_clients(loaded: Settings, kafka: KafkaConfig) -> None:
    topics = OutputTopics(TopicFacts("out", 1, 1, None, 1_048_588, None, None), None)
    consumer = make_consumer(loaded, kafka, lambda _: None)
    with closing(consumer):
        consumer.subscribe(_Idle())
        make_producer(loaded, kafka, topics, consumer, warn=lambda _: None)
        # The transactional one makes its client in the first transaction, which needs brokers.
        Producer(audible(write_properties(loaded, kafka, topics)), logger=ClientLog())


class _Idle:
    """Hears of no rebalance: there is no group."""

    def assigned(self, *_: object) -> None:
        """Never called."""

    revoked = lost = assigned


def answer(config: Path) -> tuple[int, str]:
    """The exit code of ``check --offline``, and what it prints."""
    printed = io.StringIO()
    with redirect_stdout(printed), redirect_stderr(printed):
        code = main(["check", "--offline", "-c", str(config)])
    return code, printed.getvalue()


def agree(change: Mapping[str, Any]) -> None:
    """Whether ``check`` and the construction say the same of a scorer that is changed so."""
    with tempfile.TemporaryDirectory() as name:
        config = scorer(Path(name), change)
        code, printed = answer(config)
        wanted: tuple[int, ...] = (0, 3)  # 3: the model, which is not looked at here
        try:
            constructed(config)
        except StreamScorerError as refused:
            wanted = (refused.exit_code,)
        except KafkaException:
            wanted = (2,)
        assert code in wanted, printed
        assert "Internal error" not in printed
        for line in printed.splitlines():
            assert len(line) < 1000, line


#: Wrong in type, out of range, empty, huge, cut, not of this world; and some that are right.
VALUES = st.one_of(
    st.sampled_from(
        ["", "abc", "-1", "0", "1", "true", "6s", "5abc", "0x10", "1e3", " 7", "²", "٣", "x" * 6000,
         "9" * 5000, "a\nb", "a\tb", '"', "a`b", "%s", "{x}", "plaintext", "all", "consumer",
         "classic", "range", "cooperative-sticky", "zstd", "PLAIN", "/nowhere", "none"]
    ),
    st.integers(-(2**70), 2**70),
    st.sampled_from([999, 1000, 1_000_000, 2**31 - 1, 2**31, 2**63]),
    st.floats(),
    st.booleans(),
    st.text(max_size=8),
    st.none(),
    st.just([]),
    st.just({"a": 1}),
)  # fmt: skip
#: A plugin is code: a name that exists would be run.
NAMES = sorted(
    {name for section in SECTIONS for name in known.known(section)} - {"plugin.library.paths"}
)
PROPERTIES = st.dictionaries(
    st.sampled_from(SECTIONS),
    st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=5), VALUES, max_size=2),
    max_size=2,
)
FUZZ = settings(max_examples=120, deadline=None)


@FUZZ
@given(PROPERTIES)
@example({"consumer": {"fetch.min.bytes": "abc"}})
@example({"consumer": {"fetch.max.bytes": 1000}})
@example({"common": {"message.max.bytes": "abc"}})
@example({"producer": {"linger.ms": "abc"}})
@example({"producer": {"transaction.timeout.ms": 900_000}})
@example({"producer": {"transaction.timeout.ms": 2**31 - 1}})
@example({"consumer": {"max.poll.interval.ms": "²"}})
@example({"common": {"client.id": "\ud800"}})
@example({"common": {"log_level": "6x"}})
@example({"common": {"sasl.mechanism": "GSSAPI", "security.protocol": "sasl_ssl"}})
def test_check_and_the_clients_agree_on_properties(properties: dict[str, dict[str, Any]]) -> None:
    """Of whichever client, in whichever section: never an internal error."""
    agree({"kafka": kafka_with(properties)})


#: Where a setting stands, each with a value that is wrong in some way, or large.
PATHS = (
    "kafka.bootstrap_servers", "kafka.group_id", "kafka.transactional_id", "kafka.input_topics",
    "kafka.output_topic", "kafka.dead_letter_topic", "kafka.delivery", "kafka.on_data_loss",
    "batching.max_records", "batching.max_wait", "batching.commit_interval",
    "batching.min_commit_interval", "batching.transaction_max_records",
    "batching.transaction_max_bytes", "output.compression", "output.partition",
    "output.tombstones", "dead_letters.budget", "server.host", "server.port", "logging.level",
    "schemas.registry", "model.name", "model.version", "model.inter_op_threads",
    "model.intra_op_threads", "model.non_finite", "output.record", "output.provenance",
)  # fmt: skip
SETTINGS = st.one_of(
    VALUES,
    st.sampled_from(["1B", "9" * 400 + "B", "1d", "9" * 400 + "d", "0s", "100000GiB", "{random}"]),
    st.lists(st.sampled_from(["in", "^in$", "^[", "^(?:in)$", "^\\d$", "^(?i)in$", "", "a b"])),
)


@FUZZ
@given(st.dictionaries(st.sampled_from(PATHS), SETTINGS, max_size=2))
@example({"kafka.group_id": "\ud800"})
@example({"kafka.group_id": "x" * 40_000})
@example({"kafka.transactional_id": ""})
@example({"kafka.transactional_id": "{random!z}"})
@example({"kafka.transactional_id": "{random:>999999999999}"})
@example({"model.inter_op_threads": 10**12})
@example({"model.intra_op_threads": 10**9})
@example({"schemas.registry": {"url": "http://[::1"}})
@example({"schemas.registry": {"url": "http://a:99999999"}})
@example({"schemas.registry": {"url": "http://a", "subject": "{output_topic!x}"}})
@example({"output.record": "Scoréd"})
@example({"kafka.group_id": "\0g"})
@example({"kafka.input_topics": ["^(?:in)$"]})
@example({"batching.transaction_max_bytes": "100000GiB"})
@example({"batching.transaction_max_records": 2**40})
@example({"batching.max_wait": "9" * 400 + "d"})
def test_check_and_the_clients_agree_on_settings(changes: dict[str, Any]) -> None:
    """Wherever it stands."""
    change: dict[str, dict[str, Any]] = {"kafka": kafka_with({})}
    for path, value in changes.items():
        section, name = path.split(".")
        change.setdefault(section, {})[name] = value
    agree(change)


@pytest.mark.parametrize(
    ("section", "properties", "words"),
    [
        ("consumer", {"fetch.min.bytes": "abc"}, "kafka.consumer.fetch.min.bytes must be a whole"),
        ("consumer", {"fetch.max.bytes": 1000}, "`fetch.max.bytes` must be >= `message.max.byt"),
        ("common", {"message.max.bytes": "abc"}, "kafka.common.message.max.bytes must be a whole"),
        ("producer", {"batch.num.messages": 0}, "kafka.producer: the client refuses the properti"),
        ("consumer", {"session.timeout.ms": "6s"}, "milliseconds, without a unit, not '6s'"),
        ("common", {"ssl.key.pem": "s3cret"}, "kafka.common: the client refuses the properties"),
    ],
)
def test_a_refusal_names_the_section_and_no_secret(
    tmp_path: Path, section: str, properties: Mapping[str, Any], words: str
) -> None:
    """In one line, with exit code 2."""
    if "ssl.key.pem" in properties:
        properties = {**properties, "security.protocol": "ssl"}
    code, printed = answer(scorer(tmp_path, {"kafka": kafka_with({section: properties})}))
    errors = [line for line in printed.splitlines() if line.startswith("error")]
    assert code == 2
    assert [words in line for line in errors] == [True], printed
    assert "s3cret" not in printed


def test_run_says_the_same_before_it_loads_anything(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The model is not there, and nobody gets to ask for it."""
    config = scorer(tmp_path, {"kafka": kafka_with({"producer": {"batch.num.messages": 0}})})
    (tmp_path / "model.onnx").unlink()
    assert main(["run", "-c", str(config)]) == 2
    assert "kafka.producer: the client refuses the properties" in capsys.readouterr().err


def test_no_number_is_cut_by_the_client(tmp_path: Path) -> None:
    """The client reads the 6 of ``6s``: what it takes for a number must be one for us."""
    cut = []
    for section in SECTIONS:
        for name in sorted(known.known(section) - set(reserved.reasons(section))):
            plain, unit, word = (_taken(section, name, value) for value in ("1", "1s", "s"))
            if plain and unit and not word:
                cut.append((section, name))
    assert cut
    passed = [each for each in cut if not _refused_with_a_unit(tmp_path, *each)]
    assert passed == []


def _refused_with_a_unit(folder: Path, section: str, name: str) -> bool:
    config = scorer(folder, {"kafka": kafka_with({section: {name: "1s"}})})
    try:
        load(config, (), {}, need_kafka=True)
    except ConfigError as refused:
        return f"kafka.{section}.{name} must be a" in str(refused)
    return False


def _taken(section: str, name: str, value: str) -> bool:
    fitting: dict[str, str | int] = {"log_level": 0, "reconnect.backoff.max.ms": 10_000}
    if section == "consumer":
        fitting["group.id"] = "g"
    try:
        if section == "consumer":
            Consumer({**fitting, name: value}, logger=ClientLog()).close()
        else:
            Producer({**fitting, name: value}, logger=ClientLog())
    except KafkaException as refused:
        # A limit, or another property, is not what is asked here.
        text = refused.args[0].str()
        return "outside allowed range" in text or "Failed to create" in text
    return True


def test_a_trial_asks_nobody(tmp_path: Path) -> None:
    """Not the brokers either that the settings name: none is given to the client."""
    config = scorer(tmp_path, {"kafka": kafka_with({"common": {"debug": "all"}})})
    loaded = load(config, (), {}, need_kafka=True)
    assert loaded.kafka is not None
    assert list(judge_clients(loaded, loaded.kafka)) == []


@FUZZ
@given(st.dictionaries(st.sampled_from(sorted(known.known("properties"))), VALUES, max_size=3))
@example({"cache.capacity": float("inf")})
@example({"proxy": True})
@example({"proxy": "\N{LATIN SMALL LETTER E WITH ACUTE}\n"})
@example({"proxy": "localhost:3128"})
def test_what_the_registry_s_client_refuses_is_a_sentence(properties: dict[str, Any]) -> None:
    """Whichever of its libraries refuses it, and by whatever error."""
    registry = {"url": "http://127.0.0.1:1", "properties": properties}
    schemas = {"framing": "confluent", "reader": None, "registry": registry}
    with tempfile.TemporaryDirectory() as name:
        config = scorer(Path(name), {"schemas": schemas})
        with suppress(ConfigError):
            loaded = load(config, (), {}, need_kafka=False)
            assert loaded.schemas.registry is not None
            RegistrySchemas(
                loaded.schemas.registry.url, properties=loaded.schemas.registry.properties
            ).close()


#: Loads a model with each entry in a child of its own, which the runtime may end.
_ENTRIES = """
import os, sys
from pathlib import Path
from stream_scorer.errors import StreamScorerError
from stream_scorer.model.session import load_model
for pair in sys.argv[2:]:
    name, value = pair.split("=")
    if (child := os.fork()) == 0:
        try:
            load_model(Path(sys.argv[1]), session={name: value})
        except StreamScorerError:
            pass
        os._exit(0)
    if os.waitpid(child, 0)[1]:
        print(pair)
"""


def test_no_entry_of_a_session_ends_the_process(tmp_path: Path) -> None:
    """ONNX Runtime aborts for some values; those do not get so far."""
    names = sorted(known.known("session") - set(reserved.reasons("session")))
    pairs = []
    for name, value in itertools.product(names, ("abc", "-1", "1.5", "9" * 20)):
        config = scorer(tmp_path, {"model": {"session": {name: value}}})
        with suppress(ConfigError):
            load(config, (), {}, need_kafka=False)
            pairs.append(f"{name}={value}")
    assert len(pairs) > 3 * len(names)
    ended = subprocess.run(  # noqa: S603 - our own words
        [sys.executable, "-c", _ENTRIES, str(tmp_path / "model.onnx"), *pairs],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert (ended.returncode, ended.stdout) == (0, ""), ended.stderr
