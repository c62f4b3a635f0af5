"""I2: traces stand in the order of their events."""

from __future__ import annotations

from dataclasses import replace

from stream_scorer.records import Reason, TopicPartition
from tests.verify.cases import Case, event, trace


def test_two_events_of_a_source_in_each_others_place() -> None:
    """Neither is lost nor doubled."""
    assert Case(traces=[trace(0, 1), trace(1, 0)]).judged() == [
        "I2 in[0]@0 has its result at out[0]@1, after that of in[0]@1."
    ]


def test_dead_letters_keep_the_order_of_their_source() -> None:
    """Also where scored events are ordered by key."""
    reason = Reason.UNDECODABLE
    events = [event(0, reason), event(1, reason)]
    traces = [trace(0, 1, reason=reason), trace(1, 0, reason=reason)]
    assert Case(events, traces).judged("key") == [
        "I2 in[0]@0 has its result at dead[0]@1, after that of in[0]@1."
    ]


def test_a_scored_event_and_a_dead_letter_have_no_order_between_them() -> None:
    """They stand in two topics, which a reader gets in any order."""
    events = [event(0), event(1, Reason.TOMBSTONE)]
    traces = [trace(0, 1, reason=Reason.TOMBSTONE), trace(0, 0)]
    assert Case(events, traces).judged() == []


def test_by_key_only_events_of_a_key_have_an_order() -> None:
    """Another key may overtake; the same may not; none at all has no order."""
    traces = [trace(0, 1), trace(1, 0)]
    keyed = [replace(traces[0], key=b"x"), replace(traces[1], key=b"y")]
    same = [replace(each, key=b"x") for each in traces]
    assert Case(traces=traces).judged("key") == []
    assert Case(traces=keyed).judged("key") == []
    assert Case(traces=same).judged("key") == [
        "I2 in[0]@0 of key b'x' has its result at out[0]@1, after that of in[0]@1."
    ]


def test_by_source_an_event_stands_in_the_partition_of_its_number() -> None:
    """The order of a partition is that of its topic partition, not of several."""
    elsewhere = replace(trace(1, 1), place=TopicPartition("out", 1))
    assert Case(traces=[trace(0, 0), elsewhere]).judged() == [
        "I2 in[0]@1 has its result at out[1]@1, in a partition with a different number."
    ]
