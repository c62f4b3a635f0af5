"""The peers of the benchmarks: what they need is made once, and the plainest of them is exact."""

from __future__ import annotations

import sys
import uuid
from pathlib import Path

import pytest

from benchmarks import exactness, workloads
from benchmarks.arena import arena, checked
from benchmarks.contenders import entered, kafka_streams, quix, record_loop
from benchmarks.contenders.batched_loop import score_of
from benchmarks.contenders.contender import Job
from benchmarks.contenders.made_once import Absent, make_once
from benchmarks.contenders.one_row import one_row_scorer
from benchmarks.events import values
from tests.conftest import Kafka


@pytest.mark.parametrize("name", ["mlp-30", "trees-30", "image-784"])
def test_one_row_a_call_gives_the_scores_of_all_rows_in_one_call(tmp_path: Path, name: str) -> None:
    """Nulls count as 0, and an array is as many features as it has numbers."""
    (workload,) = workloads.named([name])
    workloads.prepare(workload, tmp_path)
    samples = dict(enumerate(values(50, kind=workload.kind)))
    scored = one_row_scorer(tmp_path, workload.kind.features)
    job = Job("", "", "", "", tmp_path)
    scores = {number: score_of(job, scored(value)) for number, value in samples.items()}
    expected = exactness.expected_scores(tmp_path, samples)
    assert scores == pytest.approx(expected, rel=1e-5, abs=1e-5)


def _notes_a_run(folder: Path) -> tuple[str, ...]:
    code = "import sys; open(sys.argv[1], 'a').write('x')"
    return (sys.executable, "-c", code, str(folder / "runs.txt"))


def test_what_a_peer_needs_is_made_once(tmp_path: Path) -> None:
    """And again when its sources change."""
    source, made = tmp_path / "source.txt", tmp_path / "made"
    source.write_text("1")
    for _ in range(3):
        make_once(made, [source], [_notes_a_run(tmp_path)])
    assert (tmp_path / "runs.txt").read_text() == "x"
    source.write_text("2")
    make_once(made, [source], [_notes_a_run(tmp_path)])
    assert (tmp_path / "runs.txt").read_text() == "xx"


def test_a_command_that_fails_is_a_sentence_and_is_tried_again(tmp_path: Path) -> None:
    """What an earlier one made does not count any more, not even for the old sources."""
    source, made = tmp_path / "source.txt", tmp_path / "made"
    source.write_text("1")
    make_once(made, [source], [_notes_a_run(tmp_path)])
    source.write_text("2")
    with pytest.raises(Absent, match="ended with exit code 1: …no such package"):
        make_once(made, [source], [(sys.executable, "-c", "raise SystemExit('no such package')")])
    source.write_text("1")
    make_once(made, [source], [_notes_a_run(tmp_path)])
    assert (tmp_path / "runs.txt").read_text() == "xx"


def test_a_peer_whose_tools_are_absent_says_what_it_lacks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All of them at once."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Absent, match="there is no java and no javac and no mvn on the path"):
        kafka_streams.contender()


def test_an_absent_peer_is_left_out_and_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """The others race without it."""

    def absent() -> None:
        raise Absent("there is no such tool.")

    for module in (quix, kafka_streams):
        monkeypatch.setattr(module, "contender", absent)
    said: list[str] = []
    assert [peer.name for peer in entered.peers(said.append)] == ["record loop"]
    assert said == [
        "quix does not take part: there is no such tool.",
        "kafka_streams does not take part: there is no such tool.",
    ]


@pytest.mark.kafka
def test_the_record_loop_is_exact(kafka: Kafka, tmp_path: Path) -> None:
    """With headers, which are copied."""
    (workload,) = workloads.named(["mlp-30-headers"])
    topic = f"records-{uuid.uuid4().hex[:8]}"
    place = arena(kafka, workload, tmp_path, 8_000, topic)
    found = checked(place, record_loop.contender(), "exact")
    assert found.run.committed == (2_000,) * 4
