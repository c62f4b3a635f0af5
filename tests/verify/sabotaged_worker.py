"""A worker under proof whose loop breaks one rule: the class is the first word.

Runs as a program, with the words that a fleet gives to a worker after it.
"""

from __future__ import annotations

import sys

from stream_scorer.verify.worker import main
from stream_scorer.worker import Worker
from tests.verify import sabotages


def command(loop: type[Worker]) -> tuple[str, ...]:
    """Return what starts such a worker, for a class of :mod:`tests.verify.sabotages`."""
    return (sys.executable, "-m", __name__, loop.__name__)


if __name__ == "__main__":
    name, *words = sys.argv[1:]
    sys.exit(main(words, getattr(sabotages, name)))
