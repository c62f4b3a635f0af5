"""The name of a worker's transactional producer."""

from __future__ import annotations

from string import Formatter

DEFAULT = "{group_id}-{hostname}-{random}"
PLACEHOLDERS = ("group_id", "hostname", "random")


def unknown_placeholders(template: str, allowed: tuple[str, ...] = PLACEHOLDERS) -> list[str]:
    """Return what the template asks for that nobody can fill in, conversions and formats included.

    Raises:
        ValueError: its braces don't match.
    """
    asked = [
        name + (f"!{conversion}" if conversion else "") + (f":{form}" if form else "")
        for _, name, form, conversion in Formatter().parse(template)
        if name is not None
    ]
    return [name for name in asked if name not in allowed]


def render(template: str | None, *, group_id: str, hostname: str, random: str) -> str:
    """Return the ``transactional.id`` of one process.

    It must be unique among live processes: two with one id fence each other for ever. It need not
    survive a restart, since KIP-447 fences by the consumer group; but a restarted process that
    takes its old id (a StatefulSet's hostname) ends the transaction it left behind at once.
    """
    chosen = DEFAULT if template is None else template
    return chosen.format(group_id=group_id, hostname=hostname, random=random)
