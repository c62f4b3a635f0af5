"""The recipes of the documentation: run as they are written, or at least understood."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest
from confluent_kafka.admin import AdminClient
from onnx import helper

from tests import topics
from tests.conftest import Kafka
from tests.end_to_end.workers import (
    Scoring,
    assert_each_event_has_one_trace,
    event_value,
    headers_of,
)
from tests.model.making import value, write_model
from tests.recipes.pages import PAGES, ROOT, commands, recipe
from tests.recipes.scripts import PARSERS
from tests.security.rights import worker_rights
from tests.security.secured import Right

#: An hour ago, in milliseconds: it stands for the time that a recipe names.
THEN = (int(time.time()) - 3600) * 1000
_TIME = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_kafka_s_scripts_take_what_a_page_gives_them(page: Path) -> None:
    """Every option is theirs, also where the recipe needs more than Kafka and stream-scorer."""
    for name, *words in commands(page.read_text("utf-8")):
        if name != "stream-scorer":
            assert PARSERS[name](words).bootstrap_server


def test_a_recipe_with_an_option_that_there_is_not_is_found() -> None:
    """Or with a time that the script does not understand."""
    reset = ["--bootstrap-server", "k", "--group", "g", "--topic", "t", "--reset-offsets"]
    for words in ([*reset, "--to-start", "--execute"], [*reset, "--to-datetime", "1", "--execute"]):
        with pytest.raises(SystemExit):
            PARSERS["kafka-consumer-groups.sh"](words)


# ------------------------------------------------------------------ run


@dataclass
class Shell:
    """Who copies commands from a page, with his own names for what they name."""

    scoring: Scoring
    again: Scoring
    worker: subprocess.Popen[str] | None = None
    said: list[str] = field(default_factory=list)
    #: Words that stand for others, as a number that an earlier command has printed.
    words: dict[str, str] = field(default_factory=dict)

    def follow(self, lines: Sequence[list[str]]) -> None:
        """Run the commands; a worker runs until the lag that is described is 0."""
        for name, *words in lines:
            own = [self._own(word) for word in words]
            if name == "stream-scorer" and own[0] == "run":
                self.worker = self._popen(["-m", "stream_scorer", *own], self.scoring.folder)
            elif "--describe" in own:
                topics.wait_for(lambda: self._lag(own) == 0, "a lag of 0")  # noqa: B023 - at once
                self.end()
            elif name == "stream-scorer":
                self.said.append(self._run(["-m", "stream_scorer", *own], self.scoring.folder))
            else:
                self.said.append(self._run(["-m", "tests.recipes.scripts", name, *own], ROOT))

    def end(self) -> None:
        """Stop the worker, if one runs."""
        if self.worker is not None:
            self.worker.send_signal(signal.SIGTERM)
            assert self.worker.wait(topics.PATIENCE_SECONDS) == 0
            self.worker = None

    def _own(self, word: str) -> str:
        if word in self.words:
            return self.words[word]
        names = {
            "kafka:9092": self.scoring.bootstrap_servers,
            "card-transactions.again.dead-letters": self.again.dead,
            "card-transactions.again": self.again.output,
            "card-transactions.dead-letters": self.scoring.dead,
            "card-transactions": self.scoring.source,
            "card-fraud-again": self.again.group,
            "card-fraud": self.scoring.group,
        }
        then = datetime.fromtimestamp(THEN / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S.000")
        found = next((name for name in names if name in word), None)
        return _TIME.sub(then, word) if found is None else word.replace(found, names[found])

    def _lag(self, words: Sequence[str]) -> int:
        said = self._run(["-m", "tests.recipes.scripts", "kafka-consumer-groups.sh", *words], ROOT)
        lags = [int(line.split()[-1]) for line in said.splitlines()[1:]]
        return sum(lags) if lags else -1

    def _run(self, words: Sequence[str], folder: Path) -> str:
        process = self._popen(words, folder)
        said, complaint = process.communicate(timeout=topics.PATIENCE_SECONDS)
        assert process.returncode == 0, complaint
        return said

    def _popen(self, words: Sequence[str], folder: Path) -> subprocess.Popen[str]:
        heard = subprocess.DEVNULL if "run" in words else subprocess.PIPE
        return subprocess.Popen(  # noqa: S603 - the words are the documentation's
            [sys.executable, *words], cwd=folder, stdout=heard, stderr=heard, text=True
        )


@pytest.fixture
def shell(kafka: Kafka, tmp_path: Path) -> Iterator[Shell]:
    """A scorer on topics of its own, and names for what a recipe adds."""
    scoring = Scoring(kafka.bootstrap_servers, tmp_path, kafka.create_topic)
    again = Scoring(kafka.bootstrap_servers, tmp_path, kafka.create_topic, f"{scoring.name}-again")
    made = Shell(scoring, again)
    yield made
    scoring.end()
    if made.worker is not None:
        with suppress(ProcessLookupError):
            made.worker.kill()


def events(count: int, timestamp: int, *, wrong: int = 0, bad: int = 0) -> list[topics.Event]:
    """Events in two partitions, the first of which the wrong model can't score, the next none."""
    good = [
        event_value(f"{timestamp}-{number}", -1.0 if number < wrong else 1.0)
        for number in range(count - bad)
    ]
    values = [*good[:wrong], *[b"\x02"] * bad, *good[wrong:]]
    return [
        topics.Event(each, partition=number % 2, timestamp=timestamp + number)
        for number, each in enumerate(values)
    ]


