"""Which log an offset belongs to: the note that goes with it, and what the client's log tells."""

from __future__ import annotations

import pytest

from stream_scorer.kafka.data_loss import Trouble
from stream_scorer.kafka.identity import (
    LogId,
    TopicsMadeAnew,
    audible,
    is_anew,
    log_of,
    note_of,
    topic_id,
)

LOG = LogId("MkU3OEVBNTcwNTJENDM2Qk", "xUpBDyRgSgKK98BRMali8w")
OTHER = LOG._replace(topic="2b8Kb7dvQ0uQ3sF2Y1n5vA")
ELSEWHERE = OTHER._replace(cluster="another-cluster")


def test_a_note_names_its_log() -> None:
    """It says which form it has, so that a later version can have another one."""
    assert note_of(LOG).startswith("stream_scorer/1 ")
    assert log_of(note_of(LOG)) == LOG


@pytest.mark.parametrize(
    "note",
    [
        "",
        "offset 12",
        note_of(LOG).replace("/1", "/2"),
        note_of(LOG) + " more",
        note_of(LOG) + "x",
        note_of(LOG)[:-1],
        "\0",
        "x" * 4096,
    ],
)
def test_what_is_no_note_of_this_form_says_nothing(note: str) -> None:
    """Other programs commit texts of their own, and other versions other forms."""
    assert log_of(note) is None


def test_an_id_is_the_same_in_either_form_of_base64() -> None:
    """A version of the client that writes the other one does not make the topic another."""
    written = "xUpBDyRgSg+K98BR/ali8w"
    kept = "xUpBDyRgSg-K98BR_ali8w"
    assert topic_id(written) == topic_id(kept) == kept
    assert log_of(note_of(LogId("cluster", written))) == LogId("cluster", kept)
    topics = TopicsMadeAnew()
    topics.hear("METADATA", f"Topic in changed id from {LOG.topic} to {written}")
    assert topics.take() == {"in": kept}


def test_without_a_known_log_there_is_no_note() -> None:
    """Brokers before 2.8 have no topic ids."""
    assert note_of(None) == ""


@pytest.mark.parametrize(
    ("then", "now", "anew"),
    [
        (LOG, LOG, False),
        (LOG, OTHER, True),
        (LOG, ELSEWHERE, False),
        (None, LOG, False),
        (LOG, None, False),
        (None, None, False),
    ],
)
def test_what_is_unknown_or_of_another_cluster_is_no_loss(
    then: LogId | None, now: LogId | None, *, anew: bool
) -> None:
    """Offsets may have been copied from there with their notes, as MirrorMaker does."""
    assert is_anew(then, now) is anew


def test_the_log_tells_which_topics_are_others_now() -> None:
    """That the client learns an id, or that brokers without ids answer, is nothing new."""
    topics = TopicsMadeAnew()
    said = "[thrd:main]: Topic {} changed id from {} to {}"
    topics.hear("METADATA", said.format("first", "A" * 22, LOG.topic))
    topics.hear("METADATA", said.format("downgraded", LOG.topic, "A" * 22))
    topics.hear("METADATA", "[thrd:main]: Topic in with 4 partitions")
    assert topics.take() == {}
    topics.hear("METADATA", said.format("my.topic-1", LOG.topic, OTHER.topic))
    assert topics.take() == {"my.topic-1": OTHER.topic}
    assert topics.take() == {}


@pytest.mark.parametrize(("own", "debug"), [({}, "metadata"), ({"debug": "cgrp"}, "cgrp,metadata")])
def test_the_client_says_so_beside_what_was_asked_for(own: dict[str, str], debug: str) -> None:
    """All contexts that somebody has set stay."""
    made = audible(own)
    assert (made["debug"], made["log_level"]) == (debug, 7)


@pytest.mark.parametrize(
    ("text", "trouble"),
    [
        (
            (
                "Partition log truncation detected at offset 80: broker end offset is 50 (offset "
                "leader epoch 1). Reset to INVALID."
            ),
            Trouble(diverged=True, cut=50),
        ),
        (
            (
                "No epoch found less or equal to offset 80: broker end offset is -1 (offset leader "
                "epoch -1). Reset using configured policy."
            ),
            Trouble(diverged=True),
        ),
        (
            "fetch failed due to requested offset not available on the broker (broker 1)",
            Trouble(),
        ),
        ("no previously committed offset available: Local: No offset stored", None),
    ],
)
def test_the_client_says_where_a_log_was_cut(text: str, trouble: Trouble | None) -> None:
    """In its words; of where it began by itself, nothing is to be known."""
    assert Trouble.told_by(text) == trouble
