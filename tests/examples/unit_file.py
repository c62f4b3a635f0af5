"""What a systemd unit says, as far as tests ask."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_UNITS = {"K": 2**10, "M": 2**20, "G": 2**30}


@dataclass(frozen=True, slots=True)
class UnitFile:
    """The settings of the section ``[Service]``; one that is repeated has several values."""

    service: Mapping[str, Sequence[str]]

    def one(self, setting: str) -> str:
        """The value of a setting that stands there once."""
        (value,) = self.service[setting]
        return value

    def words(self, setting: str) -> list[str]:
        """The words of all values of a setting."""
        return [word for value in self.service[setting] for word in value.split()]

    def size_bytes(self, setting: str) -> int:
        """A size with its unit, as in ``160M``."""
        text = self.one(setting)
        return int(text[:-1]) * _UNITS[text[-1]]

    def environment(self, credentials: Path) -> dict[str, str]:
        """The service's variables; ``credentials`` is what ``%d`` stands for."""
        assignments = [each for value in self.service["Environment"] for each in shlex.split(value)]
        pairs = (each.replace("%d", str(credentials)).partition("=") for each in assignments)
        return {name: value for name, _, value in pairs}


def read(path: Path) -> UnitFile:
    """Read a unit without continued lines."""
    section = ""
    service: dict[str, list[str]] = {}
    for line in path.read_text().splitlines():
        if line.startswith("["):
            section = line
        elif section == "[Service]" and line and not line.startswith("#"):
            name, _, value = line.partition("=")
            service.setdefault(name, []).append(value)
    return UnitFile(service)
