"""What a measurement found, as a file for others to read."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from pathlib import Path

FOLDER = Path("build/bench")


def add_folder_option(parser: argparse.ArgumentParser) -> None:
    """Add ``--folder``, where the file goes."""
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where the JSON file goes")


def save(folder: Path, name: str, found: Mapping[str, object]) -> Path:
    """Write ``name.json`` to the folder, which is made if need be; return its path."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.json"
    path.write_text(json.dumps(found, indent=2) + "\n")
    return path
