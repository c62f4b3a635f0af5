"""The command line as a whole.

To add a command, write ``cli/<command>.py`` with one function, and give it one line in
:func:`build`: ``add(app, "score", score.score)``. Its docstring is its help and ends with an
``Example:``; the options that commands share are in :mod:`stream_scorer.cli.options`::

    def score(source: Path, config: ConfigFile = None, overrides: Overrides = None) -> None:
        from stream_scorer.app import score_file    # here, not at the top of the file

        score_file(settings_from(config, overrides, need_kafka=False), source)

A command imports what it runs inside its function, so that ``--help`` stays quick and works
without the heavy libraries. It raises errors; :mod:`stream_scorer.cli.failures` reports them.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from stream_scorer import __version__
from stream_scorer.app.signals import Signals
from stream_scorer.app.stopping import stopped_at_start
from stream_scorer.cli import bench, check, demo, dlq, init, inspect, run, schema, score, verify
from stream_scorer.cli.commands import add, help_of
from stream_scorer.cli.failures import exit_code_of
from stream_scorer.cli.interrupts import interrupted_at_once
from stream_scorer.observe.logs import hide_in_unconfigured_lines


def build(signals: Signals | None = None) -> typer.Typer:
    """Return the command line with all its commands, each of which gets the signals as `obj`."""
    app = typer.Typer(
        name="stream-scorer",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
        context_settings={"obj": signals or Signals()},
    )
    app.callback(help=help_of(_root))(_root)
    add(app, "run", run.run)
    add(app, "score", score.score)
    add(app, "check", check.check)
    add(app, "init", init.init)
    add(app, "inspect", inspect.inspect)
    add(app, "bench", bench.bench)
    add(app, "demo", demo.demo)
    add(app, "verify", verify.verify)
    app.add_typer(dlq.commands(), name="dlq")
    app.add_typer(schema.commands(), name="schema")
    return app


def main(arguments: Sequence[str] | None = None, signals: Signals | None = None) -> int:
    """Run one command and return the exit code; nothing but the exit code comes back.

    Args:
        arguments: the command line; without them, that of the process.
        signals: what the process hears; without them, the command hears none.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    # The option may stand anywhere: who saw an error adds it at the end of the line.
    words = [word for word in given if word != "--debug"]
    hide_in_unconfigured_lines()
    return exit_code_of(
        lambda: build(signals)(words, prog_name="stream-scorer"),
        debug=len(words) < len(given),
    )


def _show_version(wanted: bool) -> None:  # noqa: FBT001 - typer hands the option's value over
    if wanted:
        print(f"stream-scorer {__version__}")
        raise typer.Exit


def _root(
    context: typer.Context,
    *,
    _version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version."),
    ] = False,
    _debug: Annotated[
        bool, typer.Option("--debug", help="Print a traceback with an error, for any command.")
    ] = False,
) -> None:
    """Score Avro events from Kafka with ONNX models, in micro-batches, exactly once.

    Example:
        stream-scorer run -c scorer.yaml
    """
    # Which command it is, is known from here on. What needs more than this says so where it begins.
    signals: Signals = context.obj
    signals.tell(stopped_at_start if context.invoked_subcommand == "run" else interrupted_at_once)
