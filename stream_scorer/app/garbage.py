"""Python's cyclic garbage collector, told that a worker makes no cycles.

Each message is an object that the collector tracks, so by its default a collection begins with
every 700 messages, and now and then one looks at all that was ever imported. That takes a tenth of
a worker's time, and finds nothing: what the loop makes is freed by its reference count.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

#: So many more tracked objects than were freed, before a collection looks for cycles.
TRACKED_OBJECTS = 200_000


@contextmanager
def seldom_collected() -> Iterator[None]:
    """Leave out what exists now, and look for cycles only where objects pile up.

    A cycle that is made by mistake is found still, later.
    """
    before = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(TRACKED_OBJECTS, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()
