"""The events of a file: over and over, as they are."""

from __future__ import annotations

from pathlib import Path

import fastavro
import pytest

from stream_scorer.bench import events
from stream_scorer.bench.events import FileEvents, FramedEvents
from stream_scorer.errors import ConfigError
from tests.scorers import EVENT


def written(folder: Path, count: int) -> Path:
    """A file of so many events, a block each."""
    path = folder / "events.avro"
    rows = [{"event_id": f"event-{number}", "a": 1.0, "b": 2.0} for number in range(count)]
    with path.open("wb") as file:
        fastavro.writer(file, dict(EVENT), rows, sync_interval=1)
    return path


def test_a_file_is_read_over_and_over_in_its_order(tmp_path: Path) -> None:
    """From where the last call ended, behind the framing."""
    given = FileEvents.of(written(tmp_path, 3))
    assert given.distinct == 3
    assert not given.cut
    framed = FramedEvents(given, b"\x00\x00\x00\x00\x01")
    first, second = framed.take(2), framed.take(3)
    texts = [value[6:13] for value in first + second]
    assert texts == [b"event-%d" % number for number in (0, 1, 2, 0, 1)]
    assert {value[:5] for value in first + second} == {b"\x00\x00\x00\x00\x01"}


def test_a_large_file_is_kept_in_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And it is known."""
    monkeypatch.setattr(events, "MOST_BYTES", 50)
    given = FileEvents.of(written(tmp_path, 9))
    assert given.cut
    assert given.distinct == 3
    monkeypatch.setattr(events, "MOST_BYTES", 9 * 24)
    assert not FileEvents.of(tmp_path / "events.avro").cut


def test_a_file_without_events_is_refused(tmp_path: Path) -> None:
    """There is nothing to repeat."""
    with pytest.raises(ConfigError, match="has no events"):
        FileEvents.of(written(tmp_path, 0))
