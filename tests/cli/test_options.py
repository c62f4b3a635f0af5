"""The options that commands share."""

from __future__ import annotations

from pathlib import Path

import pytest

from stream_scorer.cli.options import settings_from
from stream_scorer.errors import ConfigError


def test_settings_come_from_the_file_the_environment_and_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In one call for every command."""
    file = tmp_path / "scorer.yaml"
    file.write_text("model: {path: m.onnx}\n")
    monkeypatch.setenv("STREAM_SCORER__MODEL__NAME", "fraud")
    settings = settings_from(file, ["model.version=7"], need_kafka=False)
    assert (settings.model.name, settings.model.version) == ("fraud", "7")


def test_a_missing_file_is_a_configuration_error(tmp_path: Path) -> None:
    """Not a usage error of another form."""
    with pytest.raises(ConfigError, match="can't be read"):
        settings_from(tmp_path / "absent.yaml", None, need_kafka=False)
