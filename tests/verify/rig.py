"""A group of members in one thread, and the checker that judges what they leave behind.

The readers are plain clients that know nothing of the package.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, Message
from confluent_kafka import TopicPartition as ClientPartition

from stream_scorer.records import TopicPartition, next_offset
from stream_scorer.verify.checker import Checker
from stream_scorer.verify.invariants.liveness import Liveness
from stream_scorer.verify.values import InputEvent, Invariant, Violation
from tests import topics
from tests.verify.members import Member, Parts, Place
from tests.verify.scoring import event_of, trace_of

PARTITIONS = 2
#: What a group that makes progress stays far below, on a busy machine too.
DRAIN_SECONDS = 20.0
RIGHT = Parts()


class Rig:
    """A place, its members, and what is read meanwhile and in the end."""

    def __init__(self, place: Place, folder: Path) -> None:
        self.place = place
        self._folder = folder
        self.members: list[Member] = []
        self._checker = Checker(order_by="source")
        self._reader = _Reader(place.bootstrap_servers, [place.output, place.dead_letters])
        self._onlooker = _client(place.bootstrap_servers, place.group)
        self._written = 0
        self._started = time.monotonic()

    def member(self, who: str, parts: Parts = RIGHT) -> Member:
        """Return a new member, which has subscribed and got nothing yet."""
        member = Member(self.place, who, parts, self._folder / f"{who}.jsonl")
        self.members.append(member)
        return member

    def write(self, each: int, *values: bytes) -> None:
        """Append so many events to each partition, and these values to the first one."""
        events = [
            topics.Event(b"%d" % (self._written + number), b"key", partition)
            for number in range(each)
            for partition in range(PARTITIONS)
        ]
        self._written += each
        events += [topics.Event(value, b"key") for value in values]
        topics.write(self.place.bootstrap_servers, self.place.input, events)

    def write_aborted(self, *values: bytes) -> None:
        """Append events to the first partition in a transaction that is aborted."""
        events = [topics.Event(value, b"key") for value in values]
        servers, topic = self.place.bootstrap_servers, self.place.input
        topics.write(servers, topic, events, transaction=f"{topic}-writer", commit=False)

    def until(self, condition: Callable[[], object], what: str, *steps: Callable[[], None]) -> None:
        """Take the steps in turn until the condition holds; fail if it never does."""

        def holds() -> bool:
            for step in steps:
                step()
            return bool(condition())

        topics.wait_for(holds, what)

    def gather(self, member: Member, each: int, *values: bytes) -> None:
        """Write events as :meth:`write` does, and let a member hold them all in its open set."""
        member.keep_sets_open()
        self.write(each, *values)
        rows = each * PARTITIONS + len(values)
        self.until(lambda: member.open_rows == rows, "a set is open", member.go_round)

    def drain(self, *members: Member) -> None:
        """Let the members go on until the group is at the end, or clearly does not get there."""
        deadline = time.monotonic() + DRAIN_SECONDS
        while self.lag() > 0 and time.monotonic() < deadline:
            for member in members:
                member.go_round()
            self.look()

    def join(self, who: str, *others: Callable[[], None], parts: Parts = RIGHT) -> Member:
        """Return a member that has its share, which the others' steps let go of."""
        member = self.member(who, parts)
        self.until(
            lambda: "assigned" in member.heard.rebalances,
            f"{who} gets its share",
            member.stand_by,
            *others,
        )
        return member

    def look(self) -> None:
        """Let the checker see what a reader sees now, and then what is committed."""
        self._checker.seen(map(trace_of, self._reader.read()))
        self._checker.sampled(time.time(), self._committed())

    def lag(self) -> int:
        """Return how far the group is behind the ends, control markers included."""
        return topics.lag(self.place.bootstrap_servers, self.place.group, self.place.input)

    def verdict(self) -> list[Violation]:
        """Let all members leave, and judge what they did."""
        for member in self.members:
            member.leave()
        self.look()
        for member in self.members:
            self._checker.told(member.history.new())
        place = self.place
        read = _Reader(place.bootstrap_servers, [place.input, place.output, place.dead_letters])
        messages = read.read_to_the_end()
        read.close()
        events = [event_of(each) for each in messages if each.topic() == place.input]
        final = [trace_of(each) for each in messages if each.topic() != place.input]
        self._checker.expect(events)
        self._checker.seen(map(trace_of, self._reader.read_up_to(len(final))))
        committed = self._committed()
        found = self._checker.finish(final, committed, self._ends())
        return found + self._standing_still(events, committed)

    def expect(self, expected: set[Invariant]) -> None:
        """Let the checker name these, or find nothing if there are none."""
        assert not any(member.moments.left for member in self.members), "all happened as it should"
        found = self.verdict()
        named = {violation.invariant for violation in found}
        assert named >= expected if expected else not named, found

    def close(self) -> None:
        """Drop the readers."""
        self._reader.close()
        self._onlooker.close()

    def _committed(self) -> dict[TopicPartition, int]:
        asked = [ClientPartition(self.place.input, each) for each in range(PARTITIONS)]
        found = self._onlooker.committed(asked, timeout=topics.PATIENCE_SECONDS)
        return {TopicPartition(each.topic, each.partition): max(0, each.offset) for each in found}

    def _ends(self) -> dict[TopicPartition, tuple[int, int]]:
        servers = self.place.bootstrap_servers
        return {
            TopicPartition(*partition): (self._reader.stable_end(*partition), high)
            for topic in (self.place.output, self.place.dead_letters)
            for partition, high in topics.ends(servers, topic).items()
        }

    def _standing_still(
        self, events: Iterable[InputEvent], committed: Mapping[TopicPartition, int]
    ) -> list[Violation]:
        ends = {event.source: next_offset(event.offset) for event in events}
        passed = time.monotonic() - self._started
        liveness = Liveness(passed)
        liveness.end_not_reached(passed, committed, ends)
        return liveness.violations()


