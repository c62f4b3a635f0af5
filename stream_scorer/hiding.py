"""Credentials in texts that people see: ``user:password@`` in an address is hidden."""

from __future__ import annotations

import re

HIDDEN = "******"
# Up to the last @ before the path: a password may hold one that nobody has encoded.
_USER_INFO = re.compile(r"(?<=://)[^/?#\s\"']*@")


def without_credentials(text: str) -> str:
    """Return the text with ``user:password@`` in addresses hidden."""
    return _USER_INFO.sub(f"{HIDDEN}@", text)
