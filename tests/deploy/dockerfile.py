"""The Dockerfile as values: its stages, and what each of them says."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from string import Template

ROOT = Path(__file__).parents[2]
DOCKERFILE = ROOT / "Dockerfile"


@dataclass(frozen=True)
class Instruction:
    """A word in capitals and what stands after it."""

    word: str
    value: str

    @property
    def exec_form(self) -> list[str]:
        """The words of a JSON array, which no shell reads; fails if it is none."""
        words = json.loads(self.value)
        assert isinstance(words, list)
        return [str(each) for each in words]

    @property
    def assignments(self) -> dict[str, str]:
        """The ``NAME=value`` pairs of ENV, LABEL or ARG; a name alone has an empty value."""
        pairs = (word.partition("=") for word in shlex.split(self.value))
        return {name: value for name, _, value in pairs}


@dataclass(frozen=True)
class Stage:
    """A FROM and what follows it, with the arguments' defaults put in."""

    base: str
    instructions: tuple[Instruction, ...]

    def all(self, word: str) -> list[Instruction]:
        """Every instruction of this kind."""
        return [each for each in self.instructions if each.word == word]

    def one(self, word: str) -> Instruction:
        """The one instruction of this kind."""
        (found,) = self.all(word)
        return found

    @property
    def environment(self) -> dict[str, str]:
        """All variables that it sets."""
        return {k: v for each in self.all("ENV") for k, v in each.assignments.items()}


def stages(arguments: Mapping[str, str] | None = None) -> list[Stage]:
    """The stages, first to last, built with these arguments."""
    found: list[tuple[str, list[Instruction]]] = []
    known: dict[str, str] = {}
    for each in _instructions(DOCKERFILE.read_text("utf-8")):
        value = Template(each.value).safe_substitute(known)
        if each.word == "ARG":
            known |= {
                name: (arguments or {}).get(name, default or known.get(name, ""))
                for name, default in Instruction("ARG", value).assignments.items()
            }
        elif each.word == "FROM":
            found.append((value.partition(" ")[0], []))
        if found:
            found[-1][1].append(Instruction(each.word, value))
    return [Stage(base, tuple(inside)) for base, inside in found]


def copied_from_the_repository() -> list[str]:
    """What its COPY instructions take from the folder that it stands in."""
    copies = [each.value.split() for stage in stages() for each in stage.all("COPY")]
    return [path for words in copies if not words[0].startswith("--from") for path in words[:-1]]


def _instructions(text: str) -> Iterator[Instruction]:
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    for line in re.sub(r"\\\n\s*", " ", "\n".join(lines)).splitlines():
        if line.strip():
            word, _, value = line.strip().partition(" ")
            yield Instruction(word, value.strip())
