"""A worker's process without a Kafka: each order is for a point that it passes at once.

Runs as a program, with the words that a fleet gives to a worker. With ``--deaf`` before them it
passes no point.
"""

from __future__ import annotations

import argparse
import json
import random
import signal
import sys
from contextlib import suppress
from pathlib import Path
from types import FrameType

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


def _stop(_number: int, _frame: FrameType | None) -> None:
    sys.exit(0)


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
    signal.signal(signal.SIGTERM, _stop)
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
