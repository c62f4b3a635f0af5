"""How the page shows states that no worker has on demand, from a status that is made up."""

from __future__ import annotations

import threading
from typing import Any

from playwright.sync_api import Browser

from tests.browser import scenes
from tests.browser.served import served
from tests.browser.visits import opened, visit


def test_a_worker_that_scores_is_ready(browser: Browser) -> None:
    """Its numbers are there: rate, latency, lag, dead letters, transactions."""
    with served(scenes.worker) as page:
        visited = visit(browser, page.address)
        visited.title("Ready")
        figures = visited.text("#figures")
        for words in ("3,196,020 in all", "p50", "p99", "events", "8,391", "40,230"):
            assert words in figures
        assert visited.page.title() == "Ready · card_fraud 2026-11 · stream-scorer"


def test_every_section_has_what_it_is_for(browser: Browser) -> None:
    """Partitions, stages, batches, scores, features, dead letters, versions, settings."""
    with served(scenes.worker) as page:
        visited = visit(browser, page.address)
        assert [row[0] for row in visited.rows("#partitions")] == ["0", "2", "4", "6"]
        stages = [row[0].split()[0] for row in visited.rows("#stages")]
        assert stages == ["poll", "decode", "infer", "encode", "commit"]
        assert [row[-1] for row in visited.rows("#stages")][2] == "38 %"
        assert "1.92K" in visited.text("#batches")
        assert "lie elsewhere now; 10K recent, 10K at the start" in visited.text("#scores")
        assert visited.rows("#features")[0][::2] == ["device.age_days", "25 %"]
        assert visited.rows("#reasons")[0][::2] == ["undecodable", "3,391"]
        assert len(visited.rows("#samples")) == 5
        assert "9f2c" * 16 in visited.text("#model")
        assert "card-transactions.scored" in visited.text("#kafka")
        visited.page.locator("summary").click()
        assert "sasl.password: ***" in visited.text("#config")


def test_a_backlog_that_is_done_does_not_stretch_the_axis(browser: Browser) -> None:
    """What came after it is seen, that it was cut is said, and one can still ask for it."""
    backlog = scenes.worker()
    for name, late in (("age_p50_seconds", 9_000.0), ("age_p99_seconds", 9_500.0)):
        ages = backlog["history"][name]
        backlog["history"][name] = [late] * 60 + [0.05] * (len(ages) - 60)
    with served(lambda: backlog) as page:
        visited = visit(browser, page.address)
        cut = visited.page.locator("#latency .tick.cut").text_content()
        assert cut == "cut off: up to 2 h 38 min"
        ticks = visited.page.locator("#latency .tick.end").all_text_contents()
        assert ticks[:3] == ["0 s", "100 ms", "200 ms"]
        assert "2 h 38 min" in (
            visited.page.locator("#latency svg").get_attribute("aria-label") or ""
        )


def test_a_backlog_that_is_worked_off_is_seen_whole(browser: Browser) -> None:
    """What is new is never cut, however much it is."""
    backlog = scenes.worker()
    for name in ("age_p50_seconds", "age_p99_seconds"):
        ages = backlog["history"][name]
        backlog["history"][name] = [0.05] * (len(ages) - 2) + [7_200.0] * 2
    with served(lambda: backlog) as page:
        visited = visit(browser, page.address)
        assert visited.page.locator("#latency .tick.cut").count() == 0
        ticks = visited.page.locator("#latency .tick.end").all_text_contents()
        assert ticks[2] == "2 h 13 min"


def test_a_loop_that_stands_still_is_said_so(browser: Browser) -> None:
    """In what, and since when."""
    with served(scenes.standing_still) as page:
        visited = visit(browser, page.address)
        visited.title("Stands still")
        detail = visited.text("#state-detail")
        assert detail.startswith("The loop stands still for 95 s while committing a transaction")
        assert visited.page.locator("#state").get_attribute("data-level") == "bad"


def test_a_round_that_takes_long_is_slow(browser: Browser) -> None:
    """Long before it would count as standing still."""
    slow = scenes.worker(doing="committing a transaction", since_seconds=12.0)
    with served(lambda: slow) as page:
        visited = visit(browser, page.address)
        visited.title("Slow")
        assert visited.text("#state-detail") == "It has been committing a transaction for 12 s."


def test_brokers_that_are_away_are_waited_for(browser: Browser) -> None:
    """The page says for what the worker waits, and how long it has."""
    with served(scenes.waiting) as page:
        visited = visit(browser, page.address)
        visited.title("Waiting")
        said = "No broker of kafka-1:9092 answers. For 42 s so far."
        assert visited.text("#state-detail") == said


def test_a_worker_that_is_not_ready_says_why(browser: Browser) -> None:
    """As at its start."""
    starting = scenes.worker(ready=False, not_ready_because="the group has not let it in yet")
    with served(lambda: starting) as page:
        visited = visit(browser, page.address)
        visited.title("Not ready")
        assert visited.text("#state-detail") == "The group has not let it in yet."


