"""The small machine's files, laid out as its README says."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.examples import edge


@pytest.fixture(scope="session")
def desk(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, subprocess.CompletedProcess[str]]:
    """The folder in which the README's commands were done, and what they said."""
    folder = tmp_path_factory.mktemp("desk")
    return folder, edge.lay_out(folder)


@pytest.fixture(scope="session")
def box(desk: tuple[Path, subprocess.CompletedProcess[str]]) -> Path:
    """The folder that becomes ``/etc/stream-scorer``, and the password that root keeps there."""
    folder = desk[0] / "box"
    (folder / "kafka-password").write_text("of the box\n")
    return folder
