"""The rights that docs/security.md asks for, read from its table."""

from __future__ import annotations

import re
from pathlib import Path

from tests.security.secured import Right

PAGE = Path(__file__).parents[2] / "docs" / "security.md"
#: The names in the page's table stand for these of ``tests.scorers``.
_NAMES = {
    "the input topic": "in",
    "the output topic": "out",
    "the dead-letter topic": "out.dead-letters",
    "the group": "out-group",
    "the group's name and what begins with it": "out-group",
}
_ROW = re.compile(r"^\| (Topic|Group|TransactionalId) \| ([^|]+) \| `(\w+)` \|", re.MULTILINE)
_KINDS = {"Topic": "TOPIC", "Group": "GROUP", "TransactionalId": "TRANSACTIONAL_ID"}


def worker_rights() -> list[Right]:
    """The rows of the table "What the worker needs"."""
    _, _, rest = PAGE.read_text().partition("## Rights")
    table, _, _ = rest.partition("\n### ")
    return [
        Right(_KINDS[kind], _NAMES[name.strip()], operation, prefixed="begins with" in name)
        for kind, name, operation in _ROW.findall(table)
    ]
