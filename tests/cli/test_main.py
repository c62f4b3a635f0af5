"""The command line: what it prints, where, and the code it ends with."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from stream_scorer import __version__
from stream_scorer.cli import schema
from stream_scorer.cli.main import build, main
from tests.scorers import kafka_section, scorer

HEAVY = ("onnxruntime", "onnx", "confluent_kafka", "fastavro", "numpy")


def run_python(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Another Python, as a shell starts it."""
    return subprocess.run(  # noqa: S603 - our own words
        [sys.executable, *arguments], capture_output=True, text=True, check=False, timeout=60
    )


def test_the_module_is_the_command() -> None:
    """``python -m stream_scorer`` needs no script on the path."""
    ended = run_python("-m", "stream_scorer", "--version")
    assert (ended.returncode, ended.stdout) == (0, f"stream-scorer {__version__}\n")


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["schema", "--help"]])
def test_help_does_without_the_heavy_libraries(arguments: list[str]) -> None:
    """It is there at once, and on a machine where one of them does not load."""
    ended = run_python(
        "-c",
        "import sys; from stream_scorer.cli.main import main\n"
        f"code = main({arguments!r})\n"
        f"print(sorted(set({HEAVY!r}) & set(sys.modules)), file=sys.stderr)\n"
        "raise SystemExit(code)",
    )
    assert (ended.returncode, ended.stderr) == (0, "[]\n")


def test_the_schema_of_the_configuration_does_without_kafka_and_onnx() -> None:
    """Only the settings themselves are needed."""
    ended = run_python(
        "-c",
        "import sys; from stream_scorer.cli.main import main\n"
        "main(['schema', 'config'])\n"
        f"print(sorted(set({HEAVY!r}) & set(sys.modules)), file=sys.stderr)",
    )
    assert ended.stderr == "[]\n"
    assert json.loads(ended.stdout)["title"] == "stream-scorer configuration"


def test_the_schema_goes_to_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    """So that it can be piped."""
    assert main(["schema", "config"]) == 0
    printed = capsys.readouterr()
    assert json.loads(printed.out)["properties"]["kafka"]
    assert printed.err == ""


@pytest.mark.parametrize(
    "arguments", [["schma"], ["schema", "confg"], ["schema", "config", "--nope"], ["--nope"]]
)
def test_wrong_usage_is_exit_2_and_one_sentence(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """On stderr, and without a frame around it."""
    assert main(arguments) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "Error: No such " in printed.err
    assert "Traceback" not in printed.err


def test_every_command_has_help_with_an_example() -> None:
    """On a line of its own, to be copied."""
    runner = CliRunner()
    app = build()
    for words in commands():
        shown = runner.invoke(app, [*words, "--help"])
        assert shown.exit_code == 0
        assert f"\n      stream-scorer {' '.join(words)}".rstrip() in shown.stdout, words


def test_the_list_of_commands_has_whole_sentences() -> None:
    """Over as many lines as they take; none is cut."""
    runner = CliRunner()
    for words in ([], ["dlq"], ["schema"]):
        shown = " ".join(runner.invoke(build(), [*words, "--help"]).stdout.split())
        assert "..." not in shown.partition("Commands:")[2]
        for command in commands():
            if command[:-1] == words and command:
                first = runner.invoke(build(), [*command, "--help"]).stdout.split("\n\n")[1]
                assert " ".join(first.split()) in shown, command


@pytest.mark.parametrize(
    "words",
    [["run"], ["check"], ["check", "--offline"], ["score", "a", "b"], ["dlq", "list"],
     ["dlq", "replay"], ["bench"], ["schema", "output"]],
)  # fmt: skip
def test_without_a_configuration_it_is_said_how_to_name_one(
    words: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not which of its settings is missing first."""
    assert main(words) == 2
    printed = capsys.readouterr()
    assert "as in -c scorer.yaml (--config)" in printed.out + printed.err
    assert "model" not in printed.out + printed.err
    monkeypatch.setenv("STREAM_SCORER__MODEL__NAME", "fraud")
    assert main(words) == 2
    printed = capsys.readouterr()
    assert "model.path is required, and no file is named that has it: -c FILE (--config)" in (
        printed.out + printed.err
    )


def test_a_reason_that_there_is_not_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the one that is meant, and all; before anything is read."""
    config = scorer(tmp_path, {"kafka": kafka_section("127.0.0.1:1", "in", "out")})
    assert main(["dlq", "list", "-c", str(config), "--reason", "no_scheme"]) == 2
    error = capsys.readouterr().err
    assert "did you mean no_schema? There are no_schema, undecodable, " in error
    assert main(["dlq", "list", "-c", str(config), "--reason", "xyz"]) == 2
    assert "no dead letter has that reason; there are " in capsys.readouterr().err


def commands() -> list[list[str]]:
    """The words of every command, the root's among them."""
    found: list[list[str]] = [[]]
    pending: list[tuple[list[str], Any]] = [([], get_command(build()))]
    while pending:
        words, command = pending.pop()
        for name, inner in getattr(command, "commands", {}).items():
            if hasattr(inner, "commands"):
                pending.append(([*words, name], inner))
            else:
                found.append([*words, name])
    return found


def test_debug_may_stand_anywhere(capsys: pytest.CaptureFixture[str]) -> None:
    """Who saw an error puts it at the end of the line."""
    assert main(["schema", "config", "--debug"]) == 0
    assert main(["--debug", "schema", "config"]) == 0
    assert capsys.readouterr().err == ""


def test_a_bug_in_a_command_is_exit_70(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One sentence; with --debug the traceback before it."""

    def broken() -> None:
        """Break.

        Example:
            stream-scorer schema config
        """
        raise KeyError("x")

    monkeypatch.setattr(schema, "config", broken)
    assert main(["schema", "config"]) == 70
    assert capsys.readouterr().err.startswith("Internal error: KeyError: 'x'. This is a bug")
    assert main(["schema", "config", "--debug"]) == 70
    assert "Traceback (most recent call last)" in capsys.readouterr().err


def test_output_into_a_closed_pipe_ends_quietly() -> None:
    """As in ``stream-scorer schema config | head``, whose reader leaves early."""
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "wb") as nobody_reads:
        ended = subprocess.run(
            [sys.executable, "-m", "stream_scorer", "schema", "config"],
            stdout=nobody_reads,
            stderr=subprocess.PIPE,
            check=False,
            timeout=60,
        )
    assert (ended.returncode, ended.stderr) == (1, b"")
