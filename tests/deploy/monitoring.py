"""The files of ``k8s/monitoring``, read."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import yaml

from tests.deploy.manifests import K8S

MONITORING = K8S / "monitoring"
ALERTS_FILE = MONITORING / "alerts.yaml"
TESTS_OF_ALERTS = sorted(MONITORING.glob("*_test.yaml"))

Rule = dict[str, Any]
Panel = dict[str, Any]


def groups() -> list[dict[str, Any]]:
    """Return the groups of rules."""
    found: list[dict[str, Any]] = yaml.safe_load(ALERTS_FILE.read_text(encoding="utf-8"))["groups"]
    return found


def rules() -> list[Rule]:
    """Return every rule."""
    return [rule for group in groups() for rule in group["rules"]]


ALERTS: dict[str, Rule] = {rule["alert"]: rule for rule in rules() if "alert" in rule}


def thresholds(alert: str) -> set[float]:
    """Return the numbers that an alert compares with."""
    return {float(number) for number in re.findall(r"[<>]=? ([\d.]+)", ALERTS[alert]["expr"])}


@cache
def dashboard() -> dict[str, Any]:
    """Return the dashboard."""
    text = (MONITORING / "dashboard.json").read_text(encoding="utf-8")
    found: dict[str, Any] = json.loads(text)
    return found


def panels() -> list[Panel]:
    """Return the dashboard's panels, its rows among them."""
    found: list[Panel] = dashboard()["panels"]
    return found


def charts() -> list[Panel]:
    """Return the panels that show something."""
    return [panel for panel in panels() if panel["type"] != "row"]


def queries() -> Iterator[tuple[str, str]]:
    """Yield the dashboard's expressions as they are sent, each with where it stands."""
    for panel in charts():
        for target in panel["targets"]:
            yield f"{panel['title']} ({target['refId']})", filled_in(target["expr"])
    for variable in dashboard()["templating"]["list"]:
        if variable["type"] == "query":
            [series] = re.findall(r"^label_values\((.+), \w+\)$", variable["query"]["query"])
            yield f"the variable {variable['name']}", filled_in(series)
    for annotation in dashboard()["annotations"]["list"]:
        if "expr" in annotation.get("target", {}):
            yield annotation["name"], filled_in(annotation["target"]["expr"])


def filled_in(expression: str) -> str:
    """Return an expression as Grafana sends it: with something in place of each variable."""
    return re.sub(r"\$\w+", "any", expression.replace("$__rate_interval", "1m"))


def texts(value: object) -> Iterator[str]:
    """Yield every text within a JSON value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from texts(inner)
