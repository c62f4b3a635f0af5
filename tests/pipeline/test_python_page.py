"""docs/python.md is a session: what it shows is run, and prints what it says."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import pytest

import stream_scorer

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/python.md").read_text()
#: A fence of Python, and the fence below it that shows what it prints, if there is one.
_SESSION = re.compile(r"^```python\n(.*?)^```\n(?:\n```\n(.*?)^```\n)?", re.MULTILINE | re.DOTALL)
_YAML = re.compile(r"^```yaml\n(.*?)^```\n", re.MULTILINE | re.DOTALL)


def session() -> Iterator[tuple[str, str]]:
    """What is typed and what it prints, up to the part that needs brokers."""
    for found in _SESSION.finditer(PAGE.partition("## Run a worker")[0]):
        yield found[1], found[2] or ""


def test_what_the_page_shows_is_what_it_prints(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the repository's root, in one go."""
    (tmp_path / "tests").symlink_to(ROOT / "tests")
    config = tmp_path / "scorer.yaml"
    [settings] = _YAML.findall(PAGE)
    config.write_text(settings)
    monkeypatch.chdir(ROOT)
    names: dict[str, object] = {}
    shown = list(session())
    assert len(shown) == PAGE.count("```python\n") - 1
    for typed, printed in shown:
        out = StringIO()
        with redirect_stdout(out):
            exec(typed.replace('"scorer.yaml"', repr(str(config))), names)  # noqa: S102 - our page
        assert out.getvalue() == printed


def test_the_page_names_the_whole_surface() -> None:
    """In its table."""
    rows = "".join(line for line in PAGE.splitlines() if line.startswith("| `"))
    named = {each.partition("(")[0] for each in re.findall(r"`([A-Za-z][^`]*)`", rows)}
    assert set(stream_scorer.__all__) - {"__version__"} <= named
