"""The commands of the documentation's recipes, as they are copied from a page."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md")])
_BLOCK = re.compile(r"^```\w*\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_COMMAND = re.compile(r"^(kafka-[a-z-]+\.sh|stream-scorer) ")


def commands(text: str) -> Iterator[list[str]]:
    """Yield the words of each command of Kafka's and ours in a page's blocks, in their order."""
    for block in _BLOCK.findall(text):
        for line in block.replace("\\\n", " ").splitlines():
            if _COMMAND.match(line):
                yield shlex.split(line, comments=True)


def recipe(page: str, heading: str) -> list[list[str]]:
    """Return the commands below a heading of a page, up to the next heading."""
    text = (ROOT / page).read_text("utf-8")
    _, found, rest = text.partition(f"\n{heading}\n")
    assert found, f"{page} has no {heading}"
    found_there = list(commands(re.split(r"\n#{2,} ", rest, maxsplit=1)[0]))
    assert found_there, f"{page} has no commands below {heading}"
    return found_there
