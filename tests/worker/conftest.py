"""The loop that most of these tests begin with."""

from __future__ import annotations

import pytest

from tests.worker.loop import Loop


@pytest.fixture
def loop() -> Loop:
    """A worker that has not begun."""
    return Loop()