def scored(shell: Shell, *overrides: str) -> None:
    """Have a worker score what there is, and stop."""
    worker = shell.scoring.start(*overrides)
    shell.scoring.wait_until_done()
    assert worker.stop() == 0


def wrong_model(path: Path) -> Path:
    """A model that has no score for a negative number."""
    node = helper.make_node("Log", ["x"], ["y"])
    return write_model(
        path, [node], [value("x", "float32", None, 2)], [value("y", "float32", None, 2)]
    )


@pytest.mark.kafka
def test_scores_of_a_wrong_model_are_scored_again_once(shell: Shell) -> None:
    """Beside the fleet, and however many dead letters either has."""
    scoring, again = shell.scoring, shell.again
    scoring.set_up({"model": {"name": "fraud"}}, partitions=2)
    wrong_model(scoring.folder / "wrong.onnx")
    scoring.write(events(10, THEN - 60_000))
    scored(shell)
    scoring.write(events(60, THEN, wrong=20, bad=6))
    scored(shell, "model.path=wrong.onnx")
    wrongly, letters = len(scoring.scored()), len(scoring.dead_letters())
    assert (wrongly, letters) == (10 + 34, 26)

    fleet = scoring.start()
    shell.follow(recipe("docs/operations.md", "### Scores of a wrong model went out"))
    again.config = scoring.config
    sources = Counter((r["source"]["partition"], r["source"]["offset"]) for r in again.read())
    assert set(sources.values()) == {1}
    assert len(sources) == 54
    dead = Counter(
        (
            headers_of(each)["__streams.errors.partition"],
            headers_of(each)["__streams.errors.offset"],
        )
        for each in again.dead_letters()
    )
    assert list(dead.values()) == [2] * 6  # once by the worker, once by the replay
    listed, replayed = shell.said[-2:]
    assert len(listed.splitlines()) == 6
    assert replayed == "0 scored, 6 dead letters again.\n"
    assert (len(scoring.scored()), len(scoring.dead_letters())) == (wrongly, letters)
    assert fleet.stop() == 0


@pytest.mark.kafka
def test_a_group_whose_offsets_are_gone_is_placed_where_it_was(shell: Shell) -> None:
    """What was scored before is not scored again."""
    scoring = shell.scoring
    scoring.set_up(partitions=2)
    scoring.write(events(10, THEN - 60_000))
    scored(shell)
    admin = AdminClient({"bootstrap.servers": scoring.bootstrap_servers})
    admin.delete_consumer_groups([scoring.group])[scoring.group].result(topics.PATIENCE_SECONDS)
    scoring.write(events(5, THEN))
    shell.follow(recipe("docs/operations.md", "### The group's offsets are gone"))
    scored(shell)
    assert_each_event_has_one_trace(scoring, 15)