class _Reader:
    """Reads what is committed, from the beginning on, in portions."""

    def __init__(self, bootstrap_servers: str, read: Iterable[str]) -> None:
        self._client = _client(bootstrap_servers, "reads-without-a-group")
        self._client.assign(
            [
                ClientPartition(topic, partition, OFFSET_BEGINNING)
                for topic in read
                for partition in range(PARTITIONS)
            ]
        )
        self._count = 0
        self._ended: set[tuple[str, int]] = set()

    def read(self, wait_seconds: float = 0.0) -> list[Message]:
        """Return what has become visible."""
        read: list[Message] = []
        for message in self._client.consume(10_000, wait_seconds):
            if message.error() is None:
                read.append(message)
            else:
                assert message.error().code() == KafkaError._PARTITION_EOF, message.error()
                self._ended.add((message.topic(), message.partition()))
        self._count += len(read)
        return read

    def read_to_the_end(self) -> list[Message]:
        """Return all that is visible now."""
        messages: list[Message] = []
        while len(self._ended) < len(self._client.assignment()):
            messages += self.read(0.02)
        return messages

    def read_up_to(self, count: int) -> list[Message]:
        """Return the rest, once there are so many in all, or there clearly are not."""
        messages: list[Message] = []
        deadline = time.monotonic() + DRAIN_SECONDS
        while self._count < count and time.monotonic() < deadline:
            messages += self.read(0.02)
        return messages

    def stable_end(self, topic: str, partition: int) -> int:
        """Return the last stable offset."""
        asked = ClientPartition(topic, partition)
        _, end = self._client.get_watermark_offsets(asked, topics.PATIENCE_SECONDS)
        return int(end)

    def close(self) -> None:
        """Drop the client."""
        self._client.close()


def _client(bootstrap_servers: str, group: str) -> Consumer:
    return Consumer(
        {
            "bootstrap.servers": bootstrap_servers,
            "group.id": group,
            "isolation.level": "read_committed",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            # Other requests wait behind a fetch.
            "fetch.wait.max.ms": 10,
            "log_level": 0,
        }
    )
