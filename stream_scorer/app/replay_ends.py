"""Decides when a replay ends: when the dead letters present at its start are committed.

The brokers say what is committed, whoever did it: several replays share the work, and what one of
them has read but not committed is not done.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import closing
from typing import NamedTuple

from stream_scorer.errors import Unreachable
from stream_scorer.kafka.bounded import BoundedConsumer
from stream_scorer.kafka.client_config import Property
from stream_scorer.kafka.cluster import Cluster
from stream_scorer.kafka.reading import bounds_of
from stream_scorer.records import TopicPartition

#: Between two questions to the brokers.
ASK_EVERY_SECONDS = 1.0
#: How long the loop may stand still for one.
ASK_SECONDS = 2.0


class Place(NamedTuple):
    """A group's position in a partition, and the partition's current end."""

    next: int
    end: int


Places = Mapping[TopicPartition, Place]


def places(
    properties: Mapping[str, Property], topic: str, group_id: str, within_seconds: float
) -> dict[TopicPartition, Place]:
    """Return where the group is in each partition of a topic.

    What has expired is behind it. An offset beyond the end is of a topic that was made anew.

    Raises:
        Unreachable: the brokers don't say.
    """
    bounds = bounds_of(properties, topic)
    asking = Cluster(properties, warn=_ignore, request_seconds=within_seconds)
    with closing(asking) as cluster:
        committed = cluster.committed(group_id, bounds)
    found = {}
    for each, (start, end) in bounds.items():
        offset = committed.get(each, start)
        found[each] = Place(offset if start <= offset <= end else start, end)
    return found


def unread(found: Places) -> dict[TopicPartition, int]:
    """Return the end of each partition in which something is left."""
    return {each: place.end for each, place in found.items() if place.next < place.end}


def _ignore(_: str) -> None:
    """Say nothing: what is wrong is raised."""


class Until:
    """Tells the loop when to end: all is committed up to ``ends``, or a stop was asked for.

    ``look`` asks the brokers where the group is; it may raise :class:`Unreachable`.
    """

    def __init__(
        self,
        consumer: BoundedConsumer,
        ends: Mapping[TopicPartition, int],
        look: Callable[[], Places],
        stopping: Callable[[], bool],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._consumer = consumer
        self._ends = dict(ends)
        self._look = look
        self._stopping = stopping
        self._clock = clock
        self._asked = float("-inf")

    def __call__(self) -> bool:
        """Return whether to end."""
        if self._stopping():
            return True
        is_due = self._clock() - self._asked >= ASK_EVERY_SECONDS
        return self._consumer.is_idle and is_due and self.is_done()

    def is_done(self) -> bool:
        """Ask the brokers whether all is committed; if they don't answer it is not known to be."""
        try:
            found = self._look()
        except Unreachable:
            return False
        finally:
            self._asked = self._clock()
        return all(found[each].next >= end for each, end in self._ends.items() if each in found)
