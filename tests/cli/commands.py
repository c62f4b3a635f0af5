"""Commands as processes of their own, to be interrupted."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def started(*words: str) -> Iterator[subprocess.Popen[str]]:
    """``stream-scorer`` with these words, killed at the end of the block if it still runs."""
    with subprocess.Popen(  # noqa: S603 - our own words
        [sys.executable, "-m", "stream_scorer", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()
