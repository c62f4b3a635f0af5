"""The history: no line is lost, torn or told twice, whoever writes and whoever dies."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from stream_scorer.verify.history import HistoryFile, HistoryReader, from_json, to_json
from stream_scorer.verify.points import Act, Point
from stream_scorer.verify.values import Entry

BEGUN = Entry(1.5, "worker-1.1", "begun", {"transaction": "a"})


def file_of(path: Path, who: str = "worker-1.1") -> HistoryFile:
    """A file on a clock that stands still."""
    return HistoryFile(path, who, clock=lambda: 1.5)


def test_what_is_written_is_read(tmp_path: Path) -> None:
    """With who wrote it, when, and all that was said."""
    file = file_of(tmp_path / "history")
    returned = file.write("begun", transaction="a")
    other = Entry(7.0, "worker-2.1", "sent", {"offsets": [["in", 0, 5]], "records": 3})
    file.append(other)
    file.close()
    read = list(HistoryReader(tmp_path / "history").new())
    assert returned == BEGUN
    assert read == [
        BEGUN,
        Entry(7, "worker-2.1", "sent", {"offsets": [["in", 0, 5]], "records": 3}),
    ]


def test_each_line_is_told_once(tmp_path: Path) -> None:
    """Who asks again hears what is new."""
    file, reader = file_of(tmp_path / "history"), HistoryReader(tmp_path / "history")
    file.write("begun", transaction="a")
    assert [each.what for each in reader.new()] == ["begun"]
    assert list(reader.new()) == []
    file.write("committed", transaction="a")
    assert [each.what for each in reader.new()] == ["committed"]
    file.close()


def test_a_line_is_told_when_it_is_whole(tmp_path: Path) -> None:
    """A reader may come between two halves of a write."""
    path = tmp_path / "history"
    line = (to_json(BEGUN) + "\n").encode()
    reader = HistoryReader(path)
    with path.open("wb", buffering=0) as stream:
        stream.write(line + line[:20])
        assert list(reader.new()) == [BEGUN]
        stream.write(line[20:-1])
        assert list(reader.new()) == []
        stream.write(b"\n")
        assert list(reader.new()) == [BEGUN]


def test_a_process_that_has_written_nothing_yet_has_no_news(tmp_path: Path) -> None:
    """It makes its file when it starts."""
    assert list(HistoryReader(tmp_path / "history").new()) == []


def test_a_successor_goes_on_in_the_same_file(tmp_path: Path) -> None:
    """What was there stays there."""
    for who in ("worker-1.1", "worker-1.2"):
        file = file_of(tmp_path / "history", who)
        file.write("begun", transaction="a")
        file.close()
    read = HistoryReader(tmp_path / "history").new()
    assert [each.who for each in read] == ["worker-1.1", "worker-1.2"]


def test_a_line_stays_one_line_whatever_it_says(tmp_path: Path) -> None:
    """Exceptions have line ends, and names of topics any letters."""
    said = "first\nsecond\r\u2028\x85 ä"
    file = file_of(tmp_path / "history")
    file.write("ended", why=said)
    file.close()
    assert [each.details["why"] for each in HistoryReader(tmp_path / "history").new()] == [said]


def test_names_of_points_and_acts_become_text() -> None:
    """As whoever reads the file without this package needs them."""
    entry = Entry(0, "w", "reached", {"point": Point.MID_PRODUCE, "act": Act.KILL})
    line = to_json(entry)
    assert from_json(line.encode()).details == {"point": "mid-produce", "act": "SIGKILL"}


def test_a_killed_process_loses_no_line(tmp_path: Path) -> None:
    """Nothing is buffered in it."""
    path = tmp_path / "history"
    script = (
        "import os, pathlib, signal, sys\n"
        "from stream_scorer.verify.history import HistoryFile\n"
        "HistoryFile(pathlib.Path(sys.argv[1]), 'w').write('begun', transaction='a')\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    ended = subprocess.run([sys.executable, "-c", script, path], check=False)  # noqa: S603 - ours
    assert ended.returncode == -9
    assert [each.what for each in HistoryReader(path).new()] == ["begun"]
