"""Horizontal bars with their numbers beside them: one chart a question, one panel a workload."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.results import Spread, Summary
from benchmarks.tables import CEILING
from benchmarks.targets import OURS

TIMES = "\N{MULTIPLICATION SIGN}"

_INK, _FAINT = "#1f2933", "#6b7785"
_COLOURS = {OURS: "#0f766e", CEILING: "#cbd2d9"}
_OTHER_COLOUR = "#9aa5b1"
_WIDTH_INCHES, _BAR_INCHES, _PANEL_INCHES, _HEAD_INCHES, _FOOT_INCHES = 9.0, 0.34, 0.5, 0.75, 0.1
_DOTS_PER_INCH = 160


@dataclass(frozen=True, slots=True)
class Bar:
    """A contender's median and extremes, and what stands beside it."""

    contender: str
    value: Spread
    label: str


@dataclass(frozen=True, slots=True)
class Panel:
    """The bars of one workload, on a scale of their own."""

    title: str
    bars: tuple[Bar, ...]


@dataclass(frozen=True, slots=True)
class Chart:
    """A question, and the answers of all workloads."""

    title: str
    note: str
    panels: tuple[Panel, ...]


def throughput(summaries: Sequence[Summary]) -> dict[str, Chart]:
    """Return the charts of the throughput benchmark by file name."""
    spread_note = "Median of the runs; the thin line is from the least to the most."
    return {
        "speed": Chart(
            "Events a second, exactly once",
            f"More is better. {spread_note}",
            _panels(summaries, lambda each: each.events_per_second, "{:,.0f}"),
        ),
        "cpu": Chart(
            "CPU time an event, µs",
            f"Less is better; the broker's is not in it. {spread_note}",
            _panels(summaries, lambda each: each.cpu_us_per_event, "{:.2f}"),
        ),
        "memory": Chart(
            "Peak resident memory under backlog, MiB",
            f"Less is better. {spread_note}",
            _panels(summaries, lambda each: each.peak_rss_mib, "{:,.0f}"),
        ),
    }


def drawn(chart: Chart) -> bytes:
    """Return the chart as a PNG."""
    rows = [len(panel.bars) for panel in chart.panels]
    heights = [_PANEL_INCHES + _BAR_INCHES * count for count in rows]
    height = _HEAD_INCHES + sum(heights) + _FOOT_INCHES
    figure = Figure(figsize=(_WIDTH_INCHES, height), facecolor="white")
    top = 1 - 0.25 / height
    figure.text(0.02, top, chart.title, size=14, weight="bold", color=_INK, va="top")
    figure.text(0.02, top - 0.27 / height, chart.note, size=9, color=_FAINT, va="top")
    below = height - _HEAD_INCHES
    for panel, panel_inches in zip(chart.panels, heights, strict=True):
        bars_inches = panel_inches - _PANEL_INCHES
        bottom = below - panel_inches + 0.1
        axes = figure.add_axes((0.17, bottom / height, 0.60, bars_inches / height))
        title_at = (bottom + bars_inches + 0.08) / height
        figure.text(0.02, title_at, panel.title, size=10.5, weight="bold", color=_INK)
        _draw(axes, panel)
        below -= panel_inches
    png = io.BytesIO()
    figure.savefig(png, format="png", dpi=_DOTS_PER_INCH, metadata={"Software": None})
    return png.getvalue()


def _draw(axes: Axes, panel: Panel) -> None:
    most = max(bar.value.most for bar in panel.bars)
    for place, bar in enumerate(reversed(panel.bars)):
        value = bar.value
        is_ours = bar.contender == OURS
        axes.barh(
            place, value.median, height=0.66, color=_COLOURS.get(bar.contender, _OTHER_COLOUR)
        )
        axes.plot([value.least, value.most], [place, place], color=_INK, linewidth=1)
        _write(axes, -0.012 * most, place, bar.contender, ha="right", is_ours=is_ours)
        _write(axes, value.most + 0.012 * most, place, bar.label, ha="left", is_ours=is_ours)
    axes.set_xlim(0, most)
    axes.set_ylim(-0.5, len(panel.bars) - 0.5)
    axes.set_axis_off()


def _write(
    axes: Axes, x: float, y: float, text: str, *, ha: Literal["left", "right"], is_ours: bool
) -> None:
    weight = "bold" if is_ours else "normal"
    axes.text(x, y, text, ha=ha, va="center", size=9.5, color=_INK, weight=weight)


def _panels(
    summaries: Sequence[Summary], value: Callable[[Summary], Spread], form: str
) -> tuple[Panel, ...]:
    names = dict.fromkeys(summary.workload for summary in summaries)
    return tuple(
        Panel(name, _bars([each for each in summaries if each.workload == name], value, form))
        for name in names
    )


def _bars(
    summaries: Sequence[Summary], value: Callable[[Summary], Spread], form: str
) -> tuple[Bar, ...]:
    ceiling = next((value(each).median for each in summaries if each.contender == CEILING), None)

    def label(summary: Summary) -> str:
        median = value(summary).median
        number = form.format(median)
        if ceiling is None or summary.contender == CEILING:
            return number
        return f"{number}   {median / ceiling:.2f} {TIMES} the ceiling"

    return tuple(Bar(each.contender, value(each), label(each)) for each in summaries)
