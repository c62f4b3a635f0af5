"""The fleet of workers under test: starts, orders, injures and replaces workers like Kubernetes."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from stream_scorer.app.stopping import STUCK_EXIT_CODE
from stream_scorer.app.watchdog import LAST_WORDS
from stream_scorer.verify.history import HistoryReader
from stream_scorer.verify.points import Act, Order
from stream_scorer.verify.values import Entry

WORKER = (sys.executable, "-m", "stream_scorer.verify.worker")
STOP_SECONDS = 40.0
_KILLED = -signal.SIGKILL
_SHOWN_LINES = 3


@dataclass(slots=True)
class Member:
    """One process of the fleet, from its start to its end.

    ``may_end`` holds the expected exit codes; ``reached`` the points where an order was carried out
    since the last order for them; ``works`` is whether it has committed anything; ``successor`` is
    the process that replaced it.
    """

    who: str
    slot: int
    process: subprocess.Popen[bytes]
    log: Path
    history: HistoryReader
    may_end: set[int] = field(default_factory=set)
    reached: set[str] = field(default_factory=set)
    works: bool = False
    successor: Member | None = None

    def order(self, order: Order) -> None:
        """Send an order; it has no effect if the process is gone."""
        if order.act in {Act.KILL, Act.TERMINATE}:
            self.may_end |= {0, _KILLED}
        if order.times > 0:
            self.reached.discard(order.point)
        stream = self.process.stdin
        try:
            if stream is not None and not stream.closed:
                stream.write((json.dumps(order.to_json()) + "\n").encode())
                stream.flush()
        except BrokenPipeError:
            pass

    @property
    def alive(self) -> bool:
        """Whether the process exists, running or frozen."""
        return self.process.poll() is None

    @property
    def frozen(self) -> bool:
        """Whether the process is stopped by a signal."""
        if not self.alive:
            return False
        state = Path(f"/proc/{self.process.pid}/stat")
        if state.exists():
            return state.read_text().rpartition(")")[2].split()[0] == "T"
        shown = subprocess.run(  # noqa: S603 - our own arguments
            ["/bin/ps", "-o", "state=", "-p", str(self.process.pid)],
            capture_output=True,
            check=False,
        )
        return shown.stdout.strip().startswith(b"T")

    def send(self, number: signal.Signals) -> None:
        """Send a signal and expect an exit by it; it has no effect if the process is gone."""
        if not self.alive:
            return
        if number in {signal.SIGKILL, signal.SIGTERM}:
            # A process that is still starting dies of SIGTERM as of any other signal.
            self.may_end |= {0, _KILLED, -signal.SIGTERM}
        self.process.send_signal(number)

    def bury(self) -> None:
        """Release a process that has ended; a fleet that runs for a day has thousands."""
        self.process.wait()
        if self.process.stdin is not None:
            with suppress(BrokenPipeError):  # an unread order
                self.process.stdin.close()

    def ended_by_watchdog(self) -> bool:
        """Tell whether its own watchdog ended it, because a client call did not return.

        That is expected behaviour (librdkafka #5456): another process must take over, and in time.
        """
        return self.process.poll() == STUCK_EXIT_CODE and LAST_WORDS in self.log.read_text(
            errors="replace"
        )

    def last_words(self) -> str:
        """Return the end of its log."""
        lines = self.log.read_text(errors="replace").strip().splitlines()
        return "\n".join(lines[-_SHOWN_LINES:])


class Fleet:
    """A fixed number of slots, each with a process or about to get one; logs and histories on disk.

    ``command`` starts a worker; it gets the arguments of :mod:`stream_scorer.verify.worker`.
    """

    def __init__(
        self, config: Path, folder: Path, size: int, command: Sequence[str] = WORKER
    ) -> None:
        self._command = command
        self._config = config
        self._folder = folder
        self._slots: dict[int, Member | None] = dict.fromkeys(range(1, size + 1))
        self._incarnations: dict[int, int] = {}
        self._first_orders: dict[int, Order] = {}
        self._leaving: list[Member] = []

    @property
    def members(self) -> list[Member]:
        """The processes that are alive, including those that are stopping."""
        return [*self.serving, *(each for each in self._leaving if each.alive)]

    @property
    def serving(self) -> list[Member]:
        """The processes that are alive and are meant to be."""
        return [each for each in self._slots.values() if each and each.alive]

    @property
    def everybody_works(self) -> bool:
        """Whether every process that is meant to be alive has started and joined."""
        return all(each.works for each in self.serving)

    def keep_up(self) -> Iterator[Member]:
        """Start missing processes, and yield each process that has ended since the last call."""
        for member in [each for each in self._leaving if not each.alive]:
            self._leaving.remove(member)
            member.bury()
            yield member
        for number, last in self._slots.items():
            if last is None or not last.alive:
                started = self._slots[number] = self._start(number)
                if last is not None:
                    last.bury()
                    last.successor = started
                    yield last

    def scale(self, size: int) -> None:
        """Set the number of slots; surplus processes are asked to stop."""
        for number in range(1, size + 1):
            self._slots.setdefault(number, None)
        for number in [each for each in self._slots if each > size]:
            member = self._slots.pop(number)
            if member is not None:
                member.send(signal.SIGTERM)
                self._leaving.append(member)

    def begin_next_with(self, member: Member, order: Order) -> None:
        """Set an order for the process that replaces this one, to be given at its start."""
        self._first_orders[member.slot] = order

    def size(self) -> int:
        """Return the number of slots."""
        return len(self._slots)

    def news(self) -> Iterator[Entry]:
        """Yield the history entries that all processes have written since the last call."""
        for member in self._unburied():
            yield from self.news_of(member)

    def news_of(self, member: Member) -> Iterator[Entry]:
        """Yield the entries that one process, dead or alive, has written since the last call."""
        for entry in member.history.new():
            if entry.what == "reached":
                member.reached.add(entry.details["point"])
            member.works |= entry.what == "committed"
            yield entry

    def stop(self) -> list[Member]:
        """Ask all to stop, wait, and kill those that don't.

        Returns:
            The processes that have ended since the last call of :meth:`keep_up`, for any cause.
        """
        members = self._unburied()
        for member in members:
            member.send(signal.SIGCONT)
            member.send(signal.SIGTERM)
        for member in members:
            try:
                member.process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                member.process.kill()
            member.bury()
        return members

    def kill(self) -> None:
        """Kill all processes at once."""
        for member in self._unburied():
            member.process.kill()
            member.bury()

    def _unburied(self) -> list[Member]:
        return [each for each in (*self._slots.values(), *self._leaving) if each is not None]

    def _start(self, number: int) -> Member:
        incarnation = self._incarnations[number] = self._incarnations.get(number, 0) + 1
        who = f"worker-{number}.{incarnation}"
        order = self._first_orders.pop(number, None)
        history = self._folder / f"{who}.history.jsonl"
        log = self._folder / f"{who}.log"
        words = [
            *("--config", self._config.name, "--who", who, "--history", str(history)),
            *(("--order", json.dumps(order.to_json())) if order else ()),
            *("--set", f"kafka.consumer.client.id={who}"),
            *("--set", f"kafka.producer.client.id={who}-producer"),
        ]
        with log.open("wb") as stream:
            process = subprocess.Popen(  # noqa: S603 - our own module with our own arguments
                [*self._command, *words],
                cwd=self._config.parent,
                stdin=subprocess.PIPE,
                stdout=stream,
                stderr=subprocess.STDOUT,
            )
        member = Member(who, number, process, log, HistoryReader(history))
        if order is not None:
            member.may_end |= {0, _KILLED}
        return member
