"""The pure parts of the smaller measurements, and a process that is started and ended."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks import memory, workloads
from benchmarks.contenders import ours
from benchmarks.contenders.contender import Contender, Job
from benchmarks.ground import with_settings
from benchmarks.guarantees import cost_of
from benchmarks.outcome import save
from benchmarks.results import Result
from benchmarks.round_trip import Passage
from benchmarks.running import TookTooLong, running, wait_until
from benchmarks.start import steps_of
from benchmarks.wide import Subject
from benchmarks.wide import cost_of as cost_of_samples
from benchmarks.workloads import named
from stream_scorer.bench.counters import Counters
from stream_scorer.config.loading import load

_WAITS = """\
import signal
signal.signal(signal.SIGTERM, lambda *_: exit(0))
print("ready", flush=True)
signal.pause()
"""
_JOB = Job("localhost:9092", "group", "events", "scored", Path("/nowhere"))


def _result(rate: float) -> Result:
    return Result(
        workload="mlp-30",
        contender="stream-scorer",
        events=1_000,
        seconds=1.0,
        events_per_second=rate,
        cpu_us_per_event=2.0,
        broker_cpu_us_per_event=2.0,
        peak_rss_mib=100.0,
        transactions=10,
        events_per_transaction=100.0,
        output_bytes=120.0,
    )


def test_the_cost_of_a_guarantee_is_that_of_the_median_pair() -> None:
    """Pairs, so that a slow minute of the machine does not count for one side."""
    pairs = [(90, 100), (40, 50), (190, 200)]
    cost = cost_of([(_result(exactly), _result(at_least)) for exactly, at_least in pairs])
    assert cost == pytest.approx(0.1)


def test_settings_win_over_those_of_the_file() -> None:
    """They stand behind the product's command, as a user would write them."""
    plain = Contender("plain", lambda job: ("run", job.group))
    changed = with_settings(plain, "changed", {"server.port": 0, "batching.max_records": 9})
    assert changed.name == "changed"
    assert changed.command(_JOB) == (
        *("run", "group"),
        *("--set", "server.port=0", "--set", "batching.max_records=9"),
    )


def test_the_steps_of_a_start_are_read_from_the_log() -> None:
    """Each with its first line; lines that are not JSON are others' business."""
    began_at = 1_800_000_000.0
    lines = [
        "%3|FAIL|",
        json.dumps({"message": "model loaded", "timestamp": "2027-01-15T08:00:01Z"}),
        json.dumps({"message": "partitions assigned", "timestamp": "2027-01-15T08:00:02Z"}),
        json.dumps({"message": "partitions assigned", "timestamp": "2027-01-15T08:00:09Z"}),
    ]
    assert steps_of(lines, began_at) == {"model loaded": 1.0, "in the group": 2.0}


def test_a_passage_is_what_happened_between_two_looks() -> None:
    """The stages are parts of that time."""
    done = Counters(500, 400, {}, {"poll": 1.0, "commit": 2.0}, 10, 20, 0)
    found = Passage.of(2.0, "100ms", done, seconds=4.0)
    assert found.events_per_second == 100
    assert found.transactions == 20
    assert found.shares == {"poll": 0.25, "commit": 0.5}


def test_wide_events_are_scored_and_timed(tmp_path: Path) -> None:
    """The scorer is the product's own, and every event of the batch leaves a score."""
    (workload,) = named(["mlp-30"])
    subject = Subject(workload, tmp_path / "mlp-30", batches=2)
    samples = [subject.next_sample(), subject.next_sample()]
    cost = cost_of_samples(workload.name, samples)
    assert cost.event_bytes == pytest.approx(273, abs=1)
    assert 0 < cost.to_tensors_per_byte < cost.whole_per_byte
    assert cost.whole_per_event == pytest.approx(cost.whole_per_byte * 273, rel=0.05)
    assert 0 < cost.besides_per_event < cost.whole_per_event


def test_what_was_found_is_a_file(tmp_path: Path) -> None:
    """In a folder that need not be there."""
    path = save(tmp_path / "build" / "bench", "found", {"p50": 1.5})
    assert path.name == "found.json"
    assert json.loads(path.read_text()) == {"p50": 1.5}


def test_a_process_runs_as_long_as_the_block(tmp_path: Path) -> None:
    """It is asked to end, and does."""
    log = tmp_path / "log"
    with running((sys.executable, "-c", _WAITS), log) as process:
        wait_until(log.read_text, process, within_seconds=30, what="it was ready")
        assert process.poll() is None
    assert process.poll() == 0


def test_a_process_that_fails_names_its_log(tmp_path: Path) -> None:
    """A measurement of a broken contender must not pass for one."""
    log = tmp_path / "the.log"
    with (
        pytest.raises(RuntimeError, match=r"exit code 3 before it was done"),
        running((sys.executable, "-c", "print('no', flush=True); exit(3)"), log) as process,
    ):
        wait_until(lambda: False, process, within_seconds=30, what="it was done")
    assert log.read_text() == "no\n"


def test_waiting_has_an_end(tmp_path: Path) -> None:
    """And the process with it."""
    with (
        pytest.raises(TookTooLong, match="until it was done"),
        running((sys.executable, "-c", _WAITS), tmp_path / "log") as process,
    ):
        wait_until(lambda: False, process, within_seconds=0.0, what="it was done")
    assert process.poll() is not None


def test_the_product_takes_all_settings_of_the_edge_profile(tmp_path: Path) -> None:
    """A typo there would end the measurement, and the page that quotes it would be wrong."""
    (workload,) = named(["mlp-30"])
    workloads.prepare(workload, tmp_path)
    ours.contender().command(replace(_JOB, folder=tmp_path))
    overrides = [f"{path}={value}" for path, value in memory.EDGE.items()]
    settings = load(tmp_path / "group.yaml", overrides, {}, need_kafka=True)
    assert settings.batching.max_records == 256
    assert not settings.model.enable_cpu_mem_arena
