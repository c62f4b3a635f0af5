"""From a file, the environment and options to settings, or to what is wrong with them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from pydantic import ValidationError

from stream_scorer.config.contradictions import contradictions
from stream_scorer.config.file_references import read_references
from stream_scorer.config.mistakes import error, mistakes_of
from stream_scorer.config.settings import Settings
from stream_scorer.config.sources import gather


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
    values = read_references(
        gathered.values,
        origin=gathered.origin,
        needed=lambda setting: need_kafka or setting[0] != "kafka",
    )
    try:
        settings = Settings.model_validate(values)
    except ValidationError as invalid:
        # The original holds what was given, secrets too, so it is not chained.
        raise error(mistakes_of(invalid), gathered.origin) from None
    mistakes = list(contradictions(settings, need_kafka=need_kafka))
    if mistakes:
        raise error(mistakes, gathered.origin)
    return settings
