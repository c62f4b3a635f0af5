"""A scorer on the shared Kafka, whose workers are gone when the test is over."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import Kafka
from tests.end_to_end.workers import Scoring


@pytest.fixture
def scoring(kafka: Kafka, tmp_path: Path) -> Iterator[Scoring]:
    """Topics and a folder of its own; ``set_up`` writes the config."""
    made = Scoring(kafka.bootstrap_servers, tmp_path, kafka.create_topic)
    yield made
    made.end()
