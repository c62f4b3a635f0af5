"""What is asked of a proof: what makes no sense is refused before anything starts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from stream_scorer.errors import ConfigError
from stream_scorer.verify.plan import Plan


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"brokers": 2}, "--brokers must be 1 or 3, not 2"),
        ({"brokers": 3, "bootstrap_servers": "k:9092"}, "--brokers applies to the embedded Kafka"),
        ({"bootstrap_servers": ""}, "--bootstrap-servers must name a broker"),
        ({"properties": {"sasl.username": "me"}}, "-X sasl.username: .* --bootstrap-servers"),
        ({"partitions": 1, "workers": 1}, "--partitions must be at least 2, not 1"),
        ({"partitions": 2, "workers": 3}, "--workers 3 share only 2 partitions.*--partitions 3"),
        ({"workers": 0}, "--workers must be at least 1, not 0"),
        ({"duration_seconds": 9.0}, "--duration must be at least 10s, not 9s"),
        ({"events_per_second": 0.0}, "--rate must be more than 0"),
        ({"events_per_second": float("nan")}, "--rate must be more than 0"),
        ({"faults": -1}, "--faults must be at least 0"),
        ({"topic_prefix": ""}, "--topic-prefix must be 1 to 200"),
        ({"topic_prefix": "with space"}, "--topic-prefix must be 1 to 200.*'with space'"),
        ({"topic_prefix": "x" * 201}, "--topic-prefix must be 1 to 200"),
    ],
)
def test_what_makes_no_sense_is_refused(given: dict[str, Any], said: str) -> None:
    """Each in a sentence that names the option."""
    with pytest.raises(ConfigError, match=said):
        Plan(**given).check()


def test_the_smallest_and_the_default_plan_make_sense(tmp_path: Path) -> None:
    """Two partitions and one worker can be rebalanced by a second one that comes and goes."""
    Plan().check()
    Plan(workers=1, partitions=2, duration_seconds=10, faults=0, folder=tmp_path / "new").check()


def test_what_another_run_left_is_not_taken_for_this_ones(tmp_path: Path) -> None:
    """Histories and data of it would be read as if they were new."""
    (tmp_path / "worker-1.jsonl").touch()
    with pytest.raises(ConfigError, match=r"--folder .* must be new or empty"):
        Plan(folder=tmp_path).check()
    with pytest.raises(ConfigError, match=r"--folder .* must be new or empty"):
        Plan(folder=tmp_path / "worker-1.jsonl").check()
    with pytest.raises(ConfigError, match=r"--history .* already exists"):
        Plan(history=tmp_path / "worker-1.jsonl").check()
    with pytest.raises(ConfigError, match=r"--history .*: its folder does not exist"):
        Plan(history=tmp_path / "nowhere" / "history.jsonl").check()


def test_no_two_plans_share_their_topics() -> None:
    """Two proofs can run on one cluster."""
    assert Plan().topic_prefix != Plan().topic_prefix
