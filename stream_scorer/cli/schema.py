"""``stream-scorer schema``: the shapes that others rely on."""

from __future__ import annotations

import json
import sys

import typer

from stream_scorer.cli.commands import add
from stream_scorer.cli.options import ConfigFile, Overrides, settings_from


def commands() -> typer.Typer:
    """Return the commands below ``schema``."""
    app = typer.Typer(
        help="Print the schema of the configuration, or of the scored events.",
        no_args_is_help=True,
    )
    add(app, "config", config)
    add(app, "output", output)
    return app


def config() -> None:
    """Print the JSON Schema of the configuration, which editors complete and check with.

    Example:
        stream-scorer schema config > scorer.schema.json
    """
    from stream_scorer.config.json_schema import json_schema

    json.dump(json_schema(), sys.stdout, indent=2)
    print()


def output(config: ConfigFile = None, overrides: Overrides = None) -> None:
    """Print the Avro schema of the scored events, to be registered or saved beside the others.

    Example:
        stream-scorer schema output -c scorer.yaml > scored.avsc
    """
    settings = settings_from(config, overrides, need_kafka=False)

    from stream_scorer.app.scored_schema import scored_schema

    json.dump(scored_schema(settings).json, sys.stdout, indent=2)
    print()
