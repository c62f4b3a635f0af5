"""``run`` in a process of its own, when it must not begin."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.cli.bad import BAD, NOWHERE, one_sentence, with_kafka
from tests.conftest import Kafka
from tests.schemas.confluent_api import confluent_api
from tests.scorers import kafka_section, scorer


def started(config: Path) -> subprocess.Popen[str]:
    """``run`` as a shell starts it."""
    return subprocess.Popen(  # noqa: S603 - our own words
        [sys.executable, "-m", "stream_scorer", "run", "-c", str(config)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={name: value for name, value in os.environ.items() if "STREAM_SCORER" not in name},
    )


def ended(process: subprocess.Popen[str]) -> tuple[int, list[str]]:
    """The exit code, and stderr without what was logged on the way."""
    out, err = process.communicate(timeout=60)
    assert out == ""
    assert "Traceback" not in err
    return process.returncode, [line for line in err.splitlines() if not line.startswith("{")]


def test_run_ends_before_it_asks_anyone(tmp_path: Path) -> None:
    """Configuration, model and schema come first: at these addresses nothing answers."""
    chosen = [bad for bad in BAD if bad.name in {"the width is wrong", "the output is the input"}]
    processes = []
    for number, bad in enumerate(chosen):
        folder = tmp_path / str(number)
        folder.mkdir()
        processes.append(started(scorer(folder, {**with_kafka(), **bad.settings})))
    for bad, process in zip(chosen, processes, strict=True):
        code, (sentence,) = ended(process)
        assert code == bad.code
        one_sentence(sentence, bad.words)


def test_run_ends_when_the_registry_is_down_or_refuses(tmp_path: Path) -> None:
    """Exit 4; the password is not repeated, and nothing hangs."""
    schemas: dict[str, Any] = {"framing": "confluent", "registry": {"url": f"http://{NOWHERE}"}}
    away = tmp_path / "away"
    away.mkdir()
    with confluent_api() as api:
        api.instead = (401, b'{"error_code": 401, "message": "Unauthorized"}')
        down = started(scorer(away, {**with_kafka(), "schemas": schemas}))
        schemas["registry"] = {
            "url": api.url,
            "properties": {"basic.auth.user.info": "user:hunter2"},
        }
        refusing = started(scorer(tmp_path, {**with_kafka(), "schemas": schemas}))
        code, (sentence,) = ended(down)
        assert (code, f"http://{NOWHERE} does not answer" in sentence) == (4, True)
        code, (sentence,) = ended(refusing)
    assert code == 4
    assert "refuses the credentials" in sentence
    assert "hunter2" not in sentence


@pytest.mark.kafka
def test_run_ends_when_topics_are_missing(tmp_path: Path, kafka: Kafka) -> None:
    """All that are missing, at once; exit 4."""
    section = kafka_section(kafka.bootstrap_servers, "no-in", "no-out")
    absent = started(scorer(tmp_path, {"kafka": section}))
    code, lines = ended(absent)
    assert code == 4
    assert lines[0] == "Error: 3 things are wrong:"
    assert [line.split(":")[0] for line in lines[1:]] == [
        "- kafka.input_topics",
        "- kafka.output_topic",
        "- kafka.dead_letter_topic",
    ]
