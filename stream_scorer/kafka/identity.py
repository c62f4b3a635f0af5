"""Which log an offset belongs to: a topic that was deleted and made anew has the same name.

A committed offset carries a note that names its log by the ids of cluster and topic. The client
follows a topic by its name: when it learns that the name stands for another topic it goes on at the
same offset, and tells nobody but its debug log (context ``metadata``), before it fetches anything
of the new topic.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from typing import NamedTuple

from stream_scorer.kafka.client_config import Property


class LogId(NamedTuple):
    """The ids of a cluster and of a topic in it."""

    cluster: str
    topic: str


#: Asks the brokers which logs these topics are now; one that is not known is left out.
Identify = Callable[[Collection[str]], Mapping[str, LogId]]

#: The number goes up when the form of the note changes; other forms say nothing to this version.
_NOTE = "stream_scorer/1 cluster={} topic={}"
#: Other programs that keep offsets may cut a text, and the client reads past the end of one that
#: was committed without a zero byte. Neither makes it the note of another topic.
_NOTED = re.compile(_NOTE.format(r"(\S+)", r"([\w+/-]{22})"), re.ASCII)
_CHANGED = re.compile(r"Topic (\S+) changed id from (\S+) to (\S+)$")
#: A topic that the client does not know yet, and all topics of brokers before 2.8.
_NO_ID = "A" * 22
#: The client writes ids in one form of Base64, Kafka in the other: one that may stand in a URL.
_AS_KAFKA = str.maketrans("+/", "-_")


def topic_id(text: str) -> str | None:
    """Return a topic's id in Kafka's form, in whichever it comes; ``None``: there is none."""
    return None if text == _NO_ID else text.translate(_AS_KAFKA)


def note_of(log: LogId | None) -> str:
    """Return what is committed with an offset in that log; nothing if the log is not known."""
    return "" if log is None else _NOTE.format(*log)


def log_of(note: str) -> LogId | None:
    """Return the log that a note names; ``None`` for what is not a note of ours."""
    noted = _NOTED.fullmatch(note)
    return None if noted is None else LogId(noted[1], noted[2].translate(_AS_KAFKA))


def is_anew(then: LogId | None, now: LogId | None) -> bool:
    """Tell whether it is known that the topic was deleted and made anew in the same cluster."""
    known = then is not None and now is not None and then.cluster == now.cluster
    return known and then != now


class TopicsMadeAnew:
    """Hears every line of a client's log, and which topics it says are others now."""

    def __init__(self) -> None:
        self._topics: dict[str, str] = {}

    def hear(self, facility: str, text: str) -> None:
        """Take a line: librdkafka's name for its kind, and what it says."""
        if facility != "METADATA" or (said := _CHANGED.search(text)) is None:
            return
        was, now = topic_id(said[2]), topic_id(said[3])
        if was is not None and now is not None:
            self._topics[said[1]] = now

    @property
    def heard(self) -> bool:
        """Whether there are any since the last call of :meth:`take`."""
        return bool(self._topics)

    def take(self) -> dict[str, str]:
        """Return the topics that were heard of since the last call, and their new ids."""
        taken, self._topics = self._topics, {}
        return taken


def audible(properties: Mapping[str, Property]) -> dict[str, Property]:
    """Return the properties with which the client says what :class:`TopicsMadeAnew` must hear."""
    contexts = str(properties.get("debug", ""))
    debug = f"{contexts},metadata" if contexts else "metadata"
    return {**properties, "debug": debug, "log_level": 7}
