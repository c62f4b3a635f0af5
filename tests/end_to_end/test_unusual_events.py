"""Events that can't be scored or written, on a real Kafka: each has one trace, in one place."""

from __future__ import annotations

import hashlib
import os
import time

import pytest
from confluent_kafka import Producer

from stream_scorer.kafka.reading import read_to_end
from tests import topics
from tests.end_to_end.test_watching import Watched
from tests.end_to_end.workers import Scoring, event_value, headers_of

pytestmark = pytest.mark.kafka

NOW = int(time.time() * 1000)
ON_A_PORT = {"server": {"host": "127.0.0.1", "port": 0}}


def ids(scoring: Scoring) -> list[str]:
    """Return the scored events' ids."""
    return [record["event_id"] for record in scoring.read()]


def test_a_dead_letter_is_the_event_byte_for_byte(scoring: Scoring) -> None:
    """In the dead-letter topic's partition of the same number, with all that it came with."""
    scoring.set_up(partitions=2)
    bad = topics.Event(b"\x02", b"key", 1, [("trace", b"\xff"), ("trace", None)], NOW - 5)
    scoring.write([topics.Event(event_value("e0"), partition=1), bad])
    worker = scoring.start()
    scoring.wait_until_done()
    (letter,) = scoring.dead_letters()
    assert (letter.value(), letter.key(), letter.partition()) == (b"\x02", b"key", 1)
    assert letter.timestamp()[1] == NOW - 5
    assert (letter.headers() or [])[:2] == [("trace", b"\xff"), ("trace", None)]
    headers = headers_of(letter)
    assert headers["__streams.errors.topic"] == scoring.source.encode()
    assert headers["__streams.errors.offset"] == b"1"
    assert headers["stream_scorer.group"] == scoring.group.encode()
    assert ids(scoring) == ["e0"]
    worker.wait_for("events could not be scored and are in the dead-letter topic")
    assert f"{scoring.source}[1]@1" in worker.words()


@pytest.mark.parametrize("policy", ["dead_letter", "forward"])
def test_a_tombstone_goes_where_the_policy_says(scoring: Scoring, policy: str) -> None:
    """To the dead letters, or on with its key, so that a compacted output forgets it."""
    scoring.set_up({"output": {"tombstones": policy}})
    scoring.write([topics.Event(event_value("e0"), b"k"), topics.Event(None, b"k", 0, (), NOW)])
    scoring.start()
    scoring.wait_until_done()
    scored, dead = scoring.scored(), scoring.dead_letters()
    found = [(each.value(), each.key(), each.timestamp()[1]) for each in [*scored[1:], *dead]]
    assert found == [(None, b"k", NOW)]
    assert len(dead) == (policy == "dead_letter")


def test_a_scored_event_beyond_the_topic_s_limit_is_a_dead_letter(scoring: Scoring) -> None:
    """Found before anything is sent, so that its neighbours lose no time over it."""
    scoring.set_up(output={"max.message.bytes": "4000"})
    large = event_value("x" * 5000)
    scoring.write([topics.Event(event_value("e0")), topics.Event(large)])
    worker = scoring.start()
    scoring.wait_until_done()
    assert ids(scoring) == ["e0"]
    assert scoring.reasons() == ["too_large"]
    assert scoring.dead_letters()[0].value() == large
    assert "aborted" not in worker.words()


def test_a_dead_letter_beyond_its_topic_s_limit_leaves_its_value_behind(scoring: Scoring) -> None:
    """The headers say how long it was and what it was; the bytes are at the source's offset."""
    scoring.set_up(dead={"max.message.bytes": "4000"})
    bad = b"\x02" + os.urandom(9000)
    scoring.write([topics.Event(bad, b"k")])
    scoring.start()
    scoring.wait_until_done()
    (letter,) = scoring.dead_letters()
    assert (letter.value(), letter.key()) == (None, b"k")
    headers = headers_of(letter)
    assert headers["stream_scorer.value_bytes"] == b"9001"
    assert headers["stream_scorer.value_sha256"] == hashlib.sha256(bad).hexdigest().encode()
    assert headers["stream_scorer.reason"] == b"undecodable"


