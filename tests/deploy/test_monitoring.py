"""The alert rules: valid, firing when they should and only then, and about this code."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from prometheus_client import generate_latest

from stream_scorer.config.settings import BudgetConfig
from stream_scorer.kafka.client_config import MAX_POLL_INTERVAL_MS
from tests.deploy.exported import exported_series, registry_of_a_worker
from tests.deploy.manifests import K8S, ROOT, build, container, of_kind, overlay, workload
from tests.deploy.monitoring import (
    ALERTS,
    ALERTS_FILE,
    MONITORING,
    TESTS_OF_ALERTS,
    Rule,
    groups,
    rules,
    thresholds,
)
from tests.deploy.promql import LABELS_OF_PROMETHEUS, OF_PROMETHEUS, labels_named, series_named
from tests.test_docs import slugs
from tests.tools import system_tool

GIBIBYTE = 1024**3


def promtool(*arguments: str | Path, stdin: str = "") -> subprocess.CompletedProcess[str]:
    """Run Prometheus' own checker."""
    return subprocess.run(  # noqa: S603 - our own rules
        [system_tool("promtool"), *map(str, arguments)],
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
    )


# ------------------------------------------------------------------ the rules themselves


def test_prometheus_takes_the_rules() -> None:
    """Expressions, durations and the templates of the texts."""
    checked = promtool("check", "rules", ALERTS_FILE)
    assert checked.returncode == 0, checked.stdout + checked.stderr


@pytest.mark.parametrize("file", TESTS_OF_ALERTS, ids=lambda file: file.name)
def test_each_alert_fires_when_it_should_and_only_then(file: Path) -> None:
    """Over made-up series, minute by minute; the cases stand in the file."""
    tested = promtool("test", "rules", file)
    assert tested.returncode == 0, tested.stdout + tested.stderr


def test_the_cases_notice_alerts_that_fire_at_once(tmp_path: Path) -> None:
    """An alert that has lost its `for` wakes somebody for a blink: each has a case that says so."""
    hasty = re.sub(r"\bfor: \w+", "for: 0m", ALERTS_FILE.read_text(encoding="utf-8"))
    (tmp_path / ALERTS_FILE.name).write_text(hasty, encoding="utf-8")
    copies = [shutil.copy(file, tmp_path) for file in TESTS_OF_ALERTS]
    told = promtool("test", "rules", *copies)
    wrong = re.findall(r'expr: "ALERTS\{alertname=\\?"(\w+)', told.stdout + told.stderr)
    assert set(wrong) == set(ALERTS)


@pytest.mark.parametrize("alert", ALERTS)
def test_an_alert_is_tried_both_ways(alert: str) -> None:
    """There is a moment at which it fires, and one at which it does not."""
    cases = [
        bool(case.get("exp_samples"))
        for file in TESTS_OF_ALERTS
        for test in yaml.safe_load(file.read_text(encoding="utf-8"))["tests"]
        for case in test["promql_expr_test"]
        if f'"{alert}"' in case["expr"]
    ]
    assert set(cases) == {True, False}


def test_the_operator_gets_the_same_rules() -> None:
    """`prometheus-rule.yaml` is made from `alerts.yaml`; its first lines say how."""
    text = (MONITORING / "prometheus-rule.yaml").read_text(encoding="utf-8")
    assert yaml.safe_load(text)["spec"] == {"groups": groups()}


# ------------------------------------------------------------------ what they are about


def test_the_metrics_keep_to_prometheus_conventions() -> None:
    """Names, units, types and help texts, as its own linter sees them."""
    exposed = generate_latest(registry_of_a_worker()).decode()
    linted = promtool("check", "metrics", stdin=exposed)
    assert (linted.returncode, linted.stdout + linted.stderr) == (0, "")


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule.get("alert", rule.get("record")))
def test_a_rule_reads_only_what_a_worker_exports(rule: Rule) -> None:
    """A series that nobody exports, or a label that it lacks, makes an alert that never fires."""
    recorded = {other["record"]: other for other in rules() if "record" in other}
    series = series_named(rule["expr"])
    assert series <= exported_series().keys() | OF_PROMETHEUS | recorded.keys()
    labels = {label for name in series for label in exported_series().get(name, ())}
    labels |= {
        label for name in series & recorded.keys() for label in labels_named(recorded[name]["expr"])
    }
    assert labels_named(rule["expr"]) <= labels | LABELS_OF_PROMETHEUS


