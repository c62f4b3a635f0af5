"""``stream-scorer dlq``: what could not be scored, and another try."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from enum import StrEnum
from typing import Annotated

import typer

from stream_scorer.cli.commands import add
from stream_scorer.cli.failures import INTERRUPTED
from stream_scorer.cli.options import ConfigFile, Overrides, settings_from


class Destination(StrEnum):
    """The destination of replayed events."""

    OUTPUT = "output"
    INPUT = "input"


def commands() -> typer.Typer:
    """Return the commands below ``dlq``."""
    app = typer.Typer(help="List dead letters, or replay them.", no_args_is_help=True)
    add(app, "list", list_)
    add(app, "replay", replay)
    return app


def list_(
    config: ConfigFile = None,
    overrides: Overrides = None,
    reason: Annotated[
        str | None, typer.Option(help="Only those of this reason.", show_default=False)
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,  # noqa: FBT002 - a flag
) -> None:
    """List the dead letters in the topic now: where they came from, and why.

    Example:
        stream-scorer dlq list -c scorer.yaml --reason undecodable
    """
    settings = settings_from(config, overrides, need_kafka=True)

    from stream_scorer.app.dead_letter_list import list_dead_letters
    from stream_scorer.check.wording import counted, escaped

    count = 0
    for letter in list_dead_letters(settings, _known(reason)):
        count += 1
        if as_json:
            print(json.dumps(asdict(letter)))
        else:
            line = (
                f"{letter.source}  {letter.reason} ({letter.stage})  group {letter.group}  "
                f"{letter.value_bytes} bytes  replays {letter.replays}  {letter.message}"
            )
            print(escaped(line))
    print(f"{counted(count, 'dead letter')}.", file=sys.stderr)


def _known(reason: str | None) -> str | None:
    """Return the reason, if there is such a one.

    Raises:
        ConfigError: there is not.
    """
    from stream_scorer.config.known import nearest
    from stream_scorer.errors import ConfigError
    from stream_scorer.records import Reason

    reasons = [each.value for each in Reason]
    if reason is None or reason in reasons:
        return reason
    close = nearest(reason, reasons)
    hint = f"did you mean {close}? There" if close else "there"
    raise ConfigError(
        f"--reason {reason}: no dead letter has that reason; {hint} are {', '.join(reasons)}."
    )


def replay(  # noqa: PLR0917 - the options of the command line
    context: typer.Context,
    config: ConfigFile = None,
    overrides: Overrides = None,
    to: Annotated[
        Destination,
        typer.Option(help="output: score them again. input: write them to their topics again."),
    ] = Destination.OUTPUT,
    max_replays: Annotated[
        int, typer.Option(min=1, help="Pass over what was replayed this often already.")
    ] = 3,
    group: Annotated[
        str | None,
        typer.Option(
            help="Whose dead letters: those of another group's workers.", show_default=False
        ),
    ] = None,
) -> None:
    """Replay the dead letters of this scorer that were not replayed yet, exactly once.

    With `--to output` they are scored by the model and schemas configured now; `source` keeps the
    original coordinates, and what fails again is a dead letter again. With `--to input` they are
    written to the topics that they came from: every consumer group there sees them once more.

    Example:
        stream-scorer dlq replay -c scorer.yaml
    """
    settings = settings_from(config, overrides, need_kafka=True)
    if to is Destination.INPUT:
        print(
            "Warning: with --to input every consumer group of the input topics sees the events "
            "again, not only this scorer.",
            file=sys.stderr,
        )

    from stream_scorer.app.replay import replay as replay_dead_letters
    from stream_scorer.check.wording import escaped

    replayed = replay_dead_letters(settings, to.value, max_replays, context.obj, group)
    for sentence in replayed.passed_over:
        print(escaped(sentence), file=sys.stderr)
    if to is Destination.INPUT:
        print(f"{replayed.returned} events written to their topics again.")
    else:
        print(f"{replayed.scored} scored, {replayed.dead_again} dead letters again.")
    if replayed.stopped:
        print("Interrupted: the next call replays the others.", file=sys.stderr)
        raise typer.Exit(INTERRUPTED)
