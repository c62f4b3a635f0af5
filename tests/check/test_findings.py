"""Findings: what refuses to start, and the exit code."""

from __future__ import annotations

import pytest

from stream_scorer.check.findings import (
    each_of,
    error,
    exit_code_of,
    heed,
    ok,
    skipped,
    warning,
)
from stream_scorer.errors import ConfigError, ContractError, Unreachable


def test_the_exit_code_is_that_of_the_first_error() -> None:
    """Warnings and what was skipped don't count."""
    fine = [ok("Fine."), warning("Hm."), skipped("Not looked at.")]
    assert exit_code_of(fine) == 0
    assert exit_code_of([*fine, error("A.", ContractError), error("B.", ConfigError)]) == 3
    assert exit_code_of([error("B.", Unreachable), error("A.", ContractError)]) == 4


def test_errors_refuse_to_start_all_at_once() -> None:
    """As the class of the first; no warning is passed on."""
    heard: list[str] = []
    with pytest.raises(ContractError, match=r"^2 things are wrong:\n- A\.\n- B\.$"):
        heed([warning("Hm."), error("A.", ContractError), error("B.", ConfigError)], heard.append)
    assert heard == []


def test_without_errors_the_warnings_are_passed_on() -> None:
    """What is fine is not worth a line in the log."""
    heard: list[str] = []
    heed([ok("Fine."), warning("Hm."), skipped("Not looked at.")], heard.append)
    assert heard == ["Hm."]


def test_one_error_is_its_sentence() -> None:
    """Nothing is counted then."""
    with pytest.raises(ConfigError, match=r"^A\.$"):
        heed([ok("Fine."), error("A.", ConfigError)], pytest.fail)


def test_an_error_that_is_a_list_is_several_findings() -> None:
    """A configuration reports all its mistakes in one error."""
    findings = each_of(ConfigError("2 settings are wrong:\n- a is wrong.\n- b is wrong."))
    assert findings == (error("a is wrong.", ConfigError), error("b is wrong.", ConfigError))
    assert each_of(ConfigError("a is wrong.")) == (error("a is wrong.", ConfigError),)
