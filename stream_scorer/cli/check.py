"""``stream-scorer check``."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from stream_scorer.cli.options import ConfigFile, Overrides, settings_from
from stream_scorer.errors import ConfigError
from stream_scorer.hiding import without_credentials

if TYPE_CHECKING:
    from stream_scorer.check.findings import Finding

Offline = Annotated[
    bool, typer.Option("--offline", help="Leave Kafka and the schema registry alone.")
]
Patience = Annotated[
    float,
    typer.Option(metavar="SECONDS", min=0, help="How long the brokers may take to answer."),
]
Events = Annotated[
    Path | None,
    typer.Option(
        "--input",
        metavar="FILE.avro",
        help="Look at the values of these example events too.",
        show_default=False,
    ),
]
_COLOURS = {"ok": "green", "warning": "yellow", "error": "red", "skipped": "cyan"}


def check(
    config: ConfigFile = None,
    overrides: Overrides = None,
    *,
    offline: Offline = False,
    patience: Patience = 20,
    events: Events = None,
) -> None:
    """Look for everything that can be wrong before traffic; print a line for each finding.

    The configuration, the model and its scores, the schemas, the topics, the rights. The exit code
    is that of the first error, or 0.

    Example:
        stream-scorer check -c scorer.yaml --offline
    """
    from stream_scorer.check.findings import exit_code_of
    from stream_scorer.check.wording import counted

    findings = []
    for finding in _found(config, overrides, patience, events, offline=offline):
        findings.append(finding)
        _print(finding)
    counts = Counter(finding.level for finding in findings)
    print(f"{counted(counts['error'], 'error')}, {counted(counts['warning'], 'warning')}.")
    raise typer.Exit(exit_code_of(findings))


def _found(
    config: Path | None,
    overrides: list[str] | None,
    patience: float,
    events: Path | None,
    *,
    offline: bool,
) -> Iterator[Finding]:
    from stream_scorer.check.findings import each_of, ok

    try:
        settings = settings_from(config, overrides, need_kafka=not offline)
    except ConfigError as refused:
        yield from each_of(refused)
        return
    yield ok("The configuration is complete.")

    from stream_scorer.app.checking import Reach
    from stream_scorer.app.checking import check as everything

    yield from everything(settings, Reach(offline, _say, patience, events))


def _print(finding: Finding) -> None:
    level = f"{finding.level:<8}"
    if sys.stdout.isatty():
        level = typer.style(level, fg=_COLOURS[finding.level])
    print(f"{level} {without_credentials(finding.sentence)}", flush=True)


def _say(sentence: str) -> None:
    print(without_credentials(sentence), file=sys.stderr)
