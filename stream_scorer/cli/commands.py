"""Turns a function into a command."""

from __future__ import annotations

import inspect
from collections.abc import Callable

import typer


def add(app: typer.Typer, name: str, command: Callable[..., None]) -> None:
    """Make a function a command; its docstring is the help, examples as they are written."""
    shown = help_of(command)
    # Without one of its own a command's line in the list of all is cut amid its sentence.
    first = " ".join(shown.partition("\n\n")[0].split())
    app.command(name, help=shown, short_help=first)(command)


def help_of(command: Callable[..., None]) -> str:
    """Return a docstring as help: without ``Raises:``, its examples not filled into lines."""
    sections = (inspect.getdoc(command) or "").split("\n\n")
    return "\n\n".join(
        # A backspace on a line of its own is how click is told to keep a paragraph's lines.
        f"\b\n{section}" if section.startswith("Example") else section
        for section in sections
        if not section.startswith("Raises:")
    )
