"""What is printed and what is written for machines say the same."""

from __future__ import annotations

import io
import json

import pytest
from rich.console import Console

from stream_scorer.bench.report import show
from stream_scorer.bench.results import Results, as_json, json_text
from tests.bench.measured import alone, latency, machine, throughput


def results() -> Results:
    """Of a scorer that takes 5.5 µs an event."""
    return Results(
        "fraud 7",
        machine(),
        alone((1, 90.0), (1024, 3.0)),
        throughput(rest=0.5, dead_letters={"undecodable": 12.0}),
        (latency(), latency(rate=10_000.0, p99=71.25)),
        "client",
        ("The client [its own work] limits it.",),
    )


def shown(found: Results) -> str:
    """On something that is no terminal."""
    out = io.StringIO()
    show(found, Console(file=out, width=100))
    return out.getvalue()


def test_each_number_stands_beside_what_it_is() -> None:
    """Three tables, then sentences, in which brackets are brackets."""
    text = shown(results())
    lines = [" ".join(line.replace("│", " ").split()) for line in text.splitlines()]
    assert "1,024 1.00 1.00 1.00 0.00 3.00" in lines
    assert "181,818 events/s, from the first commit to the last" in lines
    assert "5.50 µs per event, of which" in lines
    assert "1.00 µs infer: the model (18%)" in lines
    assert "0.50 µs rest: the loop itself (9%)" in lines
    assert "7.00 µs of CPU per event, by thread: loop 5.50, client 1.00, others 0.50" in lines
    assert "50 transactions of 20,000 events, 20 ms each" in lines
    assert "12 dead letters: undecodable 12" in lines
    assert "100 MiB peak memory (RSS)" in lines
    assert "10,000 12.0 20.0 71.2 44.0" in lines
    assert lines[-1] == "The client [its own work] limits it."


def test_what_nobody_could_measure_is_left_out() -> None:
    """Where the kernel keeps no books."""
    unknown = throughput(busy=None, peak_rss_bytes=None)
    given = results()
    text = shown(Results(given.model, given.machine, given.alone, unknown, (), "client", ()))
    assert "CPU" not in text
    assert "RSS" not in text
    assert "read_committed" not in text
    found = as_json(Results(given.model, given.machine, given.alone, unknown, (), "client", ()))
    assert found["throughput"]["cpu_microseconds_per_event"] is None
    assert found["throughput"]["idle_cores"] is None


def test_the_file_for_machines_has_every_number() -> None:
    """In units that its names say."""
    found = json.loads(json_text(results()))
    assert found["model"] == "fraud 7"
    assert found["alone"]["microseconds_per_event"][1]["total"] == 3.0
    measured = found["throughput"]
    assert measured["events_per_second"] == pytest.approx(1e6 / 5.5)
    assert measured["microseconds_per_event"] == {
        "total": 5.5, "poll": 1.0, "decode": 1.0, "infer": 1.0, "encode": 1.0, "commit": 1.0,
        "rest": 0.5,
    }  # fmt: skip
    assert measured["cpu_microseconds_per_event"]["total"] == 7.0
    assert measured["dead_letters"] == {"undecodable": 12.0}
    assert [each["p99"] for each in found["latency_milliseconds"]] == [31.0, 71.25]
    assert found["limit"] == "client"
    assert found["remarks"] == ["The client [its own work] limits it."]
