"""The history as JSON lines: each is written immediately, so a killed process loses none."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from stream_scorer.files import unwritable
from stream_scorer.verify.values import Entry


class HistoryFile:
    """Appends lines for one process, from any thread. Each line is one ``write`` system call.

    ``clock`` returns seconds since the epoch.

    Raises:
        ConfigError: the file can't be written.
    """

    def __init__(self, path: Path, who: str, clock: Callable[[], float] = time.time) -> None:
        try:
            self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        except OSError as error:
            raise unwritable(path, error) from None
        self._who = who
        self._clock = clock

    def write(self, what: str, **details: Any) -> Entry:
        """Append a line and return its entry."""
        entry = Entry(self._clock(), self._who, what, details)
        self.append(entry)
        return entry

    def append(self, entry: Entry) -> None:
        """Append an entry that was recorded elsewhere."""
        os.write(self._file, (to_json(entry) + "\n").encode())

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)


class HistoryReader:
    """Follows a file to which a process, dead or alive, has appended whole lines."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read = 0

    def new(self) -> Iterator[Entry]:
        """Yield the entries that were appended since the last call."""
        if not self._path.exists():
            return
        with self._path.open("rb") as stream:
            stream.seek(self._read)
            added = stream.read()
        whole = added[: added.rfind(b"\n") + 1]
        self._read += len(whole)
        for line in whole.splitlines():
            yield from_json(line)


def to_json(entry: Entry) -> str:
    """Return the entry as one JSON line."""
    return json.dumps({"at": entry.at, "who": entry.who, "what": entry.what, **entry.details})


def from_json(line: bytes) -> Entry:
    """Return the entry of a line."""
    fields = json.loads(line)
    return Entry(fields.pop("at"), fields.pop("who"), fields.pop("what"), fields)
