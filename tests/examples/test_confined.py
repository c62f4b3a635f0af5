"""What holds a worker in the tests of the small machine does hold a process."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from tests.examples import confined
from tests.examples.system_calls import allowed_calls


@pytest.mark.parametrize(
    ("limits", "script"),
    [
        ({"data_bytes": 100_000_000}, "bytearray(100_000_000)"),
        ({"address_families": ["AF_INET"]}, "import socket; socket.socket(socket.AF_INET6)"),
        ({"no_written_code": True}, "import mmap; mmap.mmap(-1, 4096, prot=7)"),
        ({"calls": ["@system-service", "~@privileged"]}, "import os; os.chroot('/')"),
    ],
    ids=["memory", "address families", "written code", "system calls"],
)
def test_a_process_is_refused_what_it_may_not(limits: dict[str, Any], script: str) -> None:
    """Each limit alone: without it the script does what it wants, with it the kernel says no."""
    assert _run({}, script).returncode == 0
    held = _run(limits, script)
    assert held.returncode == 1
    assert held.stderr.splitlines()[-1].startswith(("MemoryError", "OSError", "PermissionError"))


def _run(limits: dict[str, Any], script: str) -> subprocess.CompletedProcess[str]:
    if "calls" in limits:
        limits = {"calls": allowed_calls(limits["calls"])}
    return subprocess.run(  # noqa: S603 - the command line is ours
        [sys.executable, confined.__file__, json.dumps(limits), sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=False,
    )
