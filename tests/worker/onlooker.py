"""Reads what a Kafka in memory shows to readers of committed events, and hands it to the checker.

It is the checker of ``stream-scorer verify``: one judge for the fake and for real clusters.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from stream_scorer.records import Reason, TopicPartition
from stream_scorer.verify.checker import Checker
from stream_scorer.verify.values import InputEvent, Trace, Violation
from tests.fakes import FakeKafka
from tests.fakes.log import Record
from tests.worker.loop import DEAD, GROUP, INPUT, OUTPUT

_REASONS = {b"bad": Reason.UNDECODABLE, b"refused": Reason.REJECTED_BY_BROKER}


class Onlooker:
    """Looks from time to time; all that it saw is judged.

    Values are ``kind-number`` with a number that no other event has; the number is the score.
    """

    def __init__(self, kafka: FakeKafka) -> None:
        self._kafka = kafka
        self._checker = Checker(order_by="source")
        self._read: defaultdict[TopicPartition, int] = defaultdict(int)
        self._told = 0
        self._places: dict[bytes, tuple[TopicPartition, int]] = {}

    def look(self) -> list[Violation]:
        """Read what is new, and return what is certainly wrong."""
        for source in self._kafka.sources(INPUT):
            self._checker.expect(self._event(source, each) for each in self._new(source))
        for place in self._outputs():
            self._checker.seen(self._trace(place, each) for each in self._new(place))
        self._checker.sampled(self._kafka.clock(), self._committed())
        self._checker.told(self._kafka.history[self._told :])
        self._told = len(self._kafka.history)
        return self._checker.violations()

    def finish(self) -> list[Violation]:
        """Return all that is wrong, once everything has come to its end."""
        self.look()
        final = [
            self._trace(place, record)
            for place in self._outputs()
            for record in self._kafka.logs[place]
            if record.visible
        ]
        ends = {each: (self._stable(each), len(self._kafka.logs[each])) for each in self._outputs()}
        return self._checker.finish(final, self._committed(), ends)

    def _committed(self) -> dict[TopicPartition, int]:
        """Return committed offsets as one gets them who asks for stable ones."""
        committed = self._kafka.groups[GROUP].committed
        return {each: at for each, at in committed.items() if self._kafka.is_stable(GROUP, each)}

    def _outputs(self) -> list[TopicPartition]:
        return [*self._kafka.sources(OUTPUT), *self._kafka.sources(DEAD)]

    def _stable(self, place: TopicPartition) -> int:
        log = self._kafka.logs[place]
        return next((each.offset for each in log if each.pending), len(log))

    def _new(self, place: TopicPartition) -> Iterator[Record]:
        for record in self._kafka.logs[place][self._read[place] : self._stable(place)]:
            self._read[place] = record.offset + 1
            if record.visible:
                yield record

    def _event(self, source: TopicPartition, record: Record) -> InputEvent:
        value = record.value or b""
        kind, number = value.split(b"-")
        self._places[value] = (source, record.offset)
        return InputEvent(source, record.offset, None, _REASONS.get(kind), float(number))

    def _trace(self, place: TopicPartition, record: Record) -> Trace:
        value = (record.value or b"").removeprefix(b"scored:")
        source, offset = self._places.get(value) or self._find(value)
        headers = dict(record.headers or ())
        reason = headers.get("stream_scorer.reason")
        return Trace(
            place,
            record.offset,
            source,
            offset,
            record.key,
            record.transaction.name if record.transaction else "",
            Reason(reason.decode()) if reason else None,
            float(value.split(b"-")[1]) if reason is None else None,
        )

    def _find(self, value: bytes) -> tuple[TopicPartition, int]:
        """Return where a value stands that a reader of committed events does not get."""
        return next(
            (source, record.offset)
            for source in self._kafka.sources(INPUT)
            for record in self._kafka.logs[source]
            if record.value == value
        )
