"""What a check found: one line each, with the way out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from stream_scorer.errors import RefusesToStart


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    ``refusal`` is the error that an ``error`` finding stops ``run`` with; its exit code is the
    command's.
    """

    level: Literal["ok", "warning", "error"]
    sentence: str
    refusal: type[RefusesToStart] | None = None


def ok(sentence: str) -> Finding:
    """Return a finding that all is well."""
    return Finding("ok", sentence)


def warning(sentence: str) -> Finding:
    """Return a finding that ``run`` goes on with."""
    return Finding("warning", sentence)


def error(sentence: str, refusal: type[RefusesToStart]) -> Finding:
    """Return a finding that ``run`` refuses to start with."""
    return Finding("error", sentence, refusal)


def of_refusal(refused: RefusesToStart) -> Finding:
    """Return an error that was raised as a finding."""
    return Finding("error", str(refused), type(refused))


def refuse(findings: Iterable[Finding]) -> None:
    """Raise what the errors among the findings say, if there are any.

    Raises:
        RefusesToStart: of the first error's class, with all their sentences.
    """
    errors = [finding for finding in findings if finding.refusal is not None]
    if errors and errors[0].refusal is not None:
        raise errors[0].refusal("\n".join(finding.sentence for finding in errors))
