"""I3 and I4: a transaction is visible as a whole or not at all, according to its outcome."""

from __future__ import annotations

from dataclasses import dataclass

from stream_scorer.records import TopicPartition
from stream_scorer.verify.invariants.found import Found, spot
from stream_scorer.verify.values import Entry, Invariant, Trace


@dataclass(slots=True)
class _Transaction:
    """``sent`` is None until its worker reported that everything was sent."""

    who: str | None = None
    sent: int | None = None
    committed: bool = False
    visible: int = 0
    first: tuple[TopicPartition, int] | None = None


class Transactions:
    """Counts the visible records of each transaction; history entries and results in any order.

    A visible record of an aborted transaction and a surplus record are certain at once, the rest at
    the end. Memory: a word for each transaction that is settled.
    """

    def __init__(self, found: Found) -> None:
        self._found = found
        self._open: dict[str, _Transaction] = {}
        # Transactions are remembered by their hash: 64 bits are enough to tell them apart.
        self._whole: set[int] = set()
        self._aborted: set[int] = set()

    def told(self, entry: Entry) -> None:
        """Record a history entry of a worker."""
        match entry.what:
            case "sent":
                transaction = self._of(entry)
                transaction.sent = int(entry.details["records"])
                self._check_surplus(entry.details["transaction"], transaction)
            case "committed":
                self._of(entry).committed = True
            case "aborted":
                self._abort(entry)
                return
            case _:
                return
        self._settle(entry.details["transaction"])

    def seen(self, trace: Trace) -> None:
        """Record a visible record."""
        name = trace.transaction
        if hash(name) in self._aborted:
            self._visible_though_aborted(name, trace.place, trace.offset)
            return
        if hash(name) in self._whole:
            self._found.add(
                Invariant.ATOMIC,
                f"Transaction {name} has one more visible record than it sent, at "
                f"{spot(trace.place, trace.offset)}.",
            )
            return
        transaction = self._open.setdefault(name, _Transaction())
        transaction.visible += 1
        transaction.first = transaction.first or (trace.place, trace.offset)
        self._check_surplus(name, transaction)
        self._settle(name)

    def finish(self) -> None:
        """Run the final checks, once all histories and results are recorded."""
        for name, transaction in self._open.items():
            sent, visible = transaction.sent, transaction.visible
            if visible and sent is None:
                self._found.add(
                    Invariant.ATOMIC,
                    f"{_title(name)}, which never sent all of its records, has {visible} visible, "
                    f"the first at {_first(transaction)}.",
                )
            elif 0 < visible < (sent or 0):
                self._found.add(
                    Invariant.ATOMIC,
                    f"{_title(name)} of {transaction.who} is torn: {visible} of {sent} records are "
                    f"visible, the first at {_first(transaction)}.",
                )
            if transaction.committed and visible < (sent or 0):
                self._found.add(
                    Invariant.OUTCOME,
                    f"{_title(name)} of {transaction.who} committed, but {visible} of its {sent} "
                    "records are visible.",
                )

    def _of(self, entry: Entry) -> _Transaction:
        transaction = self._open.setdefault(entry.details["transaction"], _Transaction())
        transaction.who = entry.who
        return transaction

    def _abort(self, entry: Entry) -> None:
        name = entry.details["transaction"]
        transaction = self._open.pop(name, _Transaction())
        self._aborted.add(hash(name))
        if transaction.first is not None:
            self._visible_though_aborted(name, *transaction.first)

    def _settle(self, name: str) -> None:
        transaction = self._open[name]
        if transaction.committed and transaction.visible == transaction.sent:
            del self._open[name]
            self._whole.add(hash(name))

    def _check_surplus(self, name: str, transaction: _Transaction) -> None:
        if transaction.sent is not None and transaction.visible > transaction.sent:
            self._found.add(
                Invariant.ATOMIC,
                f"{_title(name)} of {transaction.who} sent {transaction.sent} records, but more "
                "are visible.",
            )

    def _visible_though_aborted(self, name: str, place: TopicPartition, offset: int) -> None:
        self._found.add(
            Invariant.OUTCOME,
            f"{_title(name)} was aborted, but its record at {spot(place, offset)} is visible.",
        )


def _title(name: str) -> str:
    return f"Transaction {name}" if name else "A transaction without a name"


def _first(transaction: _Transaction) -> str:
    return spot(*transaction.first) if transaction.first else "no place"
