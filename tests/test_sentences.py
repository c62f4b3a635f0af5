"""How failures of the system and of Kafka's client are told: in words, and by one function each."""

from __future__ import annotations

import ast
import errno
from collections.abc import Iterator
from pathlib import Path

import pytest

from stream_scorer.errors import reason

PACKAGE = Path(__file__).parents[1] / "stream_scorer"
MODULES = sorted(path.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("*.py"))
#: Who puts them into words.
OF_THE_SYSTEM, OF_KAFKA = "errors.py", "kafka/translation.py"


def test_a_failure_of_the_system_is_told_in_its_words() -> None:
    """Without its number; without the path, which the sentence has."""
    assert reason(OSError(errno.ENOENT, "No such file or directory", "/x")) == (
        "No such file or directory"
    )
    assert reason(RuntimeError("[Errno 111] Connection refused.")) == "Connection refused"
    assert reason(OSError("a\n  b")) == "a b"
    assert reason(OSError()) == "OSError"
    with pytest.raises(UnicodeDecodeError) as undecodable:
        b"\xff".decode()
    assert reason(undecodable.value) == "it is not UTF-8 text"


def told_otherwise(module: str, source: str) -> Iterator[int]:
    """Yield the lines that put a failure of the system or of Kafka into a text by themselves."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr == "strerror" and module != OF_THE_SYSTEM:
            yield node.lineno
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and (node.func.attr == "str" or (node.func.attr == "name" and not node.args))
            and module != OF_KAFKA
        ):
            yield node.lineno
        if isinstance(node, ast.ExceptHandler) and node.name and _catches(node.type):
            for inner in ast.walk(node):
                if isinstance(inner, ast.FormattedValue) and _is(inner.value, node.name):
                    yield inner.lineno


def _catches(caught: ast.expr | None) -> bool:
    """Tell whether a handler gets what has a number, a path or a client's own name in its text."""
    names = (
        {each.id for each in ast.walk(caught) if isinstance(each, ast.Name)} if caught else set()
    )
    return bool(names & {"OSError", "UnicodeDecodeError", "KafkaException"})


def _is(value: ast.expr, name: str) -> bool:
    return isinstance(value, ast.Name) and value.id == name


@pytest.mark.parametrize("module", MODULES)
def test_every_module_has_them_told(module: str) -> None:
    """A number such as "[Errno 2]", or a name such as UNKNOWN_TOPIC_OR_PART, reaches nobody."""
    assert list(told_otherwise(module, (PACKAGE / module).read_text())) == []


@pytest.mark.parametrize(
    "source",
    [
        "try: pass\nexcept OSError as error: raise E(f'{error}')",
        "try: pass\nexcept (ValueError, OSError) as error: say(f'{path}: {error}')",
        "try: pass\nexcept KafkaException as error: say(f'{error}')",
        "say(error.strerror)",
        "say(error.str())",
        "say(error.name())",
    ],
)
def test_who_tells_it_otherwise_is_found(source: str) -> None:
    """Wherever that is."""
    assert list(told_otherwise("app/x.py", source))
