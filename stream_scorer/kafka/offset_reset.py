"""Decides where a partition resumes: at the committed offset if it still exists, or at a reset.

The client runs with ``auto.offset.reset=error`` and reports every partition that it can't read from
its place. Only here is it decided whether the group never committed there (``auto.offset.reset`` as
the user set it), or the committed place is gone (``on_data_loss``): the log expired, it was cut
back, or the topic is another one. A committed leader epoch counts only with a note of ours that
names this log; without one, nothing is known but the offset.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from confluent_kafka import OFFSET_BEGINNING, OFFSET_END, Consumer, KafkaException
from confluent_kafka import TopicPartition as ClientPartition

from stream_scorer.errors import DataLost, Unanswered
from stream_scorer.kafka.data_loss import Bounds, Loss, Trouble, loss_of
from stream_scorer.kafka.identity import Identify, LogId, is_anew, log_of, note_of
from stream_scorer.kafka.messages import committed_position
from stream_scorer.records import Position, TopicPartition

BROKER_TIMEOUT_SECONDS = 10.0
#: So far behind the others a broker may be that says which topic a name stands for.
BEHIND_SECONDS = 30.0

Policy = Literal["earliest", "latest", "error"]


class Start(NamedTuple):
    """An offset that was chosen, in place of what was committed then; ``None``: nothing was."""

    offset: int
    instead_of: Position | None


@dataclass(slots=True)
class OffsetReset:
    """Decides where to go on, and remembers each start that it chose until that is committed.

    With ``latest``, a rewind before the first commit must not skip to the end again; after data
    loss, the committed place must not count again because the log has grown past it.
    """

    policy: Policy
    on_data_loss: Literal["stop", "continue"]
    warn: Callable[[str], None]
    identify: Identify = lambda _: {}
    clock: Callable[[], float] = time.monotonic
    _chosen: dict[TopicPartition, Start] = field(default_factory=dict)
    #: Chosen starts that were given out to be committed.
    _given: set[TopicPartition] = field(default_factory=set)
    #: Which log each partition had when its place was decided, also of those that have left.
    _logs: dict[TopicPartition, LogId] = field(default_factory=dict)
    #: The ids that the client has learned of topics that were made anew, and when.
    _learned: dict[str, tuple[str, float]] = field(default_factory=dict)
    #: The ids of topics that are known to have taken the place of others.
    _successors: set[str] = field(default_factory=set)

    def place(
        self,
        client: Consumer,
        partitions: Mapping[TopicPartition, Trouble | None],
        within_seconds: float = BROKER_TIMEOUT_SECONDS,
    ) -> dict[TopicPartition, Position]:
        """Return where to go on in partitions that came, or that the client can't read from.

        ``within_seconds`` bounds the question for what is committed, which waits for transactions
        that are pending on it.

        Raises:
            DataLost: a committed place is gone, or there is none and the policy is ``error``.
            Unanswered: the brokers don't say which topics these are.
            KafkaException: the brokers don't answer.
        """
        committed = _committed(client, partitions, within_seconds)
        topics = self.identify({each.topic for each in partitions})
        logs = {each: topics[each.topic] for each in partitions if each.topic in topics}
        for each, log in logs.items():
            if log == self._logs.get(each) and self._has_learned_another(each.topic, log.topic):
                raise Unanswered(f"The brokers don't agree yet which topic {each.topic} is.")
        self._note_successors(committed, topics)
        places = self._decide(client, partitions, committed, logs)
        self._logs |= logs
        for name in topics:
            self._learned.pop(name, None)
        return places

    def learned(self, topic: str, topic_id: str) -> None:
        """Take that the client reads another topic of this name now."""
        self._learned[topic] = topic_id, self.clock()

    def _has_learned_another(self, topic: str, topic_id: str) -> bool:
        """Tell whether the client says lately that the name stands for another topic."""
        learned, at = self._learned.get(topic, (topic_id, 0.0))
        return learned != topic_id and self.clock() - at < BEHIND_SECONDS

    def _note_successors(
        self, committed: Mapping[TopicPartition, Position], topics: Mapping[str, LogId]
    ) -> None:
        """Remember which topics were made anew, whichever of their partitions tells.

        Others may have left this worker, or had none of their own in the topic that was.
        """
        noted = [(each, log_of(was.metadata)) for each, was in committed.items()]
        self._successors.update(
            topics[each.topic].topic
            for each, then in [*self._logs.items(), *noted]
            if each.topic in topics and is_anew(then, topics[each.topic])
        )

    def _is_successor(self, log: LogId | None) -> bool:
        return log is not None and log.topic in self._successors

    def replace(
        self, client: Consumer, partitions: Collection[TopicPartition]
    ) -> dict[TopicPartition, Position]:
        """Return where to go on in partitions that were read from.

        Raises:
            DataLost: see :meth:`place`.
            KafkaException: the brokers don't answer.
        """
        committed = _committed(client, partitions, BROKER_TIMEOUT_SECONDS)
        return self._decide(client, dict.fromkeys(partitions), committed, self._logs)

    def starts(self) -> dict[TopicPartition, int]:
        """Return the chosen starts that were not given out yet to be committed."""
        return {
            each: start.offset for each, start in self._chosen.items() if each not in self._given
        }

    def must_last(self, partition: TopicPartition) -> bool:
        """Tell whether a start was chosen, and not given out yet, that would be another one later.

        The end of a log moves; its start only loses what expires.
        """
        start = self._chosen.get(partition)
        if start is None or partition in self._given:
            return False
        return self.policy != "earliest" or start.instead_of is not None

    def position(self, partition: TopicPartition, offset: int, epoch: int) -> Position:
        """Return what to commit to go on there."""
        if partition in self._chosen:
            self._given.add(partition)
        return Position(offset, epoch, note_of(self._logs.get(partition)))

    def forget(self, partitions: Iterable[TopicPartition]) -> None:
        """Drop what is known of partitions that are no longer held."""
        for partition in partitions:
            self._chosen.pop(partition, None)
            self._given.discard(partition)

    # ------------------------------------------------------------------ decisions

    def _decide(
        self,
        client: Consumer,
        partitions: Mapping[TopicPartition, Trouble | None],
        committed: Mapping[TopicPartition, Position],
        logs: Mapping[TopicPartition, LogId],
    ) -> dict[TopicPartition, Position]:
        places: dict[TopicPartition, Position] = {}
        unclear: list[TopicPartition] = []
        for each, trouble in partitions.items():
            place = self._undisputed(each, committed.get(each), logs.get(each))
            if place is None or trouble is not None:
                unclear.append(each)
            else:
                places[each] = place
        for each, bounds in self._bounds(client, unclear, committed, logs).items():
            was, log = committed.get(each), logs.get(each)
            start = self._choose(each, was, partitions[each] or Trouble(), log, bounds)
            self.forget([each])
            if start is not None:
                self._chosen[each] = Start(start, was)
                places[each] = Position(start)
            elif was is not None:
                places[each] = _as_committed(was, log)
        return places

    def _bounds(
        self,
        client: Consumer,
        partitions: Collection[TopicPartition],
        committed: Mapping[TopicPartition, Position],
        logs: Mapping[TopicPartition, LogId],
    ) -> dict[TopicPartition, Bounds]:
        """Return where the logs begin and end; of new partitions, as far as the policy asks."""
        new = {each for each in partitions if each not in committed and each not in self._chosen}
        known = [each for each in partitions if each in self._logs or each not in new]
        anew = [each for each in new - self._logs.keys() if self._is_successor(logs.get(each))]
        lows = _ends(
            client, partitions if self.policy == "earliest" else [*known, *anew], OFFSET_BEGINNING
        )
        highs = _ends(client, partitions if self.policy == "latest" else known, OFFSET_END)
        return {each: Bounds(lows.get(each, 0), highs.get(each, 0)) for each in partitions}

    def _undisputed(
        self, partition: TopicPartition, committed: Position | None, log: LogId | None
    ) -> Position | None:
        """Return the place that nothing speaks against; ``None`` if one must be chosen."""
        chosen = self._chosen.get(partition)
        before = self._logs.get(partition)
        if committed is None:
            if chosen is None or is_anew(before, log):
                return None
            self._given.discard(partition)
            return Position(chosen.offset)
        if chosen is not None and chosen.instead_of == committed and not is_anew(before, log):
            self._given.discard(partition)
            return Position(chosen.offset)
        if is_anew(log_of(committed.metadata), log):
            return None
        self.forget([partition])
        return _as_committed(committed, log)

    def _choose(
        self,
        partition: TopicPartition,
        committed: Position | None,
        trouble: Trouble,
        log: LogId | None,
        bounds: Bounds,
    ) -> int | None:
        """Return where to begin, or to go on after data loss; ``None``: at what is committed."""
        chosen = self._chosen.get(partition)
        is_other = is_anew(self._logs.get(partition), log)
        if committed is None and (is_other or (chosen is None and self._is_successor(log))):
            return self._lost(partition, Loss(None, bounds, bounds.low, anew=True))
        if chosen is not None and chosen.instead_of == committed and not is_other:
            loss = loss_of(Position(chosen.offset), trouble, log, bounds)
            return chosen.offset if loss is None else self._lost(partition, loss)
        if committed is None:
            return self._by_policy(partition, bounds)
        loss = loss_of(committed, trouble, log, bounds)
        return None if loss is None else self._lost(partition, loss)

    def _by_policy(self, partition: TopicPartition, bounds: Bounds) -> int:
        if self.policy == "error":
            raise DataLost(
                f"{partition.topic} [{partition.partition}] has no committed offset for this "
                "group, and auto.offset.reset is `error`; set it to earliest or latest, or commit "
                "an offset with kafka-consumer-groups --reset-offsets."
            )
        return bounds.low if self.policy == "earliest" else bounds.high

    def _lost(self, partition: TopicPartition, loss: Loss) -> int:
        said = f"{partition.topic} [{partition.partition}]: {loss.what()}"
        if self.on_data_loss == "stop":
            raise DataLost(f"{said} {self._way_out(loss)}")
        self.warn(f"{said} Going on from offset {loss.goes_on} as kafka.on_data_loss says.")
        return loss.goes_on

    def _way_out(self, loss: Loss) -> str:
        if loss.committed is None and self.policy != "earliest":
            # The brokers drop a group's offsets with their topic: the next worker knows of no loss.
            return (
                f"Commit offset {loss.goes_on} with kafka-consumer-groups --reset-offsets to go on "
                "from there: nothing is committed any more, and a restart would go by "
                f"auto.offset.reset, which is `{self.policy}`."
            )
        return (
            f"Set kafka.on_data_loss to `continue` to go on from offset {loss.goes_on}, or commit "
            "another offset with kafka-consumer-groups --reset-offsets."
        )


def _as_committed(committed: Position, log: LogId | None) -> Position:
    """Return the committed place; its leader epoch counts only if it is known to be this log's."""
    known = log is not None and log_of(committed.metadata) == log
    return Position(committed.offset, committed.leader_epoch if known else -1)


