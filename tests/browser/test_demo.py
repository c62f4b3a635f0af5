"""The demo's page in a browser: both workers, from the start to the end; and its pictures.

``SCREENSHOTS=1 pytest tests/browser/test_demo.py`` makes those of the documentation anew. It takes
some minutes, so that the charts are full, and looks best where the font Inter is installed.
"""

from __future__ import annotations

import os
import signal
import struct
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.browser.visits import Visit, visit

pytestmark = pytest.mark.kafka

DOCS = Path(__file__).parents[2] / "docs"
WIDTH, HEIGHT = 1280, 1440


@dataclass(frozen=True)
class Demo:
    """A demo that runs, and where its page is."""

    process: subprocess.Popen[str]
    address: str

    def end(self) -> str:
        """Wait for its end; return what it said."""
        assert self.process.stdout is not None
        return self.process.stdout.read()


@contextmanager
def demo(folder: Path, events: int, rate: int) -> Iterator[Demo]:
    """Run the demo; it is interrupted where the test has seen enough."""
    scale = ["--events", str(events), "--rate", str(rate), "--folder", str(folder)]
    with subprocess.Popen(  # noqa: S603 - our own module with our own arguments
        [sys.executable, "-m", "stream_scorer", "demo", *scale], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        said = next((line for line in process.stdout if line.startswith("Watch it: ")), "")
        assert said, "the demo did not say where its page is"
        try:
            yield Demo(process, said.removeprefix("Watch it: ").strip())
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGINT)


@pytest.mark.timeout(180)
def test_the_demo_shows_both_workers_to_the_end(browser: Browser, tmp_path: Path) -> None:
    """The one that is killed is said to be gone, and the other one gets all partitions."""
    with demo(tmp_path, 9_000, 600) as running:
        visited = visit(browser, running.address)
        visited.title("2 workers ready")
        visited.says("#partitions", "worker 2")
        visited.title("Worker 1 does not answer")
        visited.page.wait_for_function(
            """() => [...document.querySelectorAll("#partitions tbody td:nth-child(2)")]
              .every(owner => owner.innerText === "worker 2")"""
        )
        assert [row[1] for row in visited.rows("#workers")] == ["does not answer", "ready"]
        assert visited.console == []
        said = running.end()
    assert running.process.returncode == 0, said
    assert "Exact: every event has exactly one result." in said


@pytest.mark.timeout(900)
def test_the_demo_is_good_to_look_at(browser: Browser, tmp_path: Path) -> None:
    """Its page in both themes, as the documentation shows it."""
    for_the_docs = os.environ.get("SCREENSHOTS") == "1"
    seconds = 360 if for_the_docs else 3
    with demo(tmp_path / "demo", 3_000 * seconds, 1_000) as running:
        visited = visit(
            browser, running.address, width=WIDTH, height=HEIGHT, reduced_motion="reduce"
        )
        visited.title("2 workers ready")
        visited.page.wait_for_function(
            """least => {
              const [all] = document.querySelector("#figures .below").innerText.split(" ");
              return Number(all.replaceAll(",", "")) >= least;
            }""",
            arg=900 * seconds,
            timeout=2_000 * seconds + 30_000,
        )
        folder = DOCS if for_the_docs else tmp_path
        pictures = [picture(visited, scheme, folder) for scheme in ("light", "dark")]
    for each in pictures:
        assert struct.unpack(">II", each[16:24]) == (WIDTH, HEIGHT)
        assert len(each) > 50_000, "there is nothing much on it"
    assert pictures[0] != pictures[1]


def picture(visited: Visit, scheme: str, folder: Path) -> bytes:
    """Take a picture of the page's top in a theme, as ``page-{scheme}.png``."""
    visited.page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    return visited.page.screenshot(path=folder / f"page-{scheme}.png")
