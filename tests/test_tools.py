"""A test without its tool is skipped on a laptop and fails in CI."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.tools import system_tool


def test_a_tool_that_is_there_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """The path is the one that a shell would run."""
    interpreter = Path(sys.executable)
    monkeypatch.setenv("PATH", str(interpreter.parent))
    assert system_tool(interpreter.name) == str(interpreter)


def test_a_missing_tool_skips_and_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever reads the summary learns what to install."""
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="no-such-tool"):
        system_tool("no-such-tool")


def test_a_missing_tool_fails_in_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    """A skip in CI would look like a pass."""
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="no-such-tool"):
        system_tool("no-such-tool")
