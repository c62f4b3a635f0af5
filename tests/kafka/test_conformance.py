"""What the loop rests on, of the fake Kafka as of a real one with either group protocol."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from stream_scorer.errors import ProducerLost, TopicInDoubt, TransactionAborted
from stream_scorer.kafka.consumer import LONG_WAIT_SECONDS
from stream_scorer.records import Held, Position, TopicPartition
from tests.kafka.clusters import events, gather, member, ready_producer, values_of
from tests.kafka.under_test import Cluster, ConsumerUnderTest, ProducerUnderTest, Recorded
from tests.topics import wait_for


def _poll(*consumers: ConsumerUnderTest) -> None:
    for each in consumers:
        assert len(each.poll_batch(1, 0.02)) == 0


def test_events_come_in_the_order_of_their_partition(cluster: Cluster, group: str) -> None:
    """Whatever the sizes of the batches."""
    topic = cluster.create()
    cluster.write(TopicPartition(topic, 0), [b"%d" % each for each in range(5)])
    consumer, _ = member(cluster, topic, group)
    batches = gather(consumer, 2) + gather(consumer, 3)
    assert values_of(batches) == [b"0", b"1", b"2", b"3", b"4"]
    assert [int(each) for batch in batches for each in batch.offsets] == [0, 1, 2, 3, 4]
    assert batches[-1].next_offsets() == {TopicPartition(topic, 0): 5}


def test_a_transaction_commits_events_and_offsets_together(cluster: Cluster, group: str) -> None:
    """Neither is there before it ends."""
    topic, output = cluster.create(), cluster.create()
    source = TopicPartition(topic, 0)
    cluster.write(source, [b"a", b"b"])
    consumer, _ = member(cluster, topic, group)
    gather(consumer, 2)
    with ready_producer(cluster, group).transaction() as transaction:
        transaction.produce(output, events(b"A", b"B"))
        transaction.send_offsets({source: Position(2)}, consumer.group_metadata())
        assert cluster.visible(output) == []
        assert cluster.committed(group, source) is None
    assert cluster.visible(output) == [b"A", b"B"]
    assert cluster.committed(group, source) == 2


def test_an_exception_inside_leaves_no_trace(cluster: Cluster, group: str) -> None:
    """The producer goes on with the next transaction."""
    topic, output = cluster.create(), cluster.create()
    source = TopicPartition(topic, 0)
    cluster.write(source, [b"a"])
    consumer, _ = member(cluster, topic, group)
    gather(consumer, 1)
    producer = ready_producer(cluster, group)
    with pytest.raises(ZeroDivisionError), producer.transaction() as transaction:
        transaction.produce(output, events(b"half"))
        transaction.send_offsets({source: Position(1)}, consumer.group_metadata())
        raise ZeroDivisionError
    assert not producer.needs_rebuild
    with producer.transaction() as transaction:
        transaction.produce(output, events(b"whole"))
    assert cluster.visible(output) == [b"whole"]
    assert cluster.committed(group, source) is None


def test_a_rewind_goes_back_to_what_is_committed(cluster: Cluster, group: str) -> None:
    """And to the beginning of the partition where nothing is."""
    topic = cluster.create()
    source = TopicPartition(topic, 0)
    cluster.write(source, [b"a", b"b", b"c"])
    consumer, _ = member(cluster, topic, group)
    gather(consumer, 3)
    consumer.rewind()
    assert values_of(gather(consumer, 3)) == [b"a", b"b", b"c"]
    with ready_producer(cluster, group).transaction() as transaction:
        transaction.send_offsets({source: Position(2)}, consumer.group_metadata())
    consumer.rewind()
    assert values_of(gather(consumer, 1)) == [b"c"]


def test_what_waits_is_known_from_the_last_fetch(cluster: Cluster, group: str) -> None:
    """From any offsets on, and never less than nothing; control markers count."""
    topic = cluster.create()
    source = TopicPartition(topic, 0)
    cluster.write(source, [b"a", b"b"])
    cluster.write(source, [b"c"], "committed")
    consumer, _ = member(cluster, topic, group)
    gather(consumer, 3)
    assert consumer.waiting({source: 1}) == 3
    assert consumer.waiting({source: 4}) == 0
    assert consumer.waiting({}) == 0


def test_a_position_is_what_was_read_since_the_last_rewind(cluster: Cluster, group: str) -> None:
    """If it were still that of before, an idle worker would commit events that it must read."""
    topic = cluster.create()
    source = TopicPartition(topic, 0)
    cluster.write(source, [b"a", b"b"])
    consumer, _ = member(cluster, topic, group)
    gather(consumer, 2)
    assert consumer.positions() == {source: 2}
    consumer.rewind()
    assert consumer.positions() == {}
    gather(consumer, 1)
    assert consumer.positions() == {source: 1}


def test_a_position_steps_over_control_markers_and_aborted_events(
    cluster: Cluster, group: str
) -> None:
    """That is what lets an idle group reach the end of a transactional topic."""
    topic = cluster.create()
    source = TopicPartition(topic, 0)
    cluster.write(source, [b"a", b"b"], "committed")
    cluster.write(source, [b"gone"], "aborted")
    consumer, _ = member(cluster, topic, group)
    assert values_of(gather(consumer, 2)) == [b"a", b"b"]

    def is_at_the_end() -> bool:
        _poll(consumer)
        return consumer.positions() == {source: 5}

    wait_for(is_at_the_end, "two events, a marker, an aborted event and its marker")


def test_a_wait_takes_no_event(cluster: Cluster, group: str) -> None:
    """What arrives meanwhile is read again, also after a wait that fetches nothing."""
    topic = cluster.create()
    cluster.write(TopicPartition(topic, 0), [b"a", b"b"])
    consumer, _ = member(cluster, topic, group)
    gather(consumer, 1)
    consumer.rewind(0.1)
    assert values_of(gather(consumer, 2)) == [b"a", b"b"]
    consumer.rewind(LONG_WAIT_SECONDS)
    assert values_of(gather(consumer, 2)) == [b"a", b"b"]


def _held(offset: int, seconds: float = 600.0) -> Held:
    return Held(offset, "its schema is not known", seconds)


def test_a_partition_on_hold_gives_nothing_while_others_do(cluster: Cluster, group: str) -> None:
    """Nor what was fetched ahead of it; its position is where it goes on."""
    topic = cluster.create(2)
    held, other = TopicPartition(topic, 0), TopicPartition(topic, 1)
    cluster.write(held, [b"%d" % each for each in range(100)])
    consumer, _ = member(cluster, topic, group)
    gather(consumer, 50)
    consumer.hold({held: _held(20)})
    cluster.write(other, [b"a", b"b"])
    assert values_of(gather(consumer, 2)) == [b"a", b"b"]
    _poll(consumer)
    assert consumer.positions() == {held: 20, other: 2}


def test_a_hold_ends_by_itself_where_it_was(cluster: Cluster, group: str) -> None:
    """Behind the position, in front of what was fetched ahead; over and over."""
    topic = cluster.create()
    source = TopicPartition(topic, 0)
    everything = [b"%d" % each for each in range(100)]
    cluster.write(source, everything)
    consumer, _ = member(cluster, topic, group)
    gather(consumer, 50)
    for offset in (20, 0, 60, 60):
        consumer.hold({source: _held(offset, 0.2)})
        first = gather(consumer, 1)
        assert consumer.positions() == {source: offset + 1}
        assert values_of(first + gather(consumer, 99 - offset)) == everything[offset:]


def test_between_a_hold_and_the_next_event_no_position_is_past_it(
    cluster: Cluster, group: str
) -> None:
    """An idle worker commits positions."""
    topic = cluster.create()
    source = TopicPartition(topic, 0)
    cluster.write(source, [b"a", b"b", b"c"])
    consumer, _ = member(cluster, topic, group)
    gather(consumer, 3)
    consumer.hold({source: _held(1, 0.2)})
    seen: list[int] = []

    def has_read_on() -> bool:
        batch = consumer.poll_batch(1, 0.02)
        if len(batch) == 0:
            seen.append(consumer.positions().get(source, 1))
        return len(batch) == 1

    wait_for(has_read_on, "the hold ends")
    assert set(seen) == {1}


def test_a_rewind_ends_a_hold(cluster: Cluster, group: str) -> None:
    """Also one that waits; reading goes on at what is committed, however much is on hold."""
    topic = cluster.create(2)
    first, second = (TopicPartition(topic, each) for each in range(2))
    cluster.write(first, [b"a", b"b"])
    cluster.write(second, [b"c"])
    consumer, _ = member(cluster, topic, group)
    gather(consumer, 3)
    for seconds in (0.0, LONG_WAIT_SECONDS):
        consumer.hold({first: _held(1), second: _held(0)})
        consumer.rewind(seconds)
        assert consumer.positions() == {}
        assert sorted(map(str, values_of(gather(consumer, 3)))) == ["b'a'", "b'b'", "b'c'"]


def test_a_partition_on_hold_that_went_and_came_back_is_read(cluster: Cluster, group: str) -> None:
    """Nobody remembers the hold; the one that stayed is read again too, as after any such poll."""
    topic = cluster.create(2)
    sources = [TopicPartition(topic, each) for each in range(2)]
    for source in sources:
        cluster.write(source, [b"%d" % source.partition])
    first, heard = member(cluster, topic, group)
    gather(first, 2)
    first.hold(dict.fromkeys(sources, _held(0)))
    second, heard_second = member(cluster, topic, group)

    read: list[bytes | None] = []

    def second_has_one() -> bool:
        # The poll in which a partition goes ends the hold of the one that stays.
        read.extend(values_of([first.poll_batch(10, 0.02)]))
        second.rewind(0.02)
        return "assigned" in heard_second.kinds

    wait_for(second_has_one, "a partition moves")
    assert "revoked" in heard.kinds
    second.close()

    def both_are_read() -> bool:
        read.extend(values_of([first.poll_batch(10, 0.02)]))
        return {*read} == {b"0", b"1"}

    wait_for(both_are_read, "the one that came back is read, and the one that stayed")


def test_a_membership_from_before_a_rebalance_commits_nothing(cluster: Cluster, group: str) -> None:
    """The brokers fence by generation: that protects a set that is behind its group."""
    topic, output = cluster.create(2), cluster.create()
    first, heard_first = member(cluster, topic, group)
    for partition in (0, 1):
        cluster.write(TopicPartition(topic, partition), [b"a"])
    gather(first, 2)
    before = first.group_metadata()
    moved: list[TopicPartition] = []
    heard_first.on_revoke = moved.extend
    second, heard_second = member(cluster, topic, group)

    def second_has_its_share() -> bool:
        second.rewind(0.02)
        first.rewind(0.02)
        return "assigned" in heard_second.kinds

    wait_for(second_has_its_share, "the second member gets a partition")
    producer = ready_producer(cluster, group)
    with pytest.raises(TransactionAborted), producer.transaction() as transaction:
        transaction.produce(output, events(b"A"))
        transaction.send_offsets({moved[0]: Position(1)}, before)
    assert not producer.needs_rebuild
    assert cluster.visible(output) == []
    assert cluster.committed(group, moved[0]) is None


def test_a_fresh_membership_commits_offsets_of_partitions_that_moved_away(
    cluster: Cluster, group: str
) -> None:
    """The brokers ask for the generation, not for the partition: so it is never read late."""
    topic = cluster.create(2)
    first, heard_first = member(cluster, topic, group)

    def first_has_everything() -> bool:
        _poll(first)
        return "assigned" in heard_first.kinds

    wait_for(first_has_everything, "the first member gets both partitions")
    second, heard_second = member(cluster, topic, group)
    moved: list[TopicPartition] = []
    heard_first.on_revoke = moved.extend

    def second_has_its_share() -> bool:
        _poll(second, first)
        return "assigned" in heard_second.kinds

    wait_for(second_has_its_share, "a partition moves")
    producer = ready_producer(cluster, group)

    def is_accepted() -> bool:
        _poll(first, second)
        try:
            with producer.transaction() as transaction:
                transaction.send_offsets({moved[0]: Position(0)}, first.group_metadata())
        except TransactionAborted:
            return False  # the group has not settled yet
        return True

    wait_for(is_accepted, "the offsets are accepted")
    assert cluster.committed(group, moved[0]) == 0


def test_a_consumer_outside_of_its_group_has_no_membership(cluster: Cluster, group: str) -> None:
    """Offsets that come with such metadata would not be fenced by anything."""
    topic = cluster.create()
    consumer = cluster.consumer(topic, group)
    with pytest.raises(TransactionAborted):
        consumer.group_metadata()


def test_a_second_producer_of_one_id_fences_the_first(cluster: Cluster, group: str) -> None:
    """It aborts what the first had open; each can have the id back."""
    output = cluster.create()
    first, second = ready_producer(cluster, group), cluster.producer(group)
    with pytest.raises(ProducerLost), first.transaction() as transaction:
        transaction.produce(output, events(b"first"))
        second.rebuild()
    assert first.needs_rebuild
    with second.transaction() as transaction:
        transaction.produce(output, events(b"second"))
    first.rebuild()
    with first.transaction() as transaction:
        transaction.produce(output, events(b"third"))
    assert cluster.visible(output) == [b"second", b"third"]


def test_a_producer_without_a_client_says_so(cluster: Cluster, group: str) -> None:
    """It is made by the first rebuild."""
    producer = cluster.producer(group)
    assert producer.needs_rebuild
    with pytest.raises(ProducerLost), producer.transaction():
        pass


def test_what_is_gathered_can_be_committed_while_its_partition_is_revoked(
    cluster: Cluster, group: str
) -> None:
    """The new owner goes on after it; the poll that served the revocation returns nothing."""
    topic, output = cluster.create(), cluster.create()
    source = TopicPartition(topic, 0)
    cluster.write(source, [b"a", b"b"])
    first, heard = member(cluster, topic, group)
    gather(first, 1)
    producer = ready_producer(cluster, group)

    def commit(_: Sequence[TopicPartition]) -> None:
        with producer.transaction(5) as transaction:
            transaction.produce(output, events(b"A"))
            transaction.send_offsets({source: Position(1)}, first.group_metadata())

    heard.on_revoke = commit
    first.close()
    assert heard.kinds == ["assigned", "revoked"]
    assert first.epoch == 1
    second, _ = member(cluster, topic, group)
    assert values_of(gather(second, 1)) == [b"b"]
    assert cluster.visible(output) == [b"A"]


def test_partitions_that_stay_are_read_again_after_a_revocation(
    cluster: Cluster, group: str
) -> None:
    """The poll that serves it may have had rows of theirs in hand."""
    topic = cluster.create(2)
    both = [TopicPartition(topic, 0), TopicPartition(topic, 1)]
    for source in both:
        cluster.write(source, [b"%d" % source.partition])
    first, heard = member(cluster, topic, group)
    gather(first, 2)
    second, _ = member(cluster, topic, group)
    found: dict[str, set[bytes | None]] = {"first": set(), "second": set()}

    def both_are_read() -> bool:
        found["first"] |= set(first.poll_batch(10, 0.02).values)
        found["second"] |= set(second.poll_batch(10, 0.02).values)
        return found["first"] | found["second"] == {b"0", b"1"}

    wait_for(both_are_read, "each partition is read again, by its owner")
    assert heard.kinds == ["assigned", "revoked"]
    assert found["first"].isdisjoint(found["second"])


def test_a_rewind_forgets_the_position_even_if_nothing_has_come_since(
    cluster: Cluster, group: str
) -> None:
    """An idle worker would commit the old position, and lose the events before it."""
    topic = cluster.create()
    source = TopicPartition(topic, 0)
    cluster.write(source, [b"a", b"b"])
    consumer, _ = member(cluster, topic, group)
    gather(consumer, 2)
    consumer.rewind()
    batch = consumer.poll_batch(1, 0.0)
    assert consumer.positions() == ({source: 1} if len(batch) else {})


def _write_to(producer: ProducerUnderTest, topic: str, partition: int, value: bytes) -> None:
    with producer.transaction() as transaction:
        transaction.produce(topic, events(value, partition=partition))


def test_a_client_takes_no_record_for_a_partition_that_it_does_not_know_of(
    cluster: Cluster, group: str
) -> None:
    """Though it is there by now: it knows what it knew at first, until it is asked for it."""
    output = cluster.create()
    producer = ready_producer(cluster, group)
    _write_to(producer, output, 0, b"a")
    cluster.add_partition(output)
    with pytest.raises(TopicInDoubt):
        _write_to(producer, output, 1, b"b")
    assert producer.needs_rebuild
    producer.rebuild()
    _write_to(producer, output, 1, b"c")
    assert sorted(cluster.visible(output), key=str) == [b"a", b"c"]


def test_a_client_that_is_asked_for_a_topics_partitions_knows_of_them(
    cluster: Cluster, group: str
) -> None:
    """It goes on with the new ones, without a new client and without an abort."""
    output = cluster.create()
    producer = cluster.producer(group)
    assert producer.partitions(output, 5.0) is None, "there is no client yet"
    producer.rebuild()
    _write_to(producer, output, 0, b"a")
    assert producer.partitions(output, 5.0) == 1
    cluster.add_partition(output)
    wait_for(lambda: producer.partitions(output, 5.0) == 2, "the brokers know of the partition")
    _write_to(producer, output, 1, b"b")
    assert sorted(cluster.visible(output), key=str) == [b"a", b"b"]


def test_a_topic_that_is_not_there_has_no_partition(cluster: Cluster, group: str) -> None:
    """Which is not the same as no answer."""
    assert ready_producer(cluster, group).partitions(f"absent-{group}", 5.0) == 0


# ------------------------------------------------------------------ a start that was chosen


def test_a_chosen_start_is_told_until_it_is_given_out(cluster: Cluster, group: str) -> None:
    """Once it is committed, the next owner begins there, whatever was written since."""
    topic = cluster.create()
    source = TopicPartition(topic, 0)
    cluster.write(source, [b"old", b"older"])
    first = cluster.consumer(topic, group, policy="latest")
    first.subscribe(Recorded())

    def has_begun() -> bool:
        _poll(first)
        return first.starts() == {source: 2}

    wait_for(has_begun, "reading begins at the end")
    with ready_producer(cluster, group).transaction() as transaction:
        transaction.send_offsets(first.progress(first.starts()), first.group_metadata())
    assert first.starts() == {}
    assert cluster.committed(group, source) == 2
    first.close()
    cluster.write(source, [b"new"])
    second = cluster.consumer(topic, group, policy="latest")
    second.subscribe(Recorded())
    assert values_of(gather(second, 1)) == [b"new"]
    assert second.starts() == {}


def test_a_chosen_start_that_was_not_committed_is_told_again(cluster: Cluster, group: str) -> None:
    """And it is the same one, however the log has grown."""
    topic = cluster.create()
    source = TopicPartition(topic, 0)
    cluster.write(source, [b"old"])
    consumer = cluster.consumer(topic, group, policy="latest")
    consumer.subscribe(Recorded())

    def has_begun() -> bool:
        _poll(consumer)
        return source in consumer.starts()

    wait_for(has_begun, "reading begins at the end")
    consumer.progress(consumer.starts())
    assert consumer.starts() == {}
    cluster.write(source, [b"new"])
    consumer.rewind()
    assert consumer.starts() == {}
    assert values_of(gather(consumer, 1)) == [b"new"]
    assert consumer.starts() == {source: 1}
