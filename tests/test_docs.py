"""The documentation is about this program: files, links, reasons, commands, tests that it names."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from stream_scorer.cli.main import build
from stream_scorer.dead_letters import DeadLetterFormat, counted
from stream_scorer.records import (
    DeadLetter,
    Problem,
    Reason,
    Stage,
    TopicLimits,
    TopicPartition,
)

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "stream_scorer"
PAGES = sorted(
    path
    for pattern in ("*.md", "docs/**/*.md", "benchmarks/*.md", "examples/**/*.md", "k8s/**/*.md")
    for path in ROOT.glob(pattern)
)
NAMES = [page.relative_to(ROOT).as_posix() for page in PAGES]

_FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"`([^`]+)`")  # a span may go on in the next line
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


def text_of(name: str) -> str:
    """A page's text."""
    return (ROOT / name).read_text(encoding="utf-8")


def first_cells(text: str) -> list[str]:
    """What stands in backticks in the first column of the tables of a text."""
    return re.findall(r"^\| `([^`]+)` \|", text, re.MULTILINE)


def section(text: str, heading: str) -> str:
    """The part of a page below a heading, up to the next one of the same level."""
    level = heading.partition(" ")[0]
    return text.partition(f"\n{heading}\n")[2].partition(f"\n{level} ")[0]


# ------------------------------------------------------------------ files and links


def test_the_file_map_names_every_module_and_no_other() -> None:
    """A new module gets its line, a module that is gone loses it."""
    modules = {
        path.relative_to(PACKAGE).as_posix()
        for path in PACKAGE.rglob("*.py")
        if path.name != "__init__.py"  # a folder is a heading of the map
    }
    listed = first_cells(section(text_of("docs/architecture.md"), "## The file map"))
    assert sorted(listed) == sorted(modules)


def slugs(text: str) -> set[str]:
    """The anchors that GitHub gives to a page's headings."""
    plain = (
        re.sub(r"[^\w\- ]", "", re.sub(r"\]\([^)]*\)", "", heading)).strip().lower()
        for heading in _HEADING.findall(_FENCE.sub("", text))
    )
    return {heading.replace(" ", "-") for heading in plain}


@pytest.mark.parametrize("name", NAMES)
def test_links_between_pages_resolve(name: str) -> None:
    """To a file of the repository, and to a heading of it where one is named."""
    page = ROOT / name
    broken = []
    for target in _LINK.findall(_FENCE.sub("", text_of(name))):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        if not file.exists() or (anchor and anchor not in slugs(file.read_text("utf-8"))):
            broken.append(target)
    assert broken == []


@pytest.mark.parametrize("name", NAMES)
def test_a_test_that_a_page_names_is_there(name: str) -> None:
    """A rule that says which test holds it can be trusted."""
    gone = []
    for span in _CODE.findall(text_of(name)):
        file, _, test = span.partition("::")
        if not re.fullmatch(r"tests/[\w/]+\.py", file):
            continue
        path = ROOT / file
        if not path.exists() or (test and f"def {test}(" not in path.read_text("utf-8")):
            gone.append(span)
    assert gone == []


# ------------------------------------------------------------------ dead letters


def test_every_reason_for_a_dead_letter_is_explained_and_no_other() -> None:
    """Who finds a word in a header finds what to do about it."""
    table = section(text_of("docs/dead-letters.md"), "## The reasons")
    assert first_cells(table) == [reason.value for reason in Reason]


def test_every_header_of_a_dead_letter_is_explained_and_no_other() -> None:
    """Events that are too large, of no time, without a key and replayed have all there are."""
    letter = DeadLetter(
        value=b"x" * 1000,
        key=b"k" * 1000,
        headers=counted([("h" * 1000, b"")], 1, "group"),
        timestamp=0,
        source=TopicPartition("events", 0),
        offset=0,
        problem=Problem(Reason.UNDECODABLE, Stage.DECODE, "cut off"),
    )
    limits = TopicLimits(max_bytes=500, needs_key=True)
    form = DeadLetterFormat("group", "version", "model", partitions=1, limits=limits)
    records = form.records([letter, replace(letter, key=None)], 0)
    names = {name for headers in records.headers for name, _ in headers or ()}
    explained = first_cells(section(text_of("docs/dead-letters.md"), "## What a dead letter is"))
    assert sorted(explained) == sorted(names)


# ------------------------------------------------------------------ the command line


def commands() -> dict[str, set[str]]:
    """Every command by its words, with its options."""
    found: dict[str, set[str]] = {}
    pending: list[tuple[str, Any]] = [("stream-scorer", get_command(build()))]
    while pending:
        words, command = pending.pop()
        inner: Mapping[str, Any] = getattr(command, "commands", {})
        pending += [(f"{words} {name}", each) for name, each in inner.items()]
        options = {name for param in command.params for name in param.opts}
        found[words] = {option for option in options if option.startswith("-")}
    return found


def command_lines(text: str) -> Iterator[str]:
    """The calls of the program in a page's code, without what is piped or commented."""
    fenced = [line for block in _FENCE.findall(text) for line in block.splitlines()]
    for code in (*fenced, *_CODE.findall(_FENCE.sub("", text))):
        line = " ".join(code.split())
        if line.startswith("stream-scorer "):
            yield re.split(r" [#>|]", line, maxsplit=1)[0]


def test_every_command_is_shown_somewhere() -> None:
    """As it is typed, in the README or a page of the documentation."""
    shown = " \n".join(line for name in NAMES for line in command_lines(text_of(name))) + " "
    groups = ("stream-scorer", "stream-scorer dlq", "stream-scorer schema")
    missing = [words for words in commands() if words not in groups and f"{words} " not in shown]
    assert missing == []


@pytest.mark.parametrize("name", NAMES)
def test_commands_on_a_page_exist_with_their_options(name: str) -> None:
    """What is copied from a page runs."""
    known = commands()
    root = known["stream-scorer"] | {"--help", "--debug"}
    wrong = []
    for line in command_lines(text_of(name)):
        called = max((words for words in known if f"{line} ".startswith(f"{words} ")), key=len)
        rest = line.removeprefix(called)
        options = set(re.findall(r"(?<= )--?[a-z][a-z-]*", rest))
        is_group = called in ("stream-scorer", "stream-scorer dlq", "stream-scorer schema")
        if (is_group and rest.strip() and not options) or not options <= known[called] | root:
            wrong.append(line)
    assert wrong == []
