"""ONNX Runtime reports to nobody, and there is one of it."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

from stream_scorer.model.runtime import conflicting_packages
from tests.model.making import passing

# Prints what telemetry leaves behind: threads beside the main one, sockets, files below the home.
_TRACES = """
import os
def traces(home):
    threads = len(os.listdir("/proc/self/task")) - 1
    paths = [f"/proc/self/fd/{fd}" for fd in os.listdir("/proc/self/fd")]
    links = [os.readlink(path) for path in paths if os.path.islink(path)]
    sockets = [link for link in links if link.startswith("socket:")]
    files = [name for _, _, names in os.walk(home) for name in names]
    print(threads + len(sockets) + len(files), threads, sockets, files)
"""
_OURS = """
from pathlib import Path
import numpy as np
from stream_scorer.model.session import load_model
model = load_model(Path({model!r}), intra_op_threads=1)
model.run({{"x": np.zeros((1, 2), np.float32)}}, ["y"])
"""
_BARE = """
import onnxruntime
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = 1
onnxruntime.InferenceSession({model!r}, options, providers=["CPUExecutionProvider"])
"""
pytestmark = pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="needs /proc")


def traces_of(code: str, home: Path, model: Path) -> tuple[int, str]:
    """Run code in a process of its own with that home; return the count of traces, and a list."""
    home.mkdir()
    environment = {
        **os.environ,
        "HOME": str(home),
        "TMPDIR": str(home),
        "XDG_CACHE_HOME": str(home / "cache"),
        "OPENBLAS_NUM_THREADS": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    for switch in ("ORT_DISABLE_TELEMETRY", "CI"):  # either turns telemetry off
        environment.pop(switch, None)
    script = code.format(model=str(model)) + _TRACES + f"traces({str(home)!r})"
    done = subprocess.run(  # noqa: S603 - our own interpreter and script
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True
    )
    count, _, listed = done.stdout.strip().rpartition("\n")[2].partition(" ")
    return int(count), listed


def test_telemetry_is_off_before_the_library_is_there(tmp_path: Path) -> None:
    """No thread of an uploader, no socket, no device id: as Privacy.md of the wheel promises."""
    model = passing(tmp_path / "model.onnx", "float32", None, 2)

    count, listed = traces_of(_OURS, tmp_path / "ours", model)

    assert count == 0, listed


def test_the_traces_of_telemetry_would_be_seen(tmp_path: Path) -> None:
    """Without our door the official wheel does leave them, so that the test above can fail."""
    model = passing(tmp_path / "model.onnx", "float32", None, 2)

    count, listed = traces_of(_BARE, tmp_path / "bare", model)

    if count == 0:
        pytest.skip("this build of ONNX Runtime has no telemetry")
    assert "deviceid" in listed


def install(folder: Path, name: str) -> None:
    """Make a folder look as if a package were installed in it."""
    info = folder / f"{name.replace('-', '_')}-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")


def test_two_builds_in_one_environment_are_a_conflict(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The CPU build beside the GPU build overwrites its files."""
    install(tmp_path, "onnxruntime-gpu")
    monkeypatch.syspath_prepend(tmp_path)

    assert "onnxruntime and onnxruntime-gpu are both installed" in (conflicting_packages() or "")


def test_one_build_is_no_conflict() -> None:
    """What the project itself installs."""
    assert metadata.version("onnxruntime")
    assert conflicting_packages() is None
