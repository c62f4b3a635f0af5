"""The small machine's config is complete, is the documented profile, and shows itself to nobody."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from benchmarks.memory import EDGE as MEASURED
from stream_scorer.config import load
from stream_scorer.config.sources import gather
from tests.examples import edge, unit_file

MEASURED_SETTINGS = {tuple(path.split(".", 2)): value for path, value in MEASURED.items()}


def settings_of(tree: Mapping[str, Any], above: tuple[str, ...] = ()) -> Iterator[tuple[Any, Any]]:
    """The settings of a document; below a client's section the rest is one key."""
    for name, value in tree.items():
        if isinstance(value, Mapping):
            yield from settings_of(value, (*above, name))
        else:
            yield (*above, name), value


def profile() -> dict[Any, Any]:
    """The profile that docs/performance.md gives."""
    page = (edge.ROOT / "docs" / "performance.md").read_text()
    below = page.partition("\n## Small machines\n")[2]
    return dict(settings_of(yaml.safe_load(below.partition("```yaml\n")[2].partition("```")[0])))


def test_the_readmes_commands_end_with_a_check_that_passes(
    desk: tuple[Path, subprocess.CompletedProcess[str]],
) -> None:
    """From a clone to a checked folder, with the demo's model and schema; nothing is an error."""
    _, checked = desk
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert "0 errors" in checked.stdout
    assert "Scores do not depend on the batch." in checked.stdout


def test_the_config_is_the_documented_profile() -> None:
    """Each of its settings stands in the one file; batching and the clients have no other."""
    config = dict(settings_of(yaml.safe_load(edge.CONFIG.read_text())))
    assert {path: config.get(path) for path in profile()} == profile()
    sized = ("batching",), ("kafka", "consumer"), ("kafka", "producer")
    assert {path for path in config if path[:-1] in sized} <= set(profile())


def test_the_config_is_the_measured_profile() -> None:
    """What the memory benchmark measures is what stands in the file."""
    config = dict(settings_of(yaml.safe_load(edge.CONFIG.read_text())))
    assert {path: config.get(path) for path in MEASURED_SETTINGS} == MEASURED_SETTINGS


def test_the_server_listens_on_loopback_only(box: Path) -> None:
    """Metrics and page are for the machine itself, and for who logs in to it."""
    settings = load(box / "scorer.yaml", [], {}, need_kafka=True)
    assert settings.server.host == "127.0.0.1"
    assert f"http://127.0.0.1:{settings.server.port}/healthz" in edge.README.read_text()


def test_the_password_comes_from_the_units_credential(box: Path) -> None:
    """The unit's variable names a file, whose text is the client's password and is masked."""
    environment = unit_file.read(edge.UNIT).environment(credentials=box)
    settings = load(box / "scorer.yaml", [], environment, need_kafka=True)
    assert settings.kafka is not None
    assert settings.kafka.common["sasl.password"] == "of the box"
    assert "of the box" not in repr(settings)


def test_the_password_stands_in_no_file_of_the_example() -> None:
    """The config names the user only."""
    assert "sasl.password" not in gather(edge.CONFIG, [], {}).values["kafka"]["common"]
