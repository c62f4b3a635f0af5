"""The systemd unit is valid, grants little, and agrees with the code."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from stream_scorer import errors
from stream_scorer.app.stopping import BOUND_SECONDS
from stream_scorer.config import load
from tests.examples import edge, unit_file
from tests.tools import system_tool

UNIT = unit_file.read(edge.UNIT)


def analyze(*arguments: str) -> subprocess.CompletedProcess[str]:
    """What ``systemd-analyze`` says."""
    return subprocess.run(  # noqa: S603 - the command line is ours
        [system_tool("systemd-analyze"), *arguments], capture_output=True, text=True, check=False
    )


def installed(folder: Path, change: tuple[str, str] = ("", "")) -> Path:
    """The unit where its program is there, as it is on a box."""
    text = edge.UNIT.read_text().replace("/opt/stream-scorer/bin", str(edge.PROGRAMS))
    unit = folder / edge.UNIT.name
    unit.write_text(text.replace(*change))
    return unit


def test_systemd_takes_the_unit_without_a_word(tmp_path: Path) -> None:
    """Each setting is known in its section, and has a value that systemd understands."""
    verified = analyze("verify", str(installed(tmp_path)))
    assert (verified.returncode, verified.stderr) == (0, "")


def test_systemd_says_what_it_does_not_know(tmp_path: Path) -> None:
    """A typo in the unit would be seen."""
    verified = analyze("verify", str(installed(tmp_path, ("MemoryMax=", "MemoryMost="))))
    assert "MemoryMost" in verified.stderr


def test_the_service_is_hardly_exposed(tmp_path: Path) -> None:
    """By systemd's own measure, 2 of 10 at most; a service without hardening has 9.6."""
    assert _exposed(installed(tmp_path)) == 0


def test_a_service_with_roots_capabilities_is_exposed(tmp_path: Path) -> None:
    """Without that line the measure is not met."""
    assert _exposed(installed(tmp_path, ("\nCapabilityBoundingSet=\n", "\n"))) != 0


def _exposed(unit: Path) -> int:
    return analyze("security", "--offline=true", "--threshold=20", str(unit)).returncode


def test_a_worker_that_stops_by_itself_is_not_killed() -> None:
    """It has more time than the longest stop takes."""
    assert int(UNIT.one("TimeoutStopSec")) > BOUND_SECONDS


@pytest.mark.parametrize("error", [errors.ConfigError, errors.ContractError, errors.Fenced])
def test_what_a_restart_does_not_cure_is_not_restarted(
    error: type[errors.StreamScorerError],
) -> None:
    """A wrong config stays wrong, a model that does not fit stays so."""
    assert str(error.exit_code) in UNIT.words("RestartPreventExitStatus")


def test_a_spent_budget_is_not_given_anew_by_a_restart() -> None:
    """Else the topic would drain to the dead letters, a window at a time."""
    assert str(errors.TooManyDeadLetters.exit_code) in UNIT.words("RestartPreventExitStatus")


@pytest.mark.parametrize("error", [errors.Unreachable, errors.Refused, errors.Broken])
def test_what_may_pass_is_tried_again(error: type[errors.StreamScorerError]) -> None:
    """Brokers that are not up yet, a right that comes later, a device that a new process mends."""
    assert UNIT.one("Restart") == "on-failure"
    assert str(error.exit_code) not in UNIT.words("RestartPreventExitStatus")


def test_the_unit_grants_what_the_worker_is_tested_with() -> None:
    """160 MB under load are within the 160 MiB, and not by much."""
    assert edge.LIMIT_BYTES <= UNIT.size_bytes("MemoryMax") < 1.05 * edge.LIMIT_BYTES


def test_the_readme_puts_the_files_where_the_unit_looks_for_them() -> None:
    """The program, the config's folder, the password, the unit."""
    commands = edge.commands("On the box")
    program, _, _, config = UNIT.one("ExecStart").split()
    assert f"python3 -m venv {Path(program).parents[1]}\n" in commands
    assert f"cp -r box/. {Path(config).parent}/\n" in commands
    assert UNIT.one("LoadCredential").partition(":")[2] in commands
    assert f"examples/edge/{edge.UNIT.name} /etc/systemd/system/" in commands


def test_the_readmes_ports_and_size_are_those_of_the_files() -> None:
    """What a reader types meets what runs."""
    settings = load(edge.CONFIG, [], {}, need_kafka=True)
    assert f"127.0.0.1:{settings.server.port}/" in edge.commands("Monitor it")
    assert f"`MemoryMax={UNIT.one('MemoryMax')}`" in edge.README.read_text()
