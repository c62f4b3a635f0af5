"""What readers see of the throughput benchmark: medians, ratios, files that need nothing else."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path

import pytest
from rich.console import Console

from benchmarks import charts, report, tables, targets
from benchmarks.machine import Machine, this_machine
from benchmarks.race import Run
from benchmarks.report import Backlogs, Report
from benchmarks.results import Result, Spread, summarised

MACHINE = Machine("Some CPU", 2, 7.6, "Linux 6", (("python", "3.11"), ("Kafka", "4.4.0")))


def result(contender: str, events_per_second: int, cpu_seconds: float) -> Result:
    """A run of one second."""
    run = Run(events_per_second, 1.0, cpu_seconds, 0.5, 140.0, (events_per_second,))
    return Result.of("mlp-30", contender, run, transactions=10, output_bytes=125.0)


RESULTS = [
    result("stream-scorer", 400_000, 0.9),
    result("pass-through", 500_000, 0.9),
    result("stream-scorer", 440_000, 0.9),
    result("pass-through", 550_000, 0.9),
    result("stream-scorer", 420_000, 0.9),
    result("pass-through", 540_000, 0.9),
]
BACKLOGS = (Backlogs("mlp-30", 500_000, 273.2, 30),)
REPORT = Report(MACHINE, BACKLOGS, tuple(summarised(RESULTS)), tuple(RESULTS))


def test_a_result_is_what_happened_between_two_looks_for_each_event() -> None:
    """Transactions are those of the whole life, and so are the events in them."""
    run = Run(1_000, 0.5, 0.002, 0.004, 100.0, (700, 800))
    found = Result.of("w", "c", run, transactions=3, output_bytes=125.0)
    assert (found.events_per_second, found.cpu_us_per_event) == (2_000, 2.0)
    assert (found.broker_cpu_us_per_event, found.events_per_transaction) == (4.0, 500.0)


def test_runs_are_summed_up_by_median_and_extremes() -> None:
    """Each contender's of a workload, in the order in which they began."""
    ours, ceiling = summarised(RESULTS)
    assert (ours.contender, ceiling.contender) == ("stream-scorer", "pass-through")
    assert ours.events_per_second == Spread(420_000, 400_000, 440_000)
    assert ours.runs == 3


def test_the_table_has_the_ratio_to_the_ceiling() -> None:
    """The ratio of the medians."""
    ours, ceiling = tables.cells(REPORT.summaries)
    assert ours[:3] == ("stream-scorer", "420,000 ±5%", "0.78")
    assert ceiling[2] == "1.00"


def test_without_the_ceiling_there_is_no_ratio() -> None:
    """One may run a contender alone."""
    (alone,) = tables.cells(REPORT.summaries[:1])
    assert alone[2] == ""


def test_what_was_wanted_is_held_against_what_was_measured() -> None:
    """For those contenders that took part."""
    speed, cpu, memory = targets.findings(REPORT.summaries)
    assert speed.cells() == (
        "mlp-30: events/s, times pass-through",
        "0.78",
        "at least 0.85",
        "missed",
    )
    assert cpu.measured == pytest.approx((0.9 / 420_000) / (0.9 / 540_000))
    assert memory.measured == pytest.approx(146.8, abs=0.1)
    assert (cpu.is_met, memory.is_met) == (False, True)


def test_without_the_product_there_is_no_target() -> None:
    """Others have their own."""
    assert targets.findings(REPORT.summaries[1:]) == []


def test_the_terminal_shows_the_table_and_the_machine() -> None:
    """In the narrowest that terminals are."""
    screen = io.StringIO()
    report.show(REPORT, Console(file=screen, width=80))
    text = screen.getvalue()
    for expected in (
        "missed",
        "commits",
        "420,000 ±5%",
        "500,000 events of 273 bytes",
        "Some CPU",
        "4.4.0",
    ):
        assert expected in text


def test_the_page_asks_nothing_of_any_server(tmp_path: Path) -> None:
    """Pictures and style are inside; no script, no address."""
    report.write(REPORT, tmp_path)
    page = (tmp_path / "throughput.html").read_text()
    assert page.count("src='data:image/png;base64,") == 3
    assert not re.search(r"https?:|<script|<link|@import|url\(", page)
    assert "<td>420,000 ±5%</td>" in page


def test_the_numbers_are_there_as_json_and_as_markdown(tmp_path: Path) -> None:
    """Each run's, and the summary."""
    report.write(REPORT, tmp_path / "new")
    found = json.loads((tmp_path / "new" / "throughput.json").read_text())
    assert len(found["results"]) == 6
    assert found["summaries"][0]["events_per_second"]["median"] == 420_000
    assert found["machine"]["cpu"] == "Some CPU"
    assert "| stream-scorer | 420,000 ±5% | 0.78 |" in (tmp_path / "new/throughput.md").read_text()


def test_each_question_has_a_chart(tmp_path: Path) -> None:
    """A PNG of it, too."""
    report.write(REPORT, tmp_path)
    for name in ("speed", "cpu", "memory"):
        assert (tmp_path / f"throughput-{name}.png").read_bytes().startswith(b"\x89PNG")


def test_a_bar_says_its_number_and_its_ratio() -> None:
    """So nobody has to measure it."""
    (panel,) = charts.throughput(REPORT.summaries)["speed"].panels
    labels = [bar.label for bar in panel.bars]
    assert labels == [f"420,000   0.78 {charts.TIMES} the ceiling", "540,000"]


@pytest.mark.kafka
def test_the_machine_is_named_with_the_versions_that_matter() -> None:
    """The broker's is that of its jars."""
    versions = dict(this_machine().versions)
    assert re.fullmatch(r"\d+\.\d+\.\d+", versions["Kafka"])
    assert {"librdkafka", "onnxruntime", "numpy", "python"} <= versions.keys()
