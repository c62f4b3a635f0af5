"""A visit to the page in a headless Chromium, and what the browser had to say about it."""

from __future__ import annotations

import functools
from dataclasses import dataclass, field
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, Request, expect

#: Longer than anything on the page takes, on a busy machine.
PATIENCE_MS = 20_000


@dataclass
class Visit:
    """One open page: every request that it made, and all that its console said."""

    page: Page
    requests: list[str] = field(default_factory=list)
    console: list[str] = field(default_factory=list)

    def title(self, text: str) -> None:
        """Wait until the state is called this."""
        expect(self.page.locator("#state-title")).to_have_text(text, timeout=PATIENCE_MS)

    def says(self, locator: str, text: str) -> None:
        """Wait until this part of the page contains the text."""
        expect(self.page.locator(locator)).to_contain_text(text, timeout=PATIENCE_MS)

    def asked(self, path: str) -> int:
        """Return how often the page asked for something."""
        return sum(each.endswith(f"/{path}") for each in self.requests)

    def text(self, locator: str) -> str:
        """Return what this part of the page says, with single blanks."""
        return " ".join(self.page.locator(locator).inner_text().split())

    def rows(self, locator: str) -> list[list[str]]:
        """Return the cells of a table's body."""
        cells: list[list[str]] = self.page.locator(f"{locator} tbody tr").evaluate_all(
            "rows => rows.map(row => [...row.cells].map(cell => cell.innerText.trim()))"
        )
        return cells

    def faults(self) -> list[str]:
        """Return what axe finds wrong for people who see, hear or move otherwise."""
        found: list[dict[str, Any]] = Axe().run(self.page).response["violations"]
        return [
            f"{fault['id']}: {node['failureSummary']} {node['html']}"
            for fault in found
            for node in fault["nodes"]
        ]


def visit(
    browser: Browser, address: str, *, width: int = 1280, height: int = 900, **context: Any
) -> Visit:
    """Open the page and wait until it shows an answer; ``context`` goes to the browser."""
    visited = opened(browser, address, width=width, height=height, **context)
    expect(visited.page.locator("#live")).to_be_visible(timeout=PATIENCE_MS)
    return visited


def opened(
    browser: Browser, address: str, *, width: int = 1280, height: int = 900, **context: Any
) -> Visit:
    """Open the page, whatever it shows."""
    page = browser.new_context(viewport={"width": width, "height": height}, **context).new_page()
    visited = Visit(page)
    page.on("request", functools.partial(_note_request, visited))
    page.on("console", lambda message: visited.console.append(f"{message.type}: {message.text}"))
    page.on("pageerror", lambda error: visited.console.append(f"uncaught: {error}"))
    page.goto(address)
    return visited


def _note_request(visited: Visit, request: Request) -> None:
    visited.requests.append(request.url)