# ---------------------------------------------------------------------- questions


def _committed(
    client: Consumer, partitions: Iterable[TopicPartition], within_seconds: float
) -> dict[TopicPartition, Position]:
    asked = [ClientPartition(*each) for each in partitions]
    answers = client.committed(asked, timeout=within_seconds) if asked else []
    for answer in answers:
        if answer.error is not None:
            raise KafkaException(answer.error)
    found = ((TopicPartition(p.topic, p.partition), committed_position(p)) for p in answers)
    return {each: position for each, position in found if position is not None}


def _ends(
    client: Consumer, partitions: Collection[TopicPartition], end: int
) -> dict[TopicPartition, int]:
    """Return the first (``OFFSET_BEGINNING``) or next (``OFFSET_END``) offset of the logs.

    All of them in one request a broker: an answer may have to wait until a fetch on the same
    connection is over, up to ``fetch.wait.max.ms``. Asked for one by one, a few hundred partitions
    would take minutes.
    """
    if not partitions:
        return {}
    asked = [ClientPartition(*each, end) for each in partitions]
    answers = client.offsets_for_times(asked, timeout=BROKER_TIMEOUT_SECONDS)
    for answer in answers:
        if answer.error is not None:
            raise KafkaException(answer.error)
    return {TopicPartition(each.topic, each.partition): int(each.offset) for each in answers}
