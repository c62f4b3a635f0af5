"""Findings of a check: one line each, with the fix."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

from stream_scorer.errors import RefusesToStart

Level = Literal["ok", "warning", "error", "skipped"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at, or was not (``skipped``).

    ``refusal`` is the error that an ``error`` finding stops ``run`` with; its exit code is the
    command's.
    """

    level: Level
    sentence: str
    refusal: type[RefusesToStart] | None = None


def ok(sentence: str) -> Finding:
    """Return a finding that all is well."""
    return Finding("ok", sentence)


def warning(sentence: str) -> Finding:
    """Return a finding that ``run`` goes on with."""
    return Finding("warning", sentence)


def skipped(sentence: str) -> Finding:
    """Return what was not looked at, and why."""
    return Finding("skipped", sentence)


def error(sentence: str, refusal: type[RefusesToStart]) -> Finding:
    """Return a finding that ``run`` refuses to start with."""
    return Finding("error", sentence, refusal)


def of_refusal(refused: RefusesToStart) -> Finding:
    """Return an error that was raised as a finding."""
    return Finding("error", str(refused), type(refused))


def each_of(refused: RefusesToStart) -> tuple[Finding, ...]:
    """Return an error as findings: one for each item if it is a list, as a configuration's is."""
    heading, *items = str(refused).split("\n- ")
    return tuple(error(sentence, type(refused)) for sentence in items or [heading])


def refuse(findings: Iterable[Finding]) -> None:
    """Raise what the errors among the findings say, if there are any.

    Raises:
        RefusesToStart: of the first error's class, with the sentence or the list of all.
    """
    errors = [finding for finding in findings if finding.refusal is not None]
    if not errors or errors[0].refusal is None:
        return
    sentences = [finding.sentence for finding in errors]
    if len(sentences) > 1:
        sentences.insert(0, f"{len(sentences)} things are wrong:")
    raise errors[0].refusal("\n- ".join(sentences))


def heed(findings: Iterable[Finding], warn: Callable[[str], None]) -> None:
    """Refuse to start for errors; without any, pass the warnings on.

    Raises:
        RefusesToStart: as :func:`refuse` does.
    """
    looked_at = tuple(findings)
    refuse(looked_at)
    for finding in looked_at:
        if finding.level == "warning":
            warn(finding.sentence)


def exit_code_of(findings: Iterable[Finding]) -> int:
    """Return the exit code of the first error, 0 without one."""
    refusals = (finding.refusal for finding in findings if finding.refusal is not None)
    return next((refusal.exit_code for refusal in refusals), 0)
