"""The Grafana dashboard: it parses, shows series that exist, and is of no one site."""

from __future__ import annotations

import itertools
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deploy.exported import exported_series
from tests.deploy.monitoring import (
    ALERTS,
    Panel,
    charts,
    dashboard,
    panels,
    queries,
    texts,
    thresholds,
)
from tests.deploy.promql import LABELS_OF_PROMETHEUS, OF_PROMETHEUS, labels_named, series_named
from tests.tools import system_tool

QUERIES = dict(queries())


def test_prometheus_parses_every_expression(tmp_path: Path) -> None:
    """As rules, since its checker takes only those."""
    rules = [
        {"record": f"query:{number}", "expr": expression}
        for number, expression in enumerate(QUERIES.values())
    ]
    file = tmp_path / "queries.yaml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}))
    checked = subprocess.run(  # noqa: S603 - our own expressions
        [system_tool("promtool"), "check", "rules", str(file)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.mark.parametrize("place", QUERIES)
def test_a_panel_reads_only_what_a_worker_exports(place: str) -> None:
    """A series that nobody exports, or a label that it lacks, makes a panel that stays empty."""
    series = series_named(QUERIES[place])
    assert series <= exported_series().keys() | OF_PROMETHEUS
    labels = {label for name in series for label in exported_series().get(name, ())}
    assert labels_named(QUERIES[place]) <= labels | LABELS_OF_PROMETHEUS


def test_every_series_of_ours_is_shown() -> None:
    """What a worker exports is of use to somebody."""
    shown = {name for expression in QUERIES.values() for name in series_named(expression)}
    ours = {name for name in exported_series() if name.startswith(("stream_scorer_", "kafka_"))}
    parts_of_histograms = {name for name in ours if name.endswith(("_bucket", "_sum", "_count"))}
    assert ours - parts_of_histograms - shown == set()
    histograms = {name.removesuffix("_bucket") for name in ours if name.endswith("_bucket")}
    assert {one for one in histograms if not any(name.startswith(one) for name in shown)} == set()


def test_the_variables_that_are_used_are_declared() -> None:
    """And those that are declared are used."""
    declared = {variable["name"] for variable in dashboard()["templating"]["list"]}
    used = {
        name
        for text in texts(dashboard())
        for name in re.findall(r"\$\{?(\w+)", text)
        if not name.startswith("__")
    }
    assert used == declared


def test_every_question_goes_to_the_chosen_data_source() -> None:
    """The uid of a data source is another one in every Grafana."""
    sources = list(_data_sources(dashboard()))
    assert len(sources) > len(charts())
    assert {source["uid"] for source in sources} == {"${datasource}", "-- Grafana --"}
    assert "id" not in dashboard()


def _data_sources(value: Any) -> list[dict[str, str]]:
    if isinstance(value, list):
        return [found for inner in value for found in _data_sources(inner)]
    if not isinstance(value, dict):
        return []
    own = [value["datasource"]] if isinstance(value.get("datasource"), dict) else []
    return own + [found for inner in value.values() for found in _data_sources(inner)]


def test_every_panel_can_be_narrowed_to_a_worker() -> None:
    """By namespace, job and instance; alerts have a namespace at most."""
    everywhere = {"namespace", "job", "instance"}
    loose = {
        place
        for place, expression in QUERIES.items()
        if "ALERTS{" not in expression
        and not place.startswith("the variable")
        and not everywhere <= labels_named(expression)
    }
    assert loose == set()


def test_every_panel_says_what_it_shows() -> None:
    """A title of its own and a sentence."""
    titles = [panel["title"] for panel in panels()]
    assert len(titles) == len(set(titles))
    assert [panel["title"] for panel in charts() if not panel["description"].endswith(".")] == []


def test_the_panels_lie_side_by_side() -> None:
    """None over another, and none beyond the grid's 24 columns."""
    places = [panel["gridPos"] for panel in panels()]
    assert all(place["x"] + place["w"] <= 24 for place in places)
    over = [
        (one, other) for one, other in itertools.combinations(places, 2) if _overlap(one, other)
    ]
    assert over == []
    ids = [panel["id"] for panel in panels()]
    assert len(ids) == len(set(ids))


def _overlap(one: dict[str, int], other: dict[str, int]) -> bool:
    return (
        one["x"] < other["x"] + other["w"]
        and other["x"] < one["x"] + one["w"]
        and one["y"] < other["y"] + other["h"]
        and other["y"] < one["y"] + one["h"]
    )


def lines() -> list[tuple[Panel, str]]:
    """Return the panels that draw an alert's threshold, with the alert."""
    found = [
        (panel, name)
        for panel in charts()
        for name in re.findall(r"\b(StreamScorer\w+) fires above", panel["description"])
    ]
    assert len(found) >= 4
    return found


@pytest.mark.parametrize(("panel", "alert"), lines(), ids=lambda value: str(value)[:30])
def test_a_line_is_drawn_where_the_alert_fires(panel: Panel, alert: str) -> None:
    """Both numbers change together."""
    drawn = panel["fieldConfig"]["defaults"]["thresholds"]["steps"][-1]["value"]
    assert alert in ALERTS
    assert drawn in thresholds(alert)
