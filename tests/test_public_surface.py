"""What `import stream_scorer` promises, held against a file, so that a change is seen.

After a change that is meant: ``python -m tests.test_public_surface``.
"""

from __future__ import annotations

import dataclasses
import enum
import inspect
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import stream_scorer
from stream_scorer import StreamScorerError

SURFACE = Path(__file__).with_name("public_surface.txt")


def surface() -> Iterator[str]:
    """A line for each public name, and for each public name of a class."""
    for name in sorted(stream_scorer.__all__):
        value = getattr(stream_scorer, name)
        if inspect.isclass(value):
            yield from _of_class(name, value)
        elif callable(value):
            yield f"{name}{inspect.signature(value)}"
        else:
            yield f"{name}: {type(value).__name__}"


def _of_class(name: str, value: type[Any]) -> Iterator[str]:
    bases = ", ".join(base.__name__ for base in value.__bases__)
    yield f"class {name}({bases})"
    if issubclass(value, enum.Enum):
        yield from (f"  {name}.{each.name} = {each.value!r}" for each in value)
        return
    if issubclass(value, StreamScorerError):
        yield f"  {name}.exit_code = {value.exit_code}"
        return
    is_plain = dataclasses.is_dataclass(value)
    fields = {each.name for each in dataclasses.fields(value)} if is_plain else set()
    for each, member in sorted(vars(value).items()):
        if each.startswith("_") and each != "__len__":
            continue
        if each in fields:
            yield f"  {name}.{each}: {value.__annotations__[each]}"
        elif isinstance(member, property):
            yield f"  {name}.{each}: {_annotation(member)}"
        elif isinstance(member, classmethod):
            yield f"  classmethod {name}.{each}{inspect.signature(getattr(value, each))}"
        elif inspect.isfunction(member):
            yield f"  {name}.{each}{inspect.signature(member)}"


def _annotation(member: property) -> str:
    assert member.fget is not None
    return str(inspect.signature(member.fget).return_annotation)


def test_the_public_surface_is_the_one_that_is_committed() -> None:
    """Names and signatures; docs/python.md and CHANGELOG.md follow a change."""
    assert SURFACE.read_text() == "".join(f"{line}\n" for line in surface())


def test_the_command_line_starts_without_the_public_names() -> None:
    """They import the client, the runtime and the model's format, which `--help` does not need."""
    asked = "import sys, stream_scorer; print('onnxruntime' in sys.modules, 'numpy' in sys.modules)"
    done = subprocess.run(  # noqa: S603 - ours
        [sys.executable, "-c", asked], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["False", "False"]


if __name__ == "__main__":
    SURFACE.write_text("".join(f"{line}\n" for line in surface()))
