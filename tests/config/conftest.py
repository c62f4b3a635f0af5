"""What the tests of the configuration share: a small complete file, and how it is loaded."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest

from stream_scorer.config import Settings, load

Loader = Callable[..., Settings]

SMALL = """\
kafka:
  bootstrap_servers: localhost:9092
  group_id: fraud-scorer
  input_topics: [transactions]
  output_topic: transactions.scored
schemas:
  registry: {url: "http://localhost:8081"}
model:
  path: fraud.onnx
"""


@pytest.fixture
def loaded(tmp_path: Path) -> Loader:
    """Loads a text as ``scorer.yaml``, by default the small complete one."""

    def load_text(
        text: str = SMALL,
        *,
        overrides: Sequence[str] = (),
        environ: Mapping[str, str] | None = None,
        need_kafka: bool = True,
    ) -> Settings:
        file = tmp_path / "scorer.yaml"
        file.write_text(text, encoding="utf-8")
        return load(file, overrides, environ or {}, need_kafka=need_kafka)

    return load_text
