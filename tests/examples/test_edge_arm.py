"""The small machine's wheels: whatever the package needs is there for 64-bit ARM, built."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterable, Iterator
from importlib.metadata import distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tests.examples import edge

_OFFLINE = ("NewConnectionError", "Temporary failure in name resolution", "ConnectTimeoutError")


def test_every_dependency_that_is_compiled_has_a_wheel_for_arm(tmp_path: Path) -> None:
    """By the options of the README's `pip download`, and in the versions that are pinned."""
    compiled = {each for each in _needed_by("stream-scorer") if _is_compiled(each)}
    assert compiled >= {"onnxruntime", "confluent-kafka", "numpy", "fastavro"}
    asked = _choose(_readmes_options(), compiled, tmp_path)
    if any(sign in asked.stderr for sign in _OFFLINE):
        assert os.environ.get("CI") != "true", asked.stderr
        pytest.skip("this test needs the package index")
    assert asked.returncode == 0, asked.stderr
    found = json.loads(asked.stdout)["install"]
    assert len(found) == len(compiled)
    assert all(each["download_info"]["url"].endswith("_aarch64.whl") for each in found)


def _needed_by(name: str, extras: Iterable[str] = ("",)) -> Iterator[str]:
    """The packages that a package needs, whatever they need in turn, as installed here."""
    for text in distribution(name).requires or ():
        needed = Requirement(text)
        if needed.marker is None or any(needed.marker.evaluate({"extra": each}) for each in extras):
            yield needed.name
            yield from _needed_by(needed.name, ("", *needed.extras))


def _is_compiled(name: str) -> bool:
    return "-none-any" not in (distribution(name).read_text("WHEEL") or "")


def _readmes_options() -> list[str]:
    """The options of the README's command that say for which machine."""
    (command,) = re.findall(r"pip download (.*?) wheels/stream", edge.commands("ARM"), re.DOTALL)
    words = shlex.split(command.replace("\\\n", " "))
    where = words.index("--dest")
    return words[:where] + words[where + 2 :]


def _choose(
    options: list[str], packages: Iterable[str], target: Path
) -> subprocess.CompletedProcess[str]:
    """Let pip choose wheels, and fetch none of them."""
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--retries", "1"]
    choose = ["install", "--dry-run", "--ignore-installed", "--no-deps", "--quiet"]
    return subprocess.run(  # noqa: S603 - the README's options are what is tested
        [*pip, *choose, "--report", "-", "--target", str(target), *options, *sorted(packages)],
        cwd=edge.ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
