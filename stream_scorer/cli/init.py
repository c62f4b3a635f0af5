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
OutputFile = Annotated[
    Path | None,
    typer.Option(
        "--output",
        "-o",
        metavar="FILE",
        help="Write the configuration here, with paths that are right from there. By default it "
        "is printed.",
        show_default=False,
    ),
]


def init(model: ModelFile, schema: SchemaFile, output: OutputFile = None) -> None:
    """Infer a complete configuration for a model and a schema, and print or write it.

    Fields are matched to the model's inputs by name, position and type; comments say by which, and
    what is left to you.

    Example:
        stream-scorer init --model fraud.onnx --schema card_transaction.avsc -o scorer.yaml
    """
    from stream_scorer.app.initial_config import initial_config, write_config

    if output is None:
        config = initial_config(model, schema)
        sys.stdout.write(config.text)
    else:
        config = write_config(model, schema, output)
    print(f"Left to you: {', '.join(config.left_to_you)}.", file=sys.stderr)
