"""A log that remembers what it was told."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Line:
    """A call of a log's method."""

    method_name: str
    args: tuple[str, ...]
    kwargs: dict[str, object]


@dataclass(slots=True)
class CapturingLogger:
    """Takes every line."""

    calls: list[Line] = field(default_factory=list)

    def debug(self, event: str, **values: object) -> None:
        """Remember it."""
        self.calls.append(Line("debug", (event,), values))

    def info(self, event: str, **values: object) -> None:
        """Remember it."""
        self.calls.append(Line("info", (event,), values))

    def warning(self, event: str, **values: object) -> None:
        """Remember it."""
        self.calls.append(Line("warning", (event,), values))

    def error(self, event: str, **values: object) -> None:
        """Remember it."""
        self.calls.append(Line("error", (event,), values))
