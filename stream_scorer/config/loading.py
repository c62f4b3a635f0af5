"""Loads settings from a file, the environment and options, or reports every mistake in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from pydantic import ValidationError

from stream_scorer.config.contradictions import contradictions
from stream_scorer.config.file_references import read_references
from stream_scorer.config.mistakes import REQUIRED, Mistake, error, mistakes_of
from stream_scorer.config.settings import Settings
from stream_scorer.config.sources import gather
from stream_scorer.errors import ConfigError


def load(
    path: Path | None,
    overrides: Sequence[str],
    environ: Mapping[str, str],
    *,
    need_kafka: bool,
) -> Settings:
    """Return the settings; ``overrides`` win over ``environ``, which wins over the file.

    Args:
        path: the YAML file; ``None`` where everything comes from elsewhere.
        overrides: what ``--set`` was given, each ``a.b=value``.
        environ: the environment; only ``STREAM_SCORER__*`` is read.
        need_kafka: whether the command reads from Kafka. Otherwise ``kafka`` may be absent, and
            the secrets it refers to need not be on this machine.

    Raises:
        ConfigError: a source can't be read, or a setting is unknown, missing, of the wrong kind,
            or contradicts another. One sentence for each, without any secret.
    """
    gathered = gather(path, overrides, environ)
    if path is None and not gathered.values:
        raise ConfigError(
            "No configuration is given: name its file, as in -c scorer.yaml (--config); "
            "`stream-scorer init` writes one to begin with."
        )
    values = read_references(
        gathered.values,
        origin=gathered.origin,
        needed=lambda setting: need_kafka or setting[0] != "kafka",
    )
    try:
        settings = Settings.model_validate(values)
    except ValidationError as invalid:
        # The original holds what was given, secrets too, so it is not chained.
        found = mistakes_of(invalid)
        if path is None:
            found = map(_without_file, found)
        raise error(found, gathered.origin) from None
    mistakes = list(contradictions(settings, need_kafka=need_kafka))
    if mistakes:
        raise error(mistakes, gathered.origin)
    return settings


def _without_file(mistake: Mistake) -> Mistake:
    if mistake.predicate != REQUIRED:
        return mistake
    return Mistake(
        mistake.path, f"{REQUIRED}, and no file is named that has it: -c FILE (--config)"
    )
