"""The rights that docs/security.md asks for, read from its table."""

from __future__ import annotations

import re
from pathlib import Path

from tests.security.secured import Right

PAGE = Path(__file__).parents[2] / "docs" / "security.md"
_ROW = re.compile(r"^\| (Topic|Group|TransactionalId) \| ([^|]+) \| `(\w+)` \|", re.MULTILINE)
_KINDS = {"Topic": "TOPIC", "Group": "GROUP", "TransactionalId": "TRANSACTIONAL_ID"}


def worker_rights(
    source: str = "in",
    output: str = "out",
    dead: str = "out.dead-letters",
    group: str = "out-group",
) -> list[Right]:
    """The rows of the table of what the worker needs, with these names; else of ``conftest``."""
    names = {
        "the input topic": source,
        "the output topic": output,
        "the dead-letter topic": dead,
        "the group": group,
        "names that begin with the group's name": group,
    }
    _, _, rest = PAGE.read_text().partition("## Permissions")
    table, _, _ = rest.partition("\n### ")
    return [
        Right(_KINDS[kind], names[name.strip()], operation, prefixed="begin with" in name)
        for kind, name, operation in _ROW.findall(table)
    ]
