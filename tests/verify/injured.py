"""What is injured in tests without a Kafka: a client that notes its calls, a history to read."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from stream_scorer.verify.history import HistoryFile, HistoryReader
from stream_scorer.verify.injuries import Injuries


@dataclass
class Noting:
    """Whatever is called on it is noted, with what it was given; ``answers`` may raise."""

    calls: list[tuple[Any, ...]] = field(default_factory=list)
    answers: dict[str, Callable[[], Any]] = field(default_factory=dict)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        """Return a method of any name but Python's own."""
        if name.startswith("__"):
            raise AttributeError(name)

        def method(*given: Any, **named: Any) -> Any:
            self.calls.append((name, *given, *named.values()))
            return self.answers.get(name, lambda: 0)()

        return method

    @property
    def names(self) -> list[str]:
        """The names of the calls, in order."""
        return [name for name, *_ in self.calls]


class Told:
    """A history on a clock that stands still, and what it has so far."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.file = HistoryFile(path, "worker-1.1", clock=lambda: 1.5)

    @property
    def entries(self) -> list[tuple[str, dict[str, Any]]]:
        """What each line is, and its details."""
        return [(each.what, dict(each.details)) for each in HistoryReader(self._path).new()]

    @property
    def whats(self) -> list[str]:
        """What each line is."""
        return [what for what, _ in self.entries]

    def injuries(self, seed: int = 1) -> Injuries:
        """Injuries that are written here."""
        return Injuries(self.file, random.Random(seed))  # noqa: S311 - dice, not secrets
