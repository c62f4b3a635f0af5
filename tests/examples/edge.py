"""The example for small machines: its files, and its README's commands done in a folder."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
EDGE = ROOT / "examples" / "edge"
CONFIG = EDGE / "scorer.yaml"
UNIT = EDGE / "stream-scorer.service"
README = EDGE / "README.md"

PROGRAMS = Path(sys.executable).parent

#: What a worker is held to: 160 MB, of the 160 MiB that the unit grants.
LIMIT_BYTES = 160_000_000


def commands(heading: str) -> str:
    """The commands that the README gives below a heading."""
    below = README.read_text().partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    blocks: list[str] = re.findall(r"^```bash\n(.*?)^```$", below, re.MULTILINE | re.DOTALL)
    return "".join(blocks)


def lay_out(folder: Path) -> subprocess.CompletedProcess[str]:
    """Do what the README says to do on a workstation, in a folder that sees the clone's files.

    The folder ``box`` in it is what becomes ``/etc/stream-scorer``.
    """
    for name in ("examples", "schemas", "stream_scorer"):
        (folder / name).symlink_to(ROOT / name)
    return shell(commands("On your workstation"), folder)


def shell(script: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run commands, with the program on the path, until one of them fails."""
    return subprocess.run(  # noqa: S603 - the README's commands are what is tested
        ["/bin/bash", "-euo", "pipefail", "-c", script],
        cwd=folder,
        env={**os.environ, "PATH": f"{PROGRAMS}{os.pathsep}{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
    )
