"""docs/docker.md against the files that it is about."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator

import pytest
from packaging.specifiers import SpecifierSet

from stream_scorer.app.stopping import BOUND_SECONDS
from tests.deploy.compose import services
from tests.deploy.dockerfile import ROOT, stages
from tests.test_docs import commands

PAGE = (ROOT / "docs/docker.md").read_text("utf-8")


def lines() -> Iterator[list[str]]:
    """The words of every command on the page."""
    for block in re.findall(r"^```\w*\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE):
        for line in block.replace("\\\n", " ").splitlines():
            if line.startswith("docker "):
                yield shlex.split(line)


def run_in_containers() -> list[list[str]]:
    """What is run by the worker's image, without the options of Docker."""
    found = []
    for words in lines():
        if words[1] == "run":
            image = next(i for i, word in enumerate(words) if word.startswith("stream-scorer"))
            found.append(words[image + 1 :])
        if words[:3] == ["docker", "compose", "exec"]:
            found.append(words[words.index("stream-scorer") + 1 :])
    return [words[: words.index(">")] if ">" in words else words for words in found]


@pytest.mark.parametrize("words", [words for words in run_in_containers() if words])
def test_a_command_inside_the_container_exists(words: list[str]) -> None:
    """With its options."""
    known = commands()
    typed = " ".join(["stream-scorer", *words]) + " "
    called = max((each for each in known if typed.startswith(f"{each} ")), key=len)
    options = {word for word in words if word.startswith("-")}
    assert called != "stream-scorer"
    assert options <= known[called]


def test_the_addresses_are_those_that_the_demo_publishes() -> None:
    """All of them, and no others."""
    published = {port for service in services().values() for port in service.published}
    table = PAGE.partition("| address |")[2].partition("\n\n")[0]
    assert {int(port) for port in re.findall(r"localhost:(\d+)", table)} == published


def test_build_arguments_are_those_of_the_dockerfile() -> None:
    """With the defaults that the page tells."""
    table = PAGE.partition("| build argument |")[2].partition("\n\n")[0]
    told = {name for cell in re.findall(r"^\| (`.*?`) \|", table, re.MULTILINE) for name in
            re.findall(r"`(\w+)`", cell)}  # fmt: skip
    (build, final) = stages()
    given = {
        name for stage in (build, final) for each in stage.all("ARG") for name in each.assignments
    }
    assert told == given
    python = final.base.partition(":")[2].removesuffix("-slim")
    assert f"| `PYTHON` | `{python}` |" in table
    assert python in SpecifierSet(">=3.11, <3.15")
    used = {word.partition("=")[0] for words in lines() for i, word in enumerate(words)
            if words[i - 1] == "--build-arg"}  # fmt: skip
    assert used <= given


def test_the_time_to_stop_is_long_enough() -> None:
    """The worker ends by itself before it is killed."""
    (given,) = re.findall(r"--stop-timeout (\d+)", PAGE)
    assert float(given) > BOUND_SECONDS


def test_services_that_the_page_names_exist() -> None:
    """In the compose file."""
    verbs = {"kill", "start", "exec"}
    named = {words[3] for words in lines() if words[1] == "compose" and words[2] in verbs}
    assert named
    assert named <= set(services())
