"""``check`` on the command line: a line a finding, a summary, the exit code of the first error."""

from __future__ import annotations

from pathlib import Path

import pytest

from stream_scorer.cli.main import main
from tests.scorers import kafka_section, scorer


def test_findings_go_to_stdout_a_line_each_with_a_summary(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The level first, so that they can be searched for."""
    assert main(["check", "--offline", "-c", str(scorer(tmp_path))]) == 0
    printed = capsys.readouterr()
    *findings, summary = printed.out.splitlines()
    assert {line.split()[0] for line in findings} == {"ok"}
    assert summary == "0 errors, 0 warnings."
    assert printed.err == ""


def test_an_error_is_a_line_among_the_others_and_the_exit_code(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What does not depend on it is checked all the same."""
    settings = {"model": {"inputs": {"x": ["a"]}}, "output": {"pass_through": ["nothing"]}}
    assert main(["check", "--offline", "-c", str(scorer(tmp_path, settings))]) == 3
    *findings, summary = capsys.readouterr().out.splitlines()
    assert [line for line in findings if line.startswith("error    Input 'x'")]
    assert [line for line in findings if line.startswith("error    output.pass_through")]
    assert summary == "2 errors, 0 warnings."


def test_each_mistake_of_the_configuration_is_a_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With where it stands; nothing else can be checked then."""
    file = scorer(tmp_path, {"batching": {"max_record": 5}, "logging": {"level": "loud"}})
    assert main(["check", "--offline", "-c", str(file)]) == 2
    first, second, summary = capsys.readouterr().out.splitlines()
    assert first.startswith("error ")
    assert "did you mean batching.max_records?" in first
    assert "logging.level must be" in second
    assert summary == "2 errors, 0 warnings."


def test_without_offline_a_configuration_needs_kafka(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is what `run` would say."""
    assert main(["check", "-c", str(scorer(tmp_path))]) == 2
    assert "kafka is required" in capsys.readouterr().out


def test_brokers_that_do_not_answer_are_waited_for_as_long_as_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """And not a line of librdkafka's own between ours."""
    file = scorer(tmp_path, {"kafka": kafka_section("127.0.0.1:1", "in", "out")})
    assert main(["check", "-c", str(file), "--patience", "0.1"]) == 4
    printed = capsys.readouterr()
    assert "within 0.1 s" in printed.out
    assert [line for line in printed.err.splitlines() if "asking again" not in line] == []


def test_settings_may_come_from_set(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As with every command."""
    arguments = ["check", "--offline", "-c", str(scorer(tmp_path))]
    assert main([*arguments, "--set", "model.providers=[NoExecutionProvider]"]) == 2
    assert "NoExecutionProvider" in capsys.readouterr().out