def test_a_partition_that_an_open_transaction_holds_back_says_so(browser: Browser) -> None:
    """Though its worker is well, and its lag small."""
    with served(scenes.held_back) as page:
        visited = visit(browser, page.address)
        visited.title("Ready")
        said = [row[0].split() for row in visited.rows("#partitions")]
        held = "1,204 offsets held back for 20 min"
        assert said == [["0"], ["2"], ["4"], ["6", *held.split()]]
        assert visited.faults() == []


def test_workers_are_shown_together(browser: Browser) -> None:
    """One row each, the counts added up, and each partition beside its owner."""
    with served(lambda: scenes.fleet(scenes.worker(1), scenes.worker(2))) as page:
        visited = visit(browser, page.address)
        visited.title("2 workers ready")
        assert "9,588,060 in all" in visited.text("#figures")
        assert [row[1] for row in visited.rows("#workers")] == ["ready", "ready"]
        owners = [row[:2] for row in visited.rows("#partitions")]
        assert owners[:3] == [["0", "worker 1"], ["1", "worker 2"], ["2", "worker 1"]]


def test_the_partitions_of_a_worker_that_is_gone_are_shown_until_they_have_a_new_owner(
    browser: Browser,
) -> None:
    """First as those of a worker that does not answer, then as the other one's."""
    one, two = scenes.worker(1), scenes.worker(2)
    with served(lambda: scenes.fleet(one, two)) as page:
        visited = visit(browser, page.address)
        dead = {**scenes.gone(one), "name": "worker 1"}
        page.status = lambda: {"workers": [dead, {**two, "name": "worker 2"}]}
        visited.title("Worker 1 does not answer")
        owners = [row[1] for row in visited.rows("#partitions")]
        assert [each.split() for each in owners[:2]] == [
            ["worker", "1", "no", "answer"],
            ["worker", "2"],
        ]
        assert "9,588,060 in all" in visited.text("#figures"), "what it scored stays counted"
        heir = {**two, "name": "worker 2", "partitions": one["partitions"] + two["partitions"]}
        page.status = lambda: {"workers": [dead, heir]}
        visited.says("#partitions tbody tr:first-child", "worker 2")
        assert {row[1] for row in visited.rows("#partitions")} == {"worker 2"}
        assert [row[1] for row in visited.rows("#workers")] == ["does not answer", "ready"]


def test_several_workers_in_trouble_are_each_named(browser: Browser) -> None:
    """With what is the matter; the worst of them gives the colour."""
    with served(lambda: scenes.fleet(scenes.waiting(), scenes.standing_still())) as page:
        visited = visit(browser, page.address)
        visited.title("2 of 2 workers need a look")
        first, second = visited.page.locator("#state-detail p").all_inner_texts()
        assert first.startswith("Worker 1 is waiting. No broker of kafka-1:9092 answers.")
        assert second.startswith("Worker 2 stands still. The loop stands still for 95 s")
        assert visited.page.locator("#state").get_attribute("data-level") == "bad"


def test_a_worker_that_is_starting_is_no_fault(browser: Browser) -> None:
    """It has no page yet, and will."""
    young = {"name": "worker 2", "address": "worker 2", "error": "is starting"}
    with served(lambda: {"workers": [{**scenes.worker(), "name": "worker 1"}, young]}) as page:
        visited = visit(browser, page.address)
        visited.title("Worker 2 is starting")
        assert visited.page.locator("#state").get_attribute("data-level") == "warn"


def test_a_worker_that_never_answered_has_a_row_all_the_same(browser: Browser) -> None:
    """The page was opened after it was gone."""
    dead = {**scenes.gone(scenes.worker(1)), "name": "worker 1"}
    with served(lambda: {"workers": [dead, scenes.worker(2)]}) as page:
        visited = visit(browser, page.address)
        visited.title("Worker 1 does not answer")
        assert visited.rows("#workers")[0][:2] == ["worker 1", "does not answer"]


def test_no_answer_at_all_leaves_the_last_one_to_be_read(browser: Browser) -> None:
    """Greyed, with how old it is; and it goes on when an answer comes."""
    with served(scenes.worker) as page:
        visited = visit(browser, page.address)
        page.status = lambda: None
        visited.title("Does not answer")
        visited.says("#state-detail", "/status answers 500. What is shown is from")
        assert "3,196,020 in all" in visited.text("#figures")
        assert visited.page.locator("html").get_attribute("data-answer") == "no"
        page.status = scenes.worker
        visited.title("Ready")
        assert visited.page.locator("html").get_attribute("data-answer") == "yes"


def test_an_answer_that_makes_no_sense_is_said_so(browser: Browser) -> None:
    """It is not taken for a worker that is gone, and the page goes on asking."""
    with served(lambda: {"worker": {}, "partitions": 5}) as page:
        visited = opened(browser, page.address)
        visited.says("#state-detail", "The page can't show what /status says")
        page.status = scenes.worker
        visited.title("Ready")


