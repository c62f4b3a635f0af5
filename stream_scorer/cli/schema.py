"""``stream-scorer schema``: the shapes that others rely on."""

from __future__ import annotations

import json
import sys

import typer

from stream_scorer.cli.commands import add


def commands() -> typer.Typer:
    """Return the commands below ``schema``."""
    app = typer.Typer(
        help="Print the schema of the configuration, or of the scored events.",
        no_args_is_help=True,
    )
    add(app, "config", config)
    return app


def config() -> None:
    """Print the JSON Schema of the configuration, which editors complete and check with.

    Example:
        stream-scorer schema config > scorer.schema.json
    """
    from stream_scorer.config.json_schema import json_schema

    json.dump(json_schema(), sys.stdout, indent=2)
    print()
