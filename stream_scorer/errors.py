"""The errors, named for what happens next.

::

    StreamScorerError
    ├── RefusesToStart                 the process ends before it takes an event
    │   ├── ConfigError                exit 2: a setting, an argument, a file that it names
    │   ├── ContractError              exit 3: the model, the schema, or the two together
    │   │   └── SchemaGone             the same; at run time its events are dead letters
    │   └── Unreachable                exit 4: brokers or a registry that refuse or don't answer
    ├── StopsTheWorker                 the open set is dropped, nothing is lost, the process ends
    │   ├── DataLost                   exit 4: a committed offset that no longer exists
    │   ├── Refused                    exit 4: a right that was there is gone
    │   ├── Fenced                     exit 2: another process has the same transactional id
    │   ├── TooManyDeadLetters         exit 5: the budget is spent, or there is no topic for them
    │   ├── Terminated                 exit 0: a stop was asked for while an inference ran
    │   └── Broken                     exit 70: a device, a call past its bound, a bug
    ├── TransactionAborted             rewind to what is committed, go on
    │   ├── RecordsRefused             the same, and the records it names become dead letters
    │   └── TopicInDoubt               the same, and the topics are read again
    ├── ProducerLost                   rebuild the producer, rewind, go on
    └── Unanswered                     brokers are away: wait, start over, go on; a registry: hold
        │                              the partitions that need it, go on with the others
        └── Withheld                   the same, of one schema: the registry may have others

A fault of one event is no exception at all: it is a :class:`~stream_scorer.records.Problem`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

#: What a library that passes a system's error on may leave in its own text.
_NUMBER = re.compile(r"\[Errno -?\d+\] ?")


class StreamScorerError(Exception):
    """Any failure that this package names; its text is one sentence with the way out."""

    exit_code = 70


class RefusesToStart(StreamScorerError):
    """The process must not begin to take events."""


class ConfigError(RefusesToStart):
    """A setting or an argument is wrong; the text names it and the fix."""

    exit_code = 2


class ContractError(RefusesToStart):
    """The model can't be served, or does not fit the schema."""

    exit_code = 3


class SchemaGone(ContractError):
    """The registry has a schema, and no longer one that it refers to."""


class Unreachable(RefusesToStart):
    """A broker or registry refuses, lacks something, or does not answer at start."""

    exit_code = 4


class StopsTheWorker(StreamScorerError):
    """The running worker must end; whatever is not committed is read again by the next one."""


class DataLost(StopsTheWorker):
    """The committed offset of a partition no longer exists, and ``on_data_loss`` is ``stop``."""

    exit_code = 4


class Refused(StopsTheWorker):
    """The brokers took back a right that the worker needs."""

    exit_code = 4


class Fenced(StopsTheWorker):
    """Another live process has the same transactional id: they fence each other for ever."""

    exit_code = 2


class TooManyDeadLetters(StopsTheWorker):
    """The dead-letter budget is spent, or a bad event has no topic to go to."""

    exit_code = 5


class Terminated(StopsTheWorker):
    """A stop was asked for, and the inference that ran was ended for it."""

    exit_code = 0


class Broken(StopsTheWorker):
    """A device fails on known-good input, a call outlived its bound, or we have a bug."""


class TransactionAborted(StreamScorerError):
    """The transaction left no trace; the input must be rewound to what is committed."""


class RecordsRefused(TransactionAborted):
    """The broker refused records themselves; the rest of the transaction was fine.

    ``refused`` says why, by the number of each record in the transaction, counted from 0 in the
    order of their production. It is empty if the broker does not say which they are.
    """

    def __init__(self, sentence: str, refused: Mapping[int, str]) -> None:
        super().__init__(sentence)
        self.refused = refused


class TopicInDoubt(TransactionAborted):
    """A record was not written, and it may be that its topic lacks the partition, or is gone."""


class ProducerLost(StreamScorerError):
    """The producer was fenced or is in doubt: only a new one may go on."""


class Unanswered(StreamScorerError):
    """Something outside is away for now; the caller keeps its place and asks again.

    ``seconds`` is how long to leave it alone before.
    """

    def __init__(self, sentence: str, seconds: float = 1.0) -> None:
        super().__init__(sentence)
        self.seconds = seconds


class Withheld(Unanswered):
    """A registry answers, but not with this schema; it may well have others."""


def reason(error: Exception) -> str:
    """Return why something failed, as a sentence can hold it: no number, no name, one line.

    ``OSError`` has the system's word for it ("No such file or directory"); the path is for the
    sentence around it to say.
    """
    if isinstance(error, UnicodeDecodeError):
        return "it is not UTF-8 text"
    text = (error.strerror if isinstance(error, OSError) else None) or str(error)
    text = _NUMBER.sub("", text)
    return " ".join(text.split()).rstrip(".") or type(error).__name__
