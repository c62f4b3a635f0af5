"""The system calls that a unit's ``SystemCallFilter=`` lets through."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable, Mapping

from tests.tools import system_tool

Groups = Mapping[str, list[str]]


def allowed_calls(words: Iterable[str]) -> list[str]:
    """The calls that the filter allows, by systemd's own groups; ``~`` takes a group away.

    What every process needs (``@default``) is always there.
    """
    groups = _groups()
    allowed = _calls(groups, "@default")
    for word in words:
        calls = _calls(groups, word.removeprefix("~"))
        allowed = allowed - calls if word.startswith("~") else allowed | calls
    return sorted(allowed)


def _calls(groups: Groups, name: str) -> set[str]:
    if not name.startswith("@"):
        return {name}
    return {call for part in groups[name] for call in _calls(groups, part)}


def _groups() -> Groups:
    listed = subprocess.run(  # noqa: S603 - the command line is ours
        [system_tool("systemd-analyze"), "syscall-filter", "--no-pager"],
        capture_output=True,
        text=True,
        check=True,
    )
    groups: dict[str, list[str]] = {}
    for line in listed.stdout.splitlines():
        word = line.strip()
        if line.startswith("@"):
            members = groups.setdefault(word, [])
        elif word and not word.startswith("#"):
            members.append(word)
    return groups