def test_a_worker_that_has_just_started_has_a_page(browser: Browser) -> None:
    """Nothing scored, no partition, no history, no score, no dead letter."""
    young = scenes.worker()
    young |= {"partitions": [], "stages": {}, "scores": [], "features": []}
    young["history"] = {name: [] for name in young["history"]}
    young["history"] |= {"interval_seconds": 2.0, "until": young["worker"]["now"]}
    young["totals"] = dict.fromkeys(young["totals"], 0)
    young["dead_letters"] = {"by_reason": {"undecodable": 0}, "samples": []}
    with served(lambda: young) as page:
        visited = visit(browser, page.address)
        visited.title("Ready")
        assert "None" in visited.text("#partitions")
        assert visited.text("#reasons") == "None."
        assert visited.console == []


def test_what_events_say_is_never_read_as_markup(browser: Browser) -> None:
    """A value and a message are text, whatever stands in them."""
    evil = "<img src=x onerror=alert(1)> `<b>` <script>alert(2)</script>"
    status = scenes.worker()
    status["dead_letters"]["samples"][0] |= {"message": evil, "value": evil, "topic": evil}
    status["config"]["model"]["path"] = evil
    status["model"]["name"] = evil
    with served(lambda: status) as page:
        visited = visit(browser, page.address)
        assert visited.page.locator("#samples img, #samples b, #config img").count() == 0
        assert "<img src=x onerror=alert(1)>" in visited.text("#samples")
        assert visited.console == []


def test_values_are_shown_where_the_worker_gives_them(browser: Browser) -> None:
    """It gives none unless ``server.show_values`` says so, and then the page invents none."""
    status = scenes.worker()
    status["dead_letters"]["samples"][1]["value"] = "\\x00\\x00\\x01a card number"
    with served(lambda: status) as page:
        visited = visit(browser, page.address)
        assert visited.page.locator("#samples .bytes").all_inner_texts() == [
            "\\x00\\x00\\x01a card number"
        ]


def test_an_address_that_is_no_web_page_is_no_link(browser: Browser) -> None:
    """A status can not make the page run anything."""
    status = scenes.fleet(scenes.worker(1, address="javascript:alert(1)"), scenes.worker(2))
    with served(lambda: status) as page:
        visited = visit(browser, page.address)
        links = visited.page.locator("#workers a")
        assert links.evaluate_all("all => all.map(each => each.href)") == ["http://127.0.0.1:9402/"]


def test_a_page_that_nobody_sees_asks_seldom(browser: Browser) -> None:
    """And at once when somebody looks again."""
    with served(scenes.worker) as page:
        visited = opened(browser, "about:blank")
        visited.page.clock.install()
        visited.page.goto(page.address)
        visited.title("Ready")
        _turn(visited.page, hidden=True)
        before = visited.asked("status")
        visited.page.clock.run_for(10_000)
        assert visited.asked("status") <= before + 1
        _turn(visited.page, hidden=False)
        with visited.page.expect_response("**/status"):
            pass


def test_a_question_waits_for_the_answer_to_the_last_one(browser: Browser) -> None:
    """A worker that is slow to answer is not asked twice at once."""
    answer = threading.Event()
    with served(scenes.worker) as page:
        visited = opened(browser, "about:blank")
        visited.page.clock.install()
        visited.page.goto(page.address)
        visited.title("Ready")
        page.status = lambda: scenes.worker() if answer.wait(20) else None
        with visited.page.expect_request("**/status"):
            visited.page.clock.run_for(1_500)
        before = visited.asked("status")
        visited.page.clock.run_for(2_500)
        assert visited.asked("status") == before
        answer.set()


def test_a_short_past_fills_the_charts(browser: Browser) -> None:
    """A worker of half a minute is not shown at the edge of five."""
    young = scenes.worker()
    for name in ("scored", "dead_letters", "age_p50_seconds", "age_p99_seconds"):
        young["history"][name] = young["history"][name][-15:]
    with served(lambda: young) as page:
        visited = visit(browser, page.address)
        marks = visited.page.locator("#latency svg text").all_text_contents()
        ago = [each.removeprefix("\N{MINUS SIGN}") for each in marks[3:]]
        assert ago == ["now", "15 s", "30 s", "45 s", "1 min"]


def test_scores_are_shown_where_there_are_any(browser: Browser) -> None:
    """Of edges for every size of score, those around the ones that came."""
    with served(scenes.worker) as page:
        visited = visit(browser, page.address)
        marks = visited.page.locator("#scores svg text").all_text_contents()
        assert marks[:3] == ["0", "0.1", "0.2"]
        assert len(marks) < 12


def test_a_chart_tells_what_is_under_the_pointer(browser: Browser) -> None:
    """The legend shows the time and the values there."""
    with served(scenes.worker) as page:
        visited = visit(browser, page.address)
        visited.page.locator("#throughput").hover(position={"x": 300, "y": 60})
        visited.says("#throughput-legend", "ago")
        visited.page.mouse.move(5, 5)
        visited.page.wait_for_function(
            "() => !document.querySelector('#throughput-legend').innerText.includes('ago')"
        )


def _turn(page: Any, *, hidden: bool) -> None:
    page.evaluate(
        """hidden => {
          Object.defineProperty(document, "hidden", { configurable: true, get: () => hidden });
          document.dispatchEvent(new Event("visibilitychange"));
        }""",
        hidden,
    )
