"""Delivery reports of one burst: which records the brokers refuse, and why.

A broker takes a batch or refuses it. Since KIP-467 it names the records that are the cause. Of that
the client passes on: where it names two or more, ``_INVALID_DIFFERENT_RECORD`` for their
neighbours; where it names one, the same error for all (``rd_kafka_dr_msgq0`` forces it on them).
A batch that is too large has one error for all of its records as well.

The client says which record it reports by its topic, key and value alone. To have each report
numbered takes an object of Python for each record, and to have it say nothing of the neighbours
takes a request for each. So both are done for a burst after one in which the culprits could not be
told, and for no other.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from itertools import count, repeat

from confluent_kafka import KafkaError, Message

from stream_scorer.errors import RecordsRefused
from stream_scorer.kafka.client_config import CLIENT_MESSAGE_BYTES, Property
from stream_scorer.kafka.translation import RECORD_REFUSALS, describe, more_telling
from stream_scorer.records import Headers, ScoredEvents

#: Makes a client send each record in a batch of its own.
ONE_BY_ONE: Mapping[str, Property] = {"batch.num.messages": 1}
#: Refusals of a batch for its size; KIP-467 has no names for those.
SIZES = frozenset({KafkaError.MSG_SIZE_TOO_LARGE, KafkaError.RECORD_LIST_TOO_LARGE})

_DIFFERENT_RECORD = KafkaError._INVALID_DIFFERENT_RECORD  # noqa: SLF001 - the client's own code
Callback = Callable[[KafkaError | None, Message], None]
_Contents = tuple[str, bytes | None, bytes | None]
_Row = tuple[int, int, Headers | None]


@dataclass(slots=True)
class _Batch:
    """The reports of one batch that was refused, in their order."""

    messages: int = 0
    next_offset: int = 0
    is_named: bool = False
    refused: list[tuple[_Contents, str]] = field(default_factory=list)


class Reports:
    """Collects the failures of one burst after the other, and numbers the records refused.

    It also says with what properties the next client is made.
    """

    def __init__(self) -> None:
        #: What says most about why a delivery of this burst failed; ``None`` if none did.
        self.cause: KafkaError | None = None
        self._sizes: dict[str, Property] = {}
        self._one_by_one = False
        self._produced: list[tuple[str, ScoredEvents]] = []
        self._before = 0
        self._by_number: dict[int, str] = {}
        self._batches: defaultdict[tuple[str | None, int | None], list[_Batch]]
        self._batches = defaultdict(list)

    def fit(self, sizes: Mapping[str, Property]) -> None:
        """Make the clients from now on with these properties: the topics take other sizes."""
        self._sizes = dict(sizes)

    def fitted(self, properties: Mapping[str, Property]) -> dict[str, Property]:
        """Return the properties of the next client."""
        return {**properties, **self._sizes, **(ONE_BY_ONE if self._one_by_one else {})}

    # ------------------------------------------------------------------ one burst

    def begin(self) -> None:
        """Forget the burst before."""
        self.cause = None
        self._produced.clear()
        self._before = 0
        self._by_number.clear()
        self._batches.clear()

    def written(self) -> bool:
        """End a burst that is written; tell whether its client was made for it alone.

        That one is slow. What it was made for is written, or will be found again.
        """
        self.begin()
        was_slow, self._one_by_one = self._one_by_one, False
        return was_slow

    def refusal(self, sentence: str, properties: Mapping[str, Property]) -> RecordsRefused:
        """End a burst that was refused, sent by a client with these properties of ours.

        If it can't be told which records it was for, the next client sends them one by one, and
        those after it have smaller batches if it was a size.
        """
        named = self._named()
        was_slow, self._one_by_one = self._one_by_one, not named
        is_size = self.cause is not None and self.cause.code() in SIZES
        if self._one_by_one and not was_slow and is_size:
            size = int({**properties, **self._sizes}.get("batch.size", CLIENT_MESSAGE_BYTES))
            self._sizes["batch.size"] = max(1, size // 4)
        return RecordsRefused(sentence, named)

    def producing(self, topic: str, events: ScoredEvents) -> None:
        """Note what is produced next; it is kept until the burst is written, or the next begins."""
        self._before = sum(len(each) for _, each in self._produced)
        self._produced.append((topic, events))

    def callbacks(self, first: int) -> Iterator[Callback | None]:
        """Return what hears of the rows of what is produced now, from the first one on."""
        if not self._one_by_one:
            return repeat(None)
        return (partial(self._heard_of, number) for number in count(self._before + first))

    def not_taken(self, row: int, error: KafkaError) -> None:
        """Note that the client took no more from this row on of what is produced now."""
        if error.code() in RECORD_REFUSALS:
            self._note(self._before + row, error)

    def heard(self, error: KafkaError | None, message: Message) -> None:
        """Take a report; the client calls this for the records that failed and have no number."""
        if error is None:
            return
        self.cause = more_telling(self.cause, error)
        is_refused = error.code() in RECORD_REFUSALS
        if is_refused or error.code() == _DIFFERENT_RECORD:
            batch = self._batch_of(message)
            batch.messages += 1
            batch.is_named |= not is_refused
            if is_refused:
                contents = (message.topic() or "", message.key(), message.value())
                batch.refused.append((contents, describe(error)))

    def _batch_of(self, message: Message) -> _Batch:
        """Return the batch that is reported on: the client counts the offsets from -1 in each.

        If it did not, each message would be a batch beside others, and none of them sure.
        """
        batches = self._batches[message.topic(), message.partition()]
        offset = message.offset()
        offset = -1 if offset is None else offset
        if not batches or offset < 0 or offset != batches[-1].next_offset:
            batches.append(_Batch())
        batches[-1].next_offset = offset + 1
        return batches[-1]

    def _heard_of(self, number: int, error: KafkaError | None, _: Message) -> None:
        if error is not None:
            self._note(number, error)

    def _note(self, number: int, error: KafkaError) -> None:
        self.cause = more_telling(self.cause, error)
        if error.code() in RECORD_REFUSALS:
            self._by_number[number] = describe(error)

    def _named(self) -> dict[int, str]:
        """Return why records are refused, by number; empty if it can't be told which they are.

        Records are told apart by their contents. Some that look alike in a report but differ in
        what is not reported are left out.
        """
        refused = dict(self._sure())
        named = dict(self._by_number)
        for contents, rows in self._rows_of(refused).items():
            if all(row[1:] == rows[0][1:] for row in rows):
                named.update((number, refused[contents]) for number, _, _ in rows)
        return named

    def _sure(self) -> Iterator[tuple[_Contents, str]]:
        """Return the refusals that are of a record, and not of its batch."""
        for batches in self._batches.values():
            for batch in batches:
                is_alone = len(batches) == 1 and batch.messages == 1
                if batch.is_named or is_alone:
                    yield from batch.refused

    def _rows_of(self, wanted: Iterable[_Contents]) -> dict[_Contents, list[_Row]]:
        """Return the number, the timestamp and the headers of each record with such contents."""
        found: dict[_Contents, list[_Row]] = {contents: [] for contents in wanted}
        if not found:
            return {}
        number = 0
        for topic, events in self._produced:
            columns = (events.keys, events.values, events.timestamps.tolist(), events.headers)
            for key, value, timestamp, headers in zip(*columns, strict=True):
                rows = found.get((topic, key, value))
                if rows is not None:
                    rows.append((number, timestamp, headers))
                number += 1
        return found
