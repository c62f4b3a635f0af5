"""``stream-scorer init``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

ModelFile = Annotated[
    Path, typer.Option("--model", "-m", metavar="FILE", help="The model (.onnx).")
]
SchemaFile = Annotated[
    Path, typer.Option("--schema", "-s", metavar="FILE", help="The events' schema (.avsc).")
]


def init(model: ModelFile, schema: SchemaFile) -> None:
    """Print a complete configuration for a model and a schema, with the mapping inferred.

    Fields are matched to the model's inputs by name, position and type; comments say by which, and
    what is left to you.

    Example:
        stream-scorer init --model fraud.onnx --schema card_transaction.avsc > scorer.yaml
    """
    from stream_scorer.app.initial_config import initial_config

    config = initial_config(model, schema)
    sys.stdout.write(config.text)
    print(f"Left to you: {', '.join(config.left_to_you)}.", file=sys.stderr)
