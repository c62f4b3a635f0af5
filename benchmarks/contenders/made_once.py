"""What a contender needs beside Python: made on first use, and again when its sources change."""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path

ROOT = Path(__file__).parents[2]
_STAMP = "made-from.txt"
_TIMEOUT_SECONDS = 600


class Absent(Exception):
    """A contender can't be had on this machine; the text says what it lacks."""


def make_once(
    folder: Path, sources: Iterable[Path], commands: Sequence[Sequence[str | Path]]
) -> None:
    """Run the commands, in the project's root, unless the folder was made from these very sources.

    Raises:
        Absent: a command fails; the text holds the end of what it said.
    """
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in sorted(sources))).hexdigest()
    stamp = folder / _STAMP
    if stamp.exists() and stamp.read_text() == digest:
        return
    # What a failure leaves behind was made from nothing.
    stamp.unlink(missing_ok=True)
    folder.mkdir(parents=True, exist_ok=True)
    for command in commands:
        _run(command)
    stamp.write_text(digest)


def _run(command: Sequence[str | Path]) -> None:
    try:
        done = subprocess.run(  # noqa: S603 - the commands are ours
            command,
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=_TIMEOUT_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise Absent(f"{command[0]} took more than {_TIMEOUT_SECONDS} s.") from error
    if done.returncode:
        said = " ".join(done.stdout.split())
        raise Absent(f"{command[0]} ended with exit code {done.returncode}: …{said[-500:]}")
