"""When faults begin: one after the other, with overlapping courses."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from stream_scorer.verify.scene import Course, Fault, Scene

#: With more at a time, it is unclear which fault a small fleet suffers from.
AT_ONCE = 2
#: Workers that had started when a fault could begin have joined within this time.
JOIN_SECONDS = 30.0


@dataclass(slots=True)
class _Active:
    fault: Fault
    course: Course
    due: float


@dataclass(slots=True)
class Tally:
    """Counts of how often each fault occurred, and how often it found no target or no occasion."""

    inflicted: Counter[str] = field(default_factory=Counter)
    missed: Counter[str] = field(default_factory=Counter)


class Schedule:
    """Begins the faults in turn, one each ``every_seconds``, and advances those that have begun.

    Args:
        faults: the faults to inject, in order, for as long as the schedule runs.
        every_seconds: from one beginning to the next.
        count: how many must occur; ``None``: as many as the time allows.
        say: is called with ``injured``, ``healed`` or ``missed``, and the fault's name.
    """

    def __init__(
        self,
        faults: Iterator[Fault],
        every_seconds: float,
        count: int | None,
        say: Callable[[str, str], None],
    ) -> None:
        self._faults = faults
        self._every_seconds = every_seconds
        self._count = count
        self._say = say
        self._active: list[_Active] = []
        self._next: Fault | None = None
        self._next_at = 0.0
        self._waits_since: float | None = None
        self.tally = Tally()

    @property
    def satisfied(self) -> bool:
        """Whether as many faults occurred as were requested."""
        return self._count is None or self.tally.inflicted.total() >= self._count

    @property
    def quiet(self) -> bool:
        """Whether no fault is active."""
        return not self._active

    @property
    def halting(self) -> bool:
        """Whether a fault is active under which no progress can be expected."""
        return any(each.fault.halts for each in self._active)

    def step(self, now: float, scene: Scene, *, begin: bool) -> None:
        """Advance the faults that are due; begin the next one if it is time and ``begin``."""
        for active in [each for each in self._active if each.due <= now]:
            self._move(active, now)
        if begin and now >= self._next_at:
            self._begin(now, scene)

    def abandon(self) -> None:
        """End all active faults at once: reconnect what was cut, resume what was frozen."""
        while self._active:
            self._active.pop().course.close()

    def _begin(self, now: float, scene: Scene) -> None:
        fault = self._next = self._next or next(self._faults, None)
        if fault is None or not self._has_room(fault):
            return
        if fault.halts and not self._has_waited_for_all(now, scene):
            return
        self._waits_since = None
        self._next = None
        self._next_at = now + self._every_seconds
        self._say("injured", fault.name)
        active = _Active(fault, fault.course(scene), now)
        self._active.append(active)
        self._move(active, now)

    def _has_room(self, fault: Fault) -> bool:
        if fault.alone or any(each.fault.alone for each in self._active):
            return not self._active
        return len(self._active) < AT_ONCE

    def _has_waited_for_all(self, now: float, scene: Scene) -> bool:
        """Tell whether all workers work, or have had the time to start.

        A worker that has only just started may give up where one that works waits for the brokers.
        """
        if self._waits_since is None:
            self._waits_since = now
        return scene.fleet.everybody_works or now >= self._waits_since + JOIN_SECONDS

    def _move(self, active: _Active, now: float) -> None:
        try:
            active.due = now + next(active.course)
        except StopIteration as end:
            self._active.remove(active)
            name = active.fault.name
            (self.tally.inflicted if end.value else self.tally.missed)[name] += 1
            self._say("healed" if end.value else "missed", name)
