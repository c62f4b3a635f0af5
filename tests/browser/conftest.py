"""One headless Chromium for the tests of the page."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from stream_scorer.local.ports import ReservedPort
from tests.conftest import Kafka
from tests.end_to_end.workers import Scoring
from tests.tools import system_tool


# Not for the whole session: Playwright's event loop would be in the way of other tests' loops.
@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    """The system's Chromium; Playwright brings none of its own."""
    path = system_tool("chromium")
    with sync_playwright() as playwright:
        # The sandbox needs rights that a container does not have.
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def browser(chromium: Browser) -> Iterator[Browser]:
    """That browser without what an earlier test had open."""
    yield chromium
    for context in chromium.contexts:
        context.close()


@pytest.fixture
def scoring(kafka: Kafka, tmp_path: Path) -> Iterator[Scoring]:
    """Topics and a folder of its own for real workers."""
    made = Scoring(kafka.bootstrap_servers, tmp_path, kafka.create_topic)
    yield made
    made.end()


@pytest.fixture
def port() -> Iterator[int]:
    """A port that stays free while a worker starts again."""
    reserved = ReservedPort()
    yield reserved.number
    reserved.release()
