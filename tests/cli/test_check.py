"""``check`` on the command line: a line a finding, a summary, the exit code of the first error."""

from __future__ import annotations

import json
from pathlib import Path

import fastavro
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


@pytest.mark.parametrize(
    ("most", "warned"), [(16_777_216, None), (-16_777_217, 16_777_217), (-(2**31), 2**31)]
)
def test_example_events_tell_whether_an_int_is_too_large_for_a_float(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], most: int, warned: int | None
) -> None:
    """An int field in general is one line for all, and no warning."""
    fields = [{"name": "event_id", "type": "string"}]
    fields += [{"name": name, "type": "int"} for name in ("a", "b")]
    schema = {"type": "record", "name": "Event", "fields": fields}
    (tmp_path / "event.avsc").write_text(json.dumps(schema))
    source = tmp_path / "events.avro"
    rows = [{"event_id": "e", "a": n, "b": -n} for n in (0, 5, most, 7)]
    with source.open("wb") as file:
        fastavro.writer(file, schema, [{**row, "b": 1} for row in rows])
    words = ["check", "--offline", "-c", str(scorer(tmp_path))]
    assert main(words) == 0
    without = capsys.readouterr().out
    assert main([*words, "--input", str(source)]) == 0
    found = capsys.readouterr().out
    assert "ok       As floats, ints up to ±16777216 are exact, larger ones rounded: a, b." in found
    warnings = [line for line in found.splitlines() if line.startswith("warning")]
    assert [line.startswith("warning  The model takes a as a float") for line in warnings] == (
        [] if warned is None else [True]
    )
    assert all(f"have ints up to ±{warned} there" in line for line in warnings)
    assert (without == found) == (warned is None)


def test_example_events_that_can_not_be_read_are_an_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The other findings come all the same."""
    config = scorer(tmp_path)
    words = ["check", "--offline", "-c", str(config), "--input"]
    assert main([*words, str(tmp_path / "nowhere.avro")]) == 2
    assert "nowhere.avro can't be read: No such file or directory." in capsys.readouterr().out
    other = tmp_path / "other.avro"
    schema = {"type": "record", "name": "Other", "fields": [{"name": "x", "type": "int"}]}
    with other.open("wb") as file:
        fastavro.writer(file, schema, [{"x": 1}])
    (tmp_path / "event.avsc").write_text(
        (tmp_path / "event.avsc").read_text().replace("double", "int")
    )
    assert main([*words, str(other)]) == 3
    printed = capsys.readouterr().out
    assert "other.avro" in printed
    assert "The scored event gets score" in printed
