"""The live page as files: complete, small, and without anything that its policy would forbid."""

from __future__ import annotations

import re

import pytest

from stream_scorer.observe.page import PAGE_HEADERS, page_files

FILES = page_files()
TEXTS = {path: file.body.decode() for path, file in FILES.items()}
_REFERENCE = re.compile(r"""(?:src|href)="([^"#]+)"|(?:from|import) "\./([^"]+)";""")


def test_the_page_is_at_the_root() -> None:
    """And the rest of it below one folder, so that no other path is taken."""
    assert FILES["/"].content_type == "text/html; charset=utf-8"
    assert {path.rpartition("/")[0] for path in FILES if path != "/"} == {"/page"}


def test_whatever_a_file_refers_to_is_there_and_is_used() -> None:
    """Scripts, styles, the icon; beside them only the status is asked for."""
    wanted = {"/"}
    for text in TEXTS.values():
        for beside_the_page, beside_a_script in _REFERENCE.findall(text):
            wanted.add(f"/page/{beside_a_script}" if beside_a_script else f"/{beside_the_page}")
    assert wanted - {"/status"} == set(FILES)


def test_nothing_comes_from_elsewhere() -> None:
    """No address of another host; the one that is left is a namespace, which nobody fetches."""
    addresses = {each for text in TEXTS.values() for each in re.findall(r"https?://[\w.]+", text)}
    assert addresses == {"http://www.w3.org"}
    assert not [path for path, text in TEXTS.items() if re.search(r"@import|url\(", text)]


def test_the_policy_allows_nothing_inline() -> None:
    """So the page has no inline script, style or handler to begin with."""
    policy = PAGE_HEADERS["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy
    assert not re.search(r"<style|<script>|\sstyle=|\son[a-z]+=", TEXTS["/"])


@pytest.mark.parametrize("word", ["innerHTML", "outerHTML", "insertAdjacentHTML", "eval("])
def test_no_text_becomes_markup(word: str) -> None:
    """What events and messages say is put in as text."""
    assert [path for path, text in TEXTS.items() if word in text] == []


def test_the_page_is_small() -> None:
    """It is loaded from a worker that has other things to do."""
    assert sum(len(file.body) for file in FILES.values()) < 60_000
