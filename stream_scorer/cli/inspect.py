"""``stream-scorer inspect``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from stream_scorer.app.inspection import Table

ModelFile = Annotated[
    Path, typer.Option("--model", "-m", metavar="FILE", help="The model (.onnx).")
]


def inspect(model: ModelFile) -> None:
    """Show what is in a model file, and what the scorer would make of it.

    Inputs, outputs, dynamic axes, operators, metadata; tables on a terminal, plain lines elsewhere.

    Example:
        stream-scorer inspect --model fraud.onnx
    """
    from stream_scorer.app.inspection import inspect_model

    inspection = inspect_model(model)
    show = _show_framed if sys.stdout.isatty() else _show_plain
    for table in inspection.tables:
        show(table)
    if inspection.refusal is not None:
        raise inspection.refusal


def _show_framed(table: Table) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table as Framed

    framed = Framed(
        title=table.title,
        title_justify="left",
        title_style="bold",
        box=box.SIMPLE_HEAD,
        show_header=bool(table.columns),
    )
    for header in table.columns or ("",) * len(table.rows[0]):
        framed.add_column(header, overflow="fold")
    for row in table.rows:
        framed.add_row(*row)
    Console(markup=False, highlight=False).print(framed)


def _show_plain(table: Table) -> None:
    """Print a line a row, with tabs between, so that it can be searched and cut."""
    print(f"{table.title}:")
    for row in table.rows:
        print("\t".join(("", *row)))
