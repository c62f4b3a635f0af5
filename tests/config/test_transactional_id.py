"""The name of a worker's producer."""

from __future__ import annotations

from stream_scorer.config.transactional_id import render, unknown_placeholders


def test_by_default_it_is_unique_among_processes() -> None:
    """Two processes with one name fence each other for ever."""
    assert render(None, group_id="g", hostname="h", random="r") == "g-h-r"


def test_a_template_can_name_the_pod_of_a_stateful_set() -> None:
    """Its next incarnation ends the transaction that the last one left."""
    assert render("{group_id}.{hostname}", group_id="g", hostname="pod-0", random="r") == "g.pod-0"


def test_a_name_without_placeholders_stays_as_it_is() -> None:
    """For a single process."""
    assert render("scorer", group_id="g", hostname="h", random="r") == "scorer"


def test_what_nobody_can_fill_in_is_found() -> None:
    """Before the process starts."""
    assert unknown_placeholders("{group_id}-{pod}-{}") == ["pod", ""]