@pytest.mark.parametrize("alert", ALERTS)
def test_an_alert_says_what_to_do(alert: str) -> None:
    """What happens, how bad it is, where to look, and a section that tells more."""
    rule = ALERTS[alert]
    texts = rule["annotations"]
    assert rule["labels"]["severity"] in {"page", "ticket"}
    assert set(texts) == {"summary", "description", "runbook_url"}
    assert len(texts["summary"]) < 100 < len(texts["description"])
    page, _, anchor = texts["runbook_url"].partition("#")
    assert anchor == f"alert-{alert.lower()}"
    assert anchor in slugs((ROOT / page).read_text(encoding="utf-8"))


def test_no_alert_is_left_in_the_docs_that_is_gone() -> None:
    """Each section about an alert is about one of the rules."""
    text = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
    assert re.findall(r"^#+ Alert (\w+)$", text, re.MULTILINE) == list(ALERTS)


# ------------------------------------------------------------------ numbers that stand elsewhere


def test_somebody_is_woken_before_the_dead_letter_budget_is_spent() -> None:
    """By the defaults of `dead_letters.budget`."""
    budget = BudgetConfig()
    ratio, count = sorted(thresholds("StreamScorerDeadLetterBudget"))
    assert budget.ratio / 2 < ratio < budget.ratio
    assert count == budget.minimum


def test_a_loop_that_its_watchdog_ends_wakes_nobody() -> None:
    """The alert is for one that stands longer than any limit of the loop."""
    [seconds] = thresholds("StreamScorerStandsStill")
    assert MAX_POLL_INTERVAL_MS / 1000 < seconds < 2 * MAX_POLL_INTERVAL_MS / 1000


def test_the_memory_alert_is_about_the_manifests_limit() -> None:
    """Nine tenths of it."""
    [used] = thresholds("StreamScorerMemory")
    assert container(overlay("base"))["resources"]["limits"]["memory"] == "1Gi"
    assert used == int(0.9 * GIBIBYTE)


# ------------------------------------------------------------------ in a cluster


def with_monitoring(folder: Path, *components: str) -> Path:
    """Lay an overlay beside a copy of the manifests: KEDA's, with components on top."""
    shutil.copytree(K8S, folder / "k8s")
    own = folder / "own"
    own.mkdir()
    kustomization = {
        "resources": ["../k8s/keda"],
        "components": [f"../k8s/{name}" for name in components],
    }
    (own / "kustomization.yaml").write_text(yaml.safe_dump(kustomization), encoding="utf-8")
    return own


def test_the_monitor_finds_the_workers(tmp_path: Path) -> None:
    """By labels and the name of a port; and it gives them the job that the alerts look for."""
    resources = build(with_monitoring(tmp_path, "monitoring"))
    [monitor] = of_kind(resources, "PodMonitor")
    labels = workload(resources)["spec"]["template"]["metadata"]["labels"]
    assert monitor["spec"]["selector"]["matchLabels"].items() <= labels.items()
    [endpoint] = monitor["spec"]["podMetricsEndpoints"]
    assert endpoint["port"] in {port["name"] for port in container(resources)["ports"]}
    job = labels[monitor["spec"]["jobLabel"]]
    matchers = {found for rule in rules() for found in re.findall(r'job=~"([^"]+)"', rule["expr"])}
    assert [bool(re.fullmatch(matcher, job)) for matcher in matchers] == [True]


def test_a_dashboards_sidecar_finds_the_dashboard(tmp_path: Path) -> None:
    """In a ConfigMap with the label that it looks for, small enough for `kubectl apply`."""
    resources = build(with_monitoring(tmp_path, "monitoring"))
    [shown] = [
        each
        for each in of_kind(resources, "ConfigMap")
        if each["metadata"].get("labels", {}).get("grafana_dashboard") == "1"
    ]
    text = (MONITORING / "dashboard.json").read_text(encoding="utf-8")
    assert shown["data"] == {"stream-scorer.json": text}
    # What `kubectl apply` remembers of a resource is an annotation of at most 256 KiB.
    assert len(text) < 200 * 1024


def test_a_fleet_that_sleeps_wakes_nobody(tmp_path: Path) -> None:
    """The component `sleeping` takes out the one alert for there being no worker, and no other."""
    resources = build(with_monitoring(tmp_path, "monitoring", "monitoring/sleeping"))
    [rule] = of_kind(resources, "PrometheusRule")
    left = [
        each["alert"]
        for group in rule["spec"]["groups"]
        for each in group["rules"]
        if "alert" in each
    ]
    assert left == [alert for alert in ALERTS if alert != "StreamScorerAbsent"]
