"""A worker's process without a Kafka: each order is for a point that it passes at once.

Runs as a program, with the words that a fleet gives to a worker. With ``--deaf`` before them it
passes no point.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import sys
import threading
from contextlib import suppress
from pathlib import Path

from stream_scorer.errors import TransactionAborted
from stream_scorer.verify.history import HistoryFile
from stream_scorer.verify.injuries import Injuries
from stream_scorer.verify.points import Order

COMMAND = (sys.executable, "-m", "tests.verify.standin")


def _obey(injuries: Injuries, line: str) -> None:
    order = Order.from_json(json.loads(line))
    injuries.order(order)
    with suppress(TransactionAborted):
        injuries.passing(order.point)


def _end_when_asked_to() -> None:
    """End with 0 on SIGTERM, also while the main thread waits for an order.

    A handler alone would not do: it runs in the main thread, and a signal that comes between
    Python's last look for one and the call that reads waits until there is something to read.
    """
    asked, asking = os.pipe()
    os.set_blocking(asking, False)
    signal.set_wakeup_fd(asking)
    signal.signal(signal.SIGTERM, lambda _number, _frame: None)

    def end() -> None:
        os.read(asked, 1)
        os._exit(0)

    threading.Thread(target=end, daemon=True).start()


def main() -> int:
    """Obey until stopped, or until nobody is left to give orders."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--deaf", action="store_true")
    parser.add_argument("--who", required=True)
    parser.add_argument("--history", type=Path, required=True)
    parser.add_argument("--order", action="append", default=[])
    given, others = parser.parse_known_args()
    sys.stdout.write(" ".join(others))
    sys.stdout.flush()
    _end_when_asked_to()
    history = HistoryFile(given.history, given.who)  # whoever waits for it can give orders now
    injuries = Injuries(history, random.Random(1))  # noqa: S311 - dice, not secrets
    for line in given.order:
        _obey(injuries, line)
    for line in sys.stdin:
        if not given.deaf:
            _obey(injuries, line)
    return 3


if __name__ == "__main__":
    sys.exit(main())
