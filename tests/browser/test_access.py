"""The page for everyone: by keyboard, by ear, in both themes, on a phone; nobody else is asked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from tests.browser import scenes
from tests.browser.scenes import Status
from tests.browser.served import served
from tests.browser.visits import PATIENCE_MS, opened, visit

SCENES: dict[str, Callable[[], Status]] = {
    "one": scenes.worker,
    "fleet": lambda: scenes.fleet(scenes.worker(1), scenes.worker(2)),
    "one of two gone": lambda: {
        "workers": [scenes.gone(scenes.worker(1)), scenes.worker(2)],
    },
    "standing still": scenes.standing_still,
    "waiting": scenes.waiting,
}


@pytest.mark.parametrize("scene", SCENES)
def test_axe_finds_no_fault_in_either_theme(browser: Browser, scene: str) -> None:
    """Names, roles, headings, tables, landmarks, and the contrast of every text."""
    with served(SCENES[scene]) as page:
        visited = visit(browser, page.address, color_scheme="light")
        visited.page.locator("summary").click()
        assert visited.faults() == []
        visited.page.emulate_media(color_scheme="dark")
        assert visited.faults() == []
        assert visited.console == []


def test_what_is_greyed_can_still_be_read(browser: Browser) -> None:
    """An answer that is old keeps its contrast."""
    with served(scenes.worker) as page:
        visited = visit(browser, page.address, color_scheme="light")
        page.status = lambda: None
        visited.title("Does not answer")
        assert visited.faults() == []
        visited.page.emulate_media(color_scheme="dark")
        assert visited.faults() == []


def test_every_request_goes_to_where_the_page_came_from(browser: Browser) -> None:
    """No font, no script, no picture from elsewhere, and all that it asks for is there."""
    with served(scenes.worker) as page:
        visited = visit(browser, page.address)
        visited.title("Ready")
        assert {each.startswith(f"{page.address}/") for each in visited.requests} == {True}
        assert visited.console == []


def test_the_theme_follows_the_system_until_it_is_chosen(browser: Browser) -> None:
    """By keyboard; the choice is kept."""
    with served(scenes.worker) as page:
        visited = visit(browser, page.address, color_scheme="light")
        background = "() => getComputedStyle(document.body).backgroundColor"
        light = visited.page.evaluate(background)
        visited.page.emulate_media(color_scheme="dark")
        dark = visited.page.evaluate(background)
        assert light != dark
        button = visited.page.get_by_role("button", name="Dark theme")
        expect(button).to_have_attribute("aria-pressed", "true")
        button.focus()
        visited.page.keyboard.press("Enter")
        assert visited.page.evaluate(background) == light
        expect(button).to_have_attribute("aria-pressed", "false")
        visited.page.reload()
        assert visited.page.evaluate(background) == light


def test_everything_that_can_be_used_is_reached_by_keyboard(browser: Browser) -> None:
    """In the order of the page, each with a focus that can be seen."""
    with served(SCENES["fleet"]) as page:
        visited = visit(browser, page.address)
        stops = []
        for _ in range(20):
            visited.page.keyboard.press("Tab")
            stop, outline = visited.page.evaluate(
                """() => {
                  const on = document.activeElement;
                  return [on.id || on.textContent, getComputedStyle(on).outlineStyle];
                }"""
            )
            assert outline == "solid", stop
            stops.append(stop)
            if stop == "/status":
                break
        assert stops == [
            "Skip to the state",
            "theme",
            "throughput",
            "latency",
            "workers",
            "worker 1",
            "worker 2",
            "partitions",
            "features",
            "samples",
            "settings",
            "/status",
        ]


def test_the_first_stop_leads_past_the_header(browser: Browser) -> None:
    """To the state."""
    with served(scenes.worker) as page:
        visited = visit(browser, page.address)
        visited.page.keyboard.press("Tab")
        visited.page.keyboard.press("Enter")
        expect(visited.page.locator("#state")).to_be_focused()


def test_a_chart_is_asked_by_arrow_keys(browser: Browser) -> None:
    """From now on back, and away by Escape."""
    with served(scenes.worker) as page:
        visited = visit(browser, page.address)
        visited.page.locator("#latency").focus()
        visited.page.keyboard.press("ArrowLeft")
        visited.page.keyboard.press("ArrowLeft")
        visited.says("#latency-legend", "2 s ago")
        visited.page.keyboard.press("Escape")
        expect(visited.page.locator("#latency-legend")).not_to_contain_text("ago")


def test_the_settings_open_by_keyboard(browser: Browser) -> None:
    """And stay open while the page goes on asking."""
    with served(scenes.worker) as page:
        visited = visit(browser, page.address)
        visited.page.locator("summary").focus()
        visited.page.keyboard.press("Enter")
        with visited.page.expect_response("**/status"):
            pass
        expect(visited.page.locator("#config")).to_be_visible()
        expect(visited.page.locator("summary")).to_be_focused()


def test_the_page_has_an_outline_to_hear(browser: Browser) -> None:
    """Landmarks, headings, tables with captions, pictures with a text that says the same."""
    with served(SCENES["fleet"]) as page:
        visited = visit(browser, page.address)
        outline = visited.page.locator("body").aria_snapshot()
        for line in (
            "- banner:",
            "- main:",
            "- contentinfo:",
            '- heading "2 workers ready" [level=2]',
            '- heading "Throughput" [level=2]',
            '- table "Lag and owner by partition":',
            '- table "The last dead letters, newest first":',
            '- columnheader "Owner"',
            '- rowheader "worker 1 scorer-1 · pid 4001"',
        ):
            assert line in outline
        pictures = visited.page.get_by_role("img")
        names = pictures.evaluate_all("all => all.map(each => each.getAttribute('aria-label'))")
        assert [name.partition(":")[0] for name in names] == [
            "Scored events a second",
            "p50",
            "score",
            "Time by stage",
            "Batches by size",
        ]


def test_only_a_change_of_state_is_read_out(browser: Browser) -> None:
    """Seconds that count up are no news."""
    still: dict[str, Any] = {"healthy": False, "started_at": 1_800_000_000.0}
    first = scenes.worker(unhealthy_because="the loop stands still for 95 s", **still)
    longer = scenes.worker(unhealthy_because="the loop stands still for 97 s", **still)
    after = scenes.worker(started_at=1_800_000_000.0)
    with served(lambda: first) as page:
        visited = visit(browser, page.address)
        spoken = visited.page.locator("#announcement")
        expect(spoken).to_have_text("Stands still. ")
        visited.page.evaluate(
            """() => {
              window.said = [];
              const spoken = document.querySelector("#announcement");
              new MutationObserver(() => window.said.push(spoken.textContent)).observe(
                spoken, { childList: true, characterData: true, subtree: true },
              );
            }"""
        )
        page.status = lambda: longer
        visited.says("#state-detail", "97 s")
        page.status = lambda: after
        visited.title("Ready")
        assert visited.page.evaluate("window.said") == ["Ready. "]


def test_what_is_selected_stays_selected(browser: Browser) -> None:
    """A message can be copied though the page is brought up to date each second."""
    now = scenes.worker()
    with served(lambda: now) as page:
        visited = visit(browser, page.address)
        visited.page.locator("#samples td.message").first.click(click_count=3)
        selected = visited.page.evaluate("String(getSelection())")
        assert "device.age_days" in selected
        now["totals"]["scored"] += 1
        visited.says("#figures", "3,196,021")
        assert visited.page.evaluate("String(getSelection())") == selected


@pytest.mark.parametrize("width", [360, 768, 1280, 1920])
def test_the_page_is_never_wider_than_the_screen(browser: Browser, width: int) -> None:
    """From a phone to a wall."""
    with served(SCENES["fleet"]) as page:
        visited = visit(browser, page.address, width=width)
        assert visited.page.evaluate("document.documentElement.scrollWidth") == width


def test_reduced_motion_moves_nothing(browser: Browser) -> None:
    """As the system asks."""
    with served(scenes.worker) as page:
        visited = visit(browser, page.address, reduced_motion="reduce")
        visited.title("Ready")
        assert visited.page.evaluate("document.getAnimations().length") == 0


def test_without_javascript_the_page_says_where_the_numbers_are(browser: Browser) -> None:
    """A link to the JSON."""
    with served(scenes.worker) as page:
        visited = opened(browser, page.address, java_script_enabled=False)
        link = visited.page.get_by_role("link", name="/status").first
        expect(link).to_be_visible(timeout=PATIENCE_MS)