def test_an_event_whose_score_the_broker_refuses_is_found_among_many(scoring: Scoring) -> None:
    """Its timestamp is older than the output topic allows; the others are scored once."""
    scoring.set_up(output={"message.timestamp.before.max.ms": "3600000"}, partitions=2)
    scoring.write(
        [
            topics.Event(
                event_value(f"e{each}"), b"k", each % 2, (), 1000 if each in (3, 8) else NOW
            )
            for each in range(12)
        ]
    )
    worker = scoring.start()
    scoring.wait_until_done()
    assert scoring.reasons() == ["rejected_by_broker"] * 2
    rejected = {headers_of(each)["__streams.errors.offset"] for each in scoring.dead_letters()}
    assert rejected == {b"1", b"4"}
    assert all(
        b"Invalid timestamp" in headers_of(each)["__streams.errors.message"]
        for each in scoring.dead_letters()
    )
    expected = [each for half in (0, 1) for each in range(half, 12, 2) if each not in (3, 8)]
    assert ids(scoring) == [f"e{each}" for each in expected]
    assert worker.stop() == 0


@pytest.mark.parametrize("every", [100, 50], ids=["1 %", "2 %"])
def test_events_that_are_ahead_of_their_time_cost_no_transaction(
    scoring: Scoring, every: int
) -> None:
    """What the topic takes is known from the start: their dead letters go with the scores."""
    any_time = {"message.timestamp.after.max.ms": str(2**62)}
    scoring.set_up(ON_A_PORT, partitions=4, dead=any_time, source=any_time)
    ahead = NOW + 2 * 86_400_000
    scoring.write(
        [
            topics.Event(
                event_value(f"e{each}"), b"k", each % 4, (), NOW if each % every else ahead
            )
            for each in range(4000)
        ]
    )
    worker = Watched(scoring.start())
    scoring.wait_until_done()
    assert scoring.reasons() == ["rejected_by_broker"] * (4000 // every)
    assert sorted(ids(scoring)) == sorted(f"e{each}" for each in range(4000) if each % every)
    assert worker.status()["totals"]["aborted"] == 0


def test_a_limit_that_is_lowered_amid_the_work_is_read_again(scoring: Scoring) -> None:
    """A few transactions abort before the batches fit, and what is too large is known again."""
    scoring.set_up(ON_A_PORT)
    scoring.write([topics.Event(event_value("first"))])
    worker = Watched(scoring.start())
    scoring.wait_until_done()
    scoring.change_topic(scoring.output, "max.message.bytes", "2000")
    large = {event_value(f"e{each}" + "x" * 3000) for each in (100, 2000, 5999)}
    values = [event_value(f"e{each}") for each in range(6000)]
    for each in sorted(large):
        values.insert(3000, each)
    scoring.write([topics.Event(each) for each in values])
    scoring.wait_until_done()
    assert ids(scoring) == ["first", *(f"e{each}" for each in range(6000))]
    assert {each.value() for each in scoring.dead_letters()} == large
    assert scoring.reasons() == ["too_large"] * 3
    assert worker.status()["totals"]["aborted"] <= 3


def test_an_event_of_a_time_that_no_topic_takes_is_a_dead_letter_of_now(scoring: Scoring) -> None:
    """Its own time is in a header; so it stands in the list, and so it is replayed."""
    old = {"message.timestamp.before.max.ms": "3600000"}
    scoring.set_up(output=old, dead=old)
    scoring.write(
        [
            topics.Event(event_value("e0"), timestamp=NOW),
            topics.Event(event_value("e1"), timestamp=1000),
        ]
    )
    worker = scoring.start()
    scoring.wait_until_done()
    assert worker.stop() == 0
    assert ids(scoring) == ["e0"]
    (letter,) = scoring.dead_letters()
    assert headers_of(letter)["stream_scorer.timestamp"] == b"1000"
    assert letter.timestamp()[1] >= NOW
    assert scoring.reasons() == ["rejected_by_broker"]


def test_a_dead_letter_keeps_the_event_s_time_where_its_topic_sets_another(
    scoring: Scoring,
) -> None:
    """The topic takes any time and replaces it: only the header has the event's."""
    scoring.set_up(dead={"message.timestamp.type": "LogAppendTime"})
    scoring.write([topics.Event(b"\x02", timestamp=NOW - 60_000)])
    worker = scoring.start()
    scoring.wait_until_done()
    assert worker.stop() == 0
    (letter,) = scoring.dead_letters()
    assert headers_of(letter)["stream_scorer.timestamp"] == str(NOW - 60_000).encode()
    assert letter.timestamp()[1] >= NOW


def test_an_event_may_be_much_larger_than_its_topic_takes_once_it_is_compressed(
    scoring: Scoring,
) -> None:
    """The limit counts compressed bytes; the client would refuse the rest of the partition."""
    scoring.set_up()
    properties = {
        "bootstrap.servers": scoring.bootstrap_servers,
        "compression.type": "zstd",
        "message.max.bytes": 200_000_000,
    }
    producer = Producer(properties)
    for value in (bytes(120_000_000), event_value("e0")):
        producer.produce(scoring.source, value, partition=0)
        assert producer.flush(topics.PATIENCE_SECONDS) == 0
    worker = scoring.start()
    scoring.wait_until_done()
    assert worker.stop() == 0
    assert ids(scoring) == ["e0"]
    (letter,) = scoring.dead_letters()
    assert headers_of(letter)["stream_scorer.value_bytes"] == b"120000000"
    common = {"bootstrap.servers": scoring.bootstrap_servers}
    assert sum(map(len, read_to_end(common, scoring.source))) == 2, "a look sees it, too"


def test_a_partition_that_the_client_can_t_read_on_is_named(scoring: Scoring) -> None:
    """Where a setting of the user's bounds what is decompressed; it waits, and says why."""
    scoring.set_up({"kafka": {"consumer": {"receive.message.max.bytes": "2000000"}}})
    producer = Producer(
        {
            "bootstrap.servers": scoring.bootstrap_servers,
            "compression.type": "zstd",
            "message.max.bytes": 9_000_000,
        }
    )
    producer.produce(scoring.source, bytes(4_000_000), partition=0)
    assert producer.flush(topics.PATIENCE_SECONDS) == 0
    worker = scoring.start()
    worker.wait_for(f"{scoring.source}[0] can't be read from offset 0 on")
    assert "receive.message.max.bytes" in worker.words()
    assert worker.stop() == 0


def test_a_transactional_topic_reaches_a_lag_of_zero(scoring: Scoring) -> None:
    """Aborted events leave no trace, and the markers don't hold the group back."""
    scoring.set_up()
    scoring.write([topics.Event(event_value("e0"))], transaction=scoring.name)
    scoring.write([topics.Event(event_value("gone"))], transaction=scoring.name, commit=False)
    scoring.start()
    scoring.wait_until_done()
    assert ids(scoring) == ["e0"]
    assert topics.lag(scoring.bootstrap_servers, scoring.group, scoring.source) == 0


def test_at_least_once_needs_no_transaction(scoring: Scoring) -> None:
    """In quiet times it is exact too."""
    scoring.set_up({"kafka": {"delivery": "at_least_once"}})
    scoring.write([topics.Event(event_value(f"e{each}")) for each in range(500)])
    worker = scoring.start()
    scoring.wait_until_done()
    assert ids(scoring) == [f"e{each}" for each in range(500)]
    assert topics.ends(scoring.bootstrap_servers, scoring.output) == {(scoring.output, 0): 500}
    assert worker.stop() == 0