@pytest.mark.kafka
def test_a_group_that_must_have_offsets_is_placed_before_its_first_start(shell: Shell) -> None:
    """As where a missing offset ends the worker."""
    scoring = shell.scoring
    scoring.set_up({"kafka": {"consumer": {"auto.offset.reset": "error"}}}, partitions=2)
    scoring.write(events(5, THEN))
    shell.follow(recipe("docs/kubernetes.md", "### Long periods at zero"))
    scored(shell)
    assert_each_event_has_one_trace(scoring, 5)


@pytest.mark.kafka
def test_a_topic_is_made_with_its_partitions(shell: Shell) -> None:
    """As many as there may be workers."""
    shell.follow(recipe("docs/kubernetes.md", "## Scaling"))
    admin = AdminClient({"bootstrap.servers": shell.scoring.bootstrap_servers})
    topic = shell.scoring.source
    assert (
        len(admin.list_topics(topic, timeout=topics.PATIENCE_SECONDS).topics[topic].partitions)
        == 12
    )


@pytest.mark.kafka
def test_dead_letters_that_were_replayed_are_taken_up_again(shell: Shell) -> None:
    """All of them, once the group of the replay is back at the beginning."""
    scoring = shell.scoring
    scoring.set_up(partitions=2)
    scoring.write(events(8, THEN, bad=4))
    scored(shell)
    lines = recipe("docs/dead-letters.md", "## Scoring them again")
    replays = [line for line in lines if line[:3] == ["stream-scorer", "dlq", "replay"]][:1]
    shell.follow(replays)
    (place,) = [line for line in lines if line[0] == "kafka-consumer-groups.sh"]
    shell.follow([place, *replays])
    assert shell.said[0] == "0 scored, 4 dead letters again.\n"
    assert shell.said[-1] == "0 scored, 8 dead letters again.\n"


@pytest.mark.kafka
def test_a_transaction_that_nobody_ends_is_found_and_aborted(shell: Shell) -> None:
    """What it wrote is dropped; what was written after its beginning is scored."""
    scoring = shell.scoring
    scoring.set_up(partitions=2)
    hanging = topics.begin(
        scoring.bootstrap_servers,
        scoring.source,
        events(2, THEN - 60_000),
        f"{scoring.name}-hanging",
        **{"transaction.timeout.ms": 600_000},
    )
    scoring.write(events(6, THEN))
    assert topics.read(scoring.bootstrap_servers, scoring.source) == []
    for partition in ("0", "1"):
        find, end = recipe("docs/operations.md", "### Alert StreamScorerHeldBack")
        shell.words = {"payments": scoring.source, "3": partition}
        shell.follow([find])
        _, transaction = shell.said[-1].splitlines()
        shell.words["4711"] = transaction.split()[-1]
        shell.follow([end, find])
        assert len(shell.said[-1].splitlines()) == 1
    scored(shell)
    assert len(scoring.scored()) == 6
    del hanging


def test_the_rights_that_a_recipe_grants_are_those_of_the_table() -> None:
    """Which are tested one by one where a cluster has rights."""
    granted = []
    for name, *words in recipe("docs/security.md", "## Permissions"):
        given = PARSERS[name](words)
        kinds = ((given.topic, "TOPIC"), (given.group, "GROUP"))
        resource, kind = next(
            (each for each in kinds if each[0]), (given.transactional_id, "TRANSACTIONAL_ID")
        )
        is_prefixed = given.resource_pattern_type == "prefixed"
        granted.append(Right(kind, resource, given.operation.upper(), prefixed=is_prefixed))
    topic = "card-transactions"
    wanted = worker_rights(topic, f"{topic}.scored", f"{topic}.dead-letters", "fraud-scorer")
    assert granted == wanted
