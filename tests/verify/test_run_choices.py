"""What a proof does of what is possible: its loads and its faults."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import pytest
from rich.console import Console

from stream_scorer.errors import ConfigError
from stream_scorer.local.kafka import EmbeddedKafka
from stream_scorer.local.proxy import Proxy
from stream_scorer.verify.cluster import Ground
from stream_scorer.verify.plan import Plan
from stream_scorer.verify.run import _folder, _known, _loads, _possible, verify
from stream_scorer.verify.scene import Fault
from tests.verify.scenes import ground

OWN = ground()
EMBEDDED = ground(
    kafka=cast("EmbeddedKafka", "a Kafka"), proxy=cast("Proxy", "a proxy"), may_alter=True
)


def chosen(plan: Plan, cluster: Ground) -> list[Fault]:
    """The faults of a proof."""
    return _possible(_known(plan), plan, cluster)


def test_a_misspelt_fault_is_told_before_anything_starts(tmp_path: Path) -> None:
    """With the names that there are."""
    plan = Plan(only=("SIGKILL after-fetsch",), folder=tmp_path / "new")
    with pytest.raises(ConfigError) as error:
        verify(plan, Console(quiet=True))
    said = str(error.value)
    assert said.startswith("--only 'SIGKILL after-fetsch': unknown fault.")
    assert "\n  SIGKILL after-fetch\n" in said
    assert "\n  all brokers killed\n" in said
    assert not (tmp_path / "new").exists()


def test_a_misspelt_load_is_told_before_anything_starts(tmp_path: Path) -> None:
    """With the names that there are."""
    plan = Plan(loads=("backlogg",), folder=tmp_path / "new")
    with pytest.raises(ConfigError) as error:
        verify(plan, Console(quiet=True))
    said = str(error.value)
    assert said.startswith("--load 'backlogg': unknown load. Known loads:\n  backlog\n")
    assert "\n  model of 5 ms a row" in said
    assert not (tmp_path / "new").exists()


def test_only_the_loads_that_are_asked_for_come() -> None:
    """All of them, if none is."""
    names = [load.name for load in _loads(Plan(loads=("bursts", "backlog")))]
    assert names == ["backlog", "bursts"]
    assert len(_loads(Plan())) == 12


def test_a_fault_that_the_cluster_does_not_allow_is_refused_with_what_it_needs() -> None:
    """And not left out in silence."""
    plan = Plan(only=("SIGKILL after-fetch", "leaders move"))
    with pytest.raises(ConfigError, match=r"--only 'leaders move' needs .*--brokers 3"):
        chosen(plan, EMBEDDED)
    with pytest.raises(ConfigError, match=r"--only '50 ms of delay' needs the proxy"):
        chosen(Plan(only=("50 ms of delay",)), OWN)


def test_only_what_is_asked_for_happens() -> None:
    """Also what is in no rotation."""
    plan = Plan(only=("all brokers killed", "SIGKILL after-fetch"))
    names = {fault.name for fault in chosen(plan, EMBEDDED)}
    assert names == {"all brokers killed", "SIGKILL after-fetch"}


def test_if_nothing_is_asked_for_all_happens_that_may() -> None:
    """But for what Kafka itself does not always survive."""
    embedded = {fault.name for fault in chosen(Plan(), EMBEDDED)}
    own = {fault.name for fault in chosen(Plan(), OWN)}
    assert own < embedded
    assert {"SIGKILL after-fetch", "scale 1 to 6 to 1"} <= own
    assert {"cut from all brokers", "all brokers cut off for 25 s", "partitions added"} <= embedded
    assert "all brokers killed" not in embedded
    assert not {"rolling restart", "too few replicas in sync"} & embedded


def test_a_folder_of_its_own_is_gone_afterwards_unless_it_is_needed() -> None:
    """Of a proof that held nothing is left; what was violated stays to be looked at."""
    with _folder(Plan()) as gone:
        (gone.path / "history.jsonl").touch()
    assert not gone.path.exists()
    with _folder(Plan()) as kept:
        kept.keep = True
    assert kept.path.exists()
    kept.path.rmdir()


def test_a_folder_that_was_asked_for_stays(tmp_path: Path) -> None:
    """It is made if need be."""
    with _folder(Plan(folder=tmp_path / "a" / "b")) as folder:
        assert folder.path.is_dir()
    assert folder.path.is_dir()
