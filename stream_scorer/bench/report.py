"""The measurements as tables, and their interpretation as sentences."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Console
from rich.table import Table
from rich.text import Text

from stream_scorer.bench.alone import Alone
from stream_scorer.bench.backlog import Throughput
from stream_scorer.bench.counters import STAGES
from stream_scorer.bench.latency import Latency
from stream_scorer.bench.results import Results


def show(results: Results, console: Console) -> None:
    """Print all results."""
    for table in (
        table_of_alone(results.alone, results.model),
        table_of_throughput(results.throughput),
        table_of_latency(results.latencies),
    ):
        if table.row_count:
            console.print(table)
    for remark in results.remarks:
        console.print(Text(remark))  # no markup: names may contain brackets


def table_of_alone(alone: Alone, model: str) -> Table:
    """Return microseconds per event of the scorer alone, one row per batch size."""
    table = Table(title=f"{model}: the scorer alone, µs per event", title_justify="left")
    for heading in ("events per batch", "decode", "infer", "encode", "other", "in all"):
        table.add_column(heading, justify="right")
    for size in alone.sizes:
        parts = (size.decode, size.infer, size.encode, size.other, size.total)
        table.add_row(f"{size.rows:,}", *(f"{part:,.2f}" for part in parts))
    return table


def table_of_throughput(throughput: Throughput) -> Table:
    """Return the time and resources that the backlog took."""
    title = (
        f"Through Kafka, a backlog of {throughput.events:,} events of "
        f"{throughput.event_bytes:,.0f} bytes"
    )
    table = Table(title=title, title_justify="left", show_header=False)
    table.add_column(justify="right", style="bold")
    table.add_column()
    for number, what in _throughput_rows(throughput):
        table.add_row(number, what)
    return table


def _throughput_rows(throughput: Throughput) -> Iterator[tuple[str, str]]:
    yield f"{throughput.events_per_second:,.0f}", "events/s, from the first commit to the last"
    yield f"{throughput.micros:.2f} µs", "per event, of which"
    parts = {**{stage: throughput.stages[stage] for stage in STAGES}, "rest": throughput.rest}
    for name, micros in parts.items():
        yield f"{micros:.2f} µs", f"{_NAMES[name]} ({micros / throughput.loop_micros:.0%})"
    if (busy := throughput.busy) is not None:
        parts_of_it = f"loop {busy.loop:.2f}, client {busy.client:.2f}, others {busy.other:.2f}"
        yield f"{busy.total:.2f} µs", f"of CPU per event, by thread: {parts_of_it}"
    commits, millis = max(throughput.commits, 1.0), throughput.commit_seconds * 1e3
    yield (
        f"{throughput.commits:,.0f}",
        f"transactions of {throughput.measured_events / commits:,.0f} events, {millis:.0f} ms each",
    )
    if throughput.dead_letters:
        reasons = ", ".join(f"{why} {n:,.0f}" for why, n in throughput.dead_letters.items())
        yield f"{sum(throughput.dead_letters.values()):,.0f}", f"dead letters: {reasons}"
    if throughput.peak_rss_bytes is not None:
        yield f"{throughput.peak_rss_bytes / 2**20:,.0f} MiB", "peak memory (RSS)"


_NAMES = {
    "poll": "poll: taking events from the client, or waiting for them",
    "decode": "decode: Avro to columns to tensors",
    "infer": "infer: the model",
    "encode": "encode: scores to Avro",
    "commit": "commit: passing scores to the client, and the transaction",
    "rest": "rest: the loop itself",
}


def table_of_latency(latencies: tuple[Latency, ...]) -> Table:
    """Return milliseconds from an event to its visible score, one row per rate."""
    table = Table(title="Event to visible score, ms, read_committed", title_justify="left")
    for heading in ("events/s", "p50", "p95", "p99", "longest"):
        table.add_column(heading, justify="right")
    for each in latencies:
        parts = (each.p50, each.p95, each.p99, each.longest)
        table.add_row(f"{each.rate:,.0f}", *(f"{part:,.1f}" for part in parts))
    return table
