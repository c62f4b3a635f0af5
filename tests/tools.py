"""Programs of the system that a test needs."""

from __future__ import annotations

import os
import shutil

import pytest


def system_tool(name: str) -> str:
    """The path of a program on ``PATH``; without it the test skips, or fails when ``CI=true``.

    ``.ci/run`` installs what the tests need, so a skip there would hide that it does not.
    """
    path = shutil.which(name)
    if path is None:
        reason = f"this test needs the program {name}"
        if os.environ.get("CI") == "true":
            pytest.fail(f"{reason}, and .ci/run should have installed it")
        pytest.skip(reason)
    return path
