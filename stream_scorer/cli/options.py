"""Options that several commands share, and the settings that they lead to."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from stream_scorer.config import Settings

ConfigFile = Annotated[
    Path | None,
    typer.Option(
        "--config",
        "-c",
        metavar="FILE",
        help="The configuration (YAML). Without it, settings come from the environment and --set.",
        show_default=False,
    ),
]
Overrides = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="Set one setting, as in --set batching.max_records=512; may be repeated.",
        show_default=False,
    ),
]
TopicPrefix = Annotated[
    str | None,
    typer.Option(
        help="What the names of topics, group and transactional ids begin with.",
        show_default=False,
    ),
]


def settings_from(
    config: Path | None, overrides: list[str] | None, *, need_kafka: bool
) -> Settings:
    """Return the settings that a command runs with.

    Raises:
        ConfigError: one is missing or wrong; see :func:`stream_scorer.config.load`.
    """
    from stream_scorer.config import load

    return load(config, overrides or (), os.environ, need_kafka=need_kafka)


def writable(option: str, folder: Path | None) -> Path | None:
    """Return the folder, made if it is not there, into which a command is about to write.

    Raises:
        ConfigError: that can't be done, or it holds something, which might be overwritten.
    """
    from stream_scorer.errors import ConfigError, reason

    if folder is None:
        return None
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise ConfigError(
                f"{option} {folder} must be new or empty: what is there would be overwritten, or "
                "taken for what this run leaves."
            )
        with tempfile.TemporaryFile(dir=folder):
            return folder
    except OSError as error:
        raise ConfigError(
            f"{option} {folder} can't be written to ({reason(error)}): name another folder."
        ) from error
