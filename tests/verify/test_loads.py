"""Loads: each is what its name says, and none outruns who follows it."""

from __future__ import annotations

from pathlib import Path

import pytest

from stream_scorer.config.loading import load as load_settings
from stream_scorer.config.settings import BatchingConfig
from stream_scorer.traffic.paces import Backlog, Bursts, Steady
from stream_scorer.verify.input import bursts
from stream_scorer.verify.loads import BACKLOG, STEADY, Load, all_loads
from stream_scorer.verify.scene import IN_HAND_SECONDS, Partitions
from stream_scorer.verify.subject import lay_out
from tests.verify.test_subject import KAFKA

LOADS = all_loads()
#: Of three workers with a set of two seconds each in hand, what is left must still be a batch each.
WORKERS = 3


def behind() -> int:
    """Nothing waits."""
    return 0


def batching_of(load: Load, folder: Path) -> BatchingConfig:
    """What the workers are told."""
    config = lay_out(folder / "worker", KAFKA, "source", batching=load.batching, look=load.look)
    return load_settings(config, (), {}, need_kafka=True).batching


def test_no_two_loads_have_one_name() -> None:
    """The option ``--load`` and the tables tell them apart by it; each has a letter there."""
    names = [load.name for load in LOADS]
    assert len(set(names)) == len(names) <= 26
    assert names[0] == "backlog"


@pytest.mark.parametrize(
    ("load", "pace"),
    [
        (STEADY, Steady(300.0)),
        (Load("quarter", share=0.25), Steady(75.0)),
        (Load("lumps", every_seconds=4.0), Bursts(300.0, 4.0)),
        (BACKLOG, Backlog(18_000, behind)),
    ],
)
def test_a_load_is_written_at_its_pace(load: Load, pace: object) -> None:
    """A backlog whatever the rate is."""
    assert load.pace(300.0, behind) == pace


@pytest.mark.parametrize("load", LOADS, ids=lambda load: load.name)
def test_the_workers_take_what_they_are_told(load: Load, tmp_path: Path) -> None:
    """Each load's settings are ones that ``run`` takes."""
    assert batching_of(load, tmp_path).transaction_max_records >= 1


@pytest.mark.parametrize(
    "load", [load for load in LOADS if load.seconds_per_row >= 0.001], ids=lambda load: load.name
)
def test_a_backlog_has_a_set_in_hand_nearly_always(load: Load, tmp_path: Path) -> None:
    """Beside what all workers gather at most there is a batch for each; so no input runs dry."""
    batching = batching_of(load, tmp_path)
    workers = 1 if load.hot else WORKERS
    rate = workers / load.seconds_per_row
    gathered = min(
        workers * batching.transaction_max_records, rate * batching.commit_interval_seconds
    )
    assert load.ahead is not None
    assert load.ahead - gathered >= workers * 2 * batching.max_records
    assert batching.commit_interval_seconds >= 2 * IN_HAND_SECONDS


@pytest.mark.parametrize(
    "load", [load for load in LOADS if load.seconds_per_row >= 0.001], ids=lambda load: load.name
)
def test_a_round_ends_soon_after_its_last_event(load: Load) -> None:
    """Also if all that can wait is one worker's: its time is added to what the end may take."""
    assert load.ahead is not None
    assert load.catch_up_seconds == 2 * load.ahead * load.seconds_per_row
    assert load.catch_up_seconds <= 40


@pytest.mark.parametrize("load", LOADS, ids=lambda load: load.name)
@pytest.mark.parametrize("order_by", ["source", "key"])
def test_every_partition_has_events(load: Load, order_by: str) -> None:
    """By key too: there are more keys than partitions."""
    count = load.partitions or 6
    source = bursts("source" if order_by == "source" else "key", Partitions(count, count), load)
    seen = {event.partition for _ in range(200) for event in next(source).events}
    assert len(seen) == count
