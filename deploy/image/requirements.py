"""What the image installs: the package's dependencies, with one build of ONNX Runtime among them.

Every build of ONNX Runtime installs the same folder, so a second one would overwrite the first. The
package depends on ``onnxruntime``; the image gets the build that it was asked for in its place.
"""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path

CPU_BUILD = "onnxruntime"


def requirements(dependencies: Sequence[str], build: str) -> Iterator[str]:
    """Yield the dependencies, one requirement each.

    ``build`` stands in for ``onnxruntime``: a name, with extras and a version if need be. Without a
    version it takes the one that the package asks for.
    """
    for dependency in dependencies:
        wanted = dependency.removeprefix(CPU_BUILD)
        if wanted != dependency and re.match(r"[^\w.-]|$", wanted):
            yield build if re.search(r"[<>=~!@]", build) else build + wanted
        else:
            yield dependency


if __name__ == "__main__":
    project = tomllib.loads(Path("pyproject.toml").read_text("utf-8"))["project"]
    print(*requirements(project["dependencies"], sys.argv[1]), sep="\n")
