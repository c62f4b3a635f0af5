"""A worker under test: the same as ``run``, with instruments between its parts.

It is a separate process that takes orders as JSON lines on stdin. It ends when stdin closes, so no
worker outlives the verification run.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO

from stream_scorer.app.loop import Seams
from stream_scorer.app.run import run
from stream_scorer.cli.failures import exit_code_of
from stream_scorer.config.loading import load
from stream_scorer.verify.hand import Hand
from stream_scorer.verify.history import HistoryFile
from stream_scorer.verify.injuries import Injuries
from stream_scorer.verify.instruments import (
    InstrumentedConsumer,
    InstrumentedScorer,
    instrumented_client,
)
from stream_scorer.verify.points import Order
from stream_scorer.verify.resources import watch_resources
from stream_scorer.worker import Worker


def main(arguments: Sequence[str], loop: type[Worker] = Worker) -> int:
    """Run until stopped or killed; return the exit code.

    Args:
        arguments: the command-line arguments that a fleet passes.
        loop: the class of the loop; tests pass a faulty one.
    """
    given = _parsed(arguments)
    history = HistoryFile(given.history, given.who)
    injuries = Injuries(history, random.Random(given.who))  # noqa: S311 - dice, not secrets
    for order in given.order:
        injuries.order(Order.from_json(json.loads(order)))
    _thread("orders", lambda: _obey(sys.stdin, injuries))
    _thread("resources", lambda: watch_resources(history))
    hand = Hand()
    seams = Seams(
        consumer=lambda consumer: InstrumentedConsumer(consumer, injuries, hand, history),
        scorer=lambda scorer: InstrumentedScorer(scorer, injuries, hand, given.seconds_per_row),
        make_client=lambda properties, log: instrumented_client(
            properties, log, history, injuries, hand
        ),
        loop=loop,
    )
    return exit_code_of(
        lambda: run(load(given.config, given.set, {}, need_kafka=True), seams), debug=False
    )


def _parsed(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="stream_scorer.verify.worker")
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--who", required=True)
    parser.add_argument("--history", type=Path, required=True)
    parser.add_argument("--seconds-per-row", type=float, default=0.0)
    parser.add_argument("--order", action="append", default=[])
    parser.add_argument("--set", action="append", default=[])
    return parser.parse_args(arguments)


def _obey(orders: IO[str], injuries: Injuries) -> None:
    for line in orders:
        injuries.order(Order.from_json(json.loads(line)))
    os.kill(os.getpid(), signal.SIGTERM)


def _thread(name: str, target: Callable[[], None]) -> None:
    threading.Thread(target=target, name=name, daemon=True).start()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
