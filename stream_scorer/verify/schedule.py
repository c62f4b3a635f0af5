"""When which fault begins: one after the other, in courses that overlap."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from stream_scorer.verify.scene import Course, Fault, Scene

#: More at a time than this, and it is no longer clear what a fleet of a few workers is injured by.
AT_ONCE = 2
#: Workers that have started when a fault could begin have joined within this time.
JOIN_SECONDS = 30.0


@dataclass(slots=True)
class _Active:
    fault: Fault
    course: Course
    due: float


@dataclass(slots=True)
class Tally:
    """How often each fault came about, and how often it found nobody or no occasion."""

    inflicted: Counter[str] = field(default_factory=Counter)
    missed: Counter[str] = field(default_factory=Counter)


class Schedule:
    """Begins the faults in turn, one each ``every_seconds``, and moves on those that have begun.

    Args:
        faults: what may happen, one after the other, for as long as it goes on.
        every_seconds: from one beginning to the next.
        count: how many must come about; ``None``: as many as there is time for.
        say: hears what begins and ends: ``injured`` or ``healed`` or ``missed``, and the name.
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
        """Whether as many faults came about as were asked for."""
        return self._count is None or self.tally.inflicted.total() >= self._count

    @property
    def quiet(self) -> bool:
        """Whether nothing is injured."""
        return not self._active

    @property
    def halting(self) -> bool:
        """Whether something is injured so that nothing can be expected to move."""
        return any(each.fault.halts for each in self._active)

    def step(self, now: float, scene: Scene, *, begin: bool) -> None:
        """Move on what is due; begin the next one if it is time, and ``begin``."""
        for active in [each for each in self._active if each.due <= now]:
            self._move(active, now)
        if begin and now >= self._next_at:
            self._begin(now, scene)

    def abandon(self) -> None:
        """End what goes on at once: what was cut is joined, and what was frozen goes on."""
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
        """Tell whether all workers work, or have had the time for it.

        One that has only started may give up where one that works waits for the brokers.
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
