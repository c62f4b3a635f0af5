"""One client connection, forwarded to its broker frame by frame."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from contextlib import suppress

from stream_scorer.local.frames import Request, correlation_of, framed, next_frame, request_of
from stream_scorer.local.rules import Cut, Fate, Rule

#: The maximum number of frames in flight in one direction; a client's pipeline is shorter.
_AHEAD_FRAMES = 1000

Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Connection:
    """Forwards frames both ways, each in its order, subject to the rules at that moment.

    Both sides close when one does, with one exception: while a request is held that the client no
    longer waits for, the broker's side stays open until the broker has answered it.

    Args:
        broker: The node id of the broker.
        rules: Returns the current rules.
        client: Reader and writer of the accepted connection.
        upstream: Reader and writer of the connection to the broker.
    """

    def __init__(
        self, broker: int, rules: Callable[[], Iterable[Rule]], client: Stream, upstream: Stream
    ) -> None:
        self.broker = broker
        #: The latest request; it identifies the client of this connection.
        self.latest: Request | None = None
        #: The cuts that dropped a frame: those bytes are lost for good.
        self.cut_by: set[Cut] = set()
        self._rules = rules
        self._client = client
        self._upstream = upstream
        self._unanswered: dict[int, tuple[Request, Fate]] = {}
        self._held: set[int] = set()
        self._nothing_held = asyncio.Event()
        self._nothing_held.set()

    async def run(self) -> None:
        """Forward frames until a side closes or a rule closes it; then both are closed."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._requests())
                group.create_task(self._answers())
        except* (OSError, ValueError):
            pass  # Each direction ends with one of these; the group ends the other direction.
        finally:
            for _, writer in (self._client, self._upstream):
                writer.close()

    async def _requests(self) -> None:
        await _pass_on(self._client[0], self._upstream[1], self._judge_request)
        await self._nothing_held.wait()
        raise ConnectionAbortedError("the client left")

    async def _answers(self) -> None:
        await _pass_on(self._upstream[0], self._client[1], self._judge_answer, may_be_gone=True)
        raise ConnectionAbortedError("the broker left")

    def _judge_request(self, frame: bytes) -> Fate:
        request, fate = request_of(frame), Fate()
        self.latest = request
        for rule in self._rules():
            if rule.whom.covers(self.broker, request):
                rule.judge_request(fate)
        self.cut_by.update(fate.cut_by)
        if not fate.lost:
            self._unanswered[request.correlation] = (request, fate)
        if fate.gates:
            self._held.add(request.correlation)
            self._nothing_held.clear()
        return fate

    def _judge_answer(self, frame: bytes) -> Fate:
        correlation = correlation_of(frame)
        if correlation not in self._unanswered:
            raise ValueError(f"an answer to request {correlation}, which was not forwarded")
        request, asked = self._unanswered.pop(correlation)
        fate = Fate()
        for rule in self._rules():
            if rule.whom.covers(self.broker, request):
                rule.judge_answer(fate)
        self.cut_by.update(fate.cut_by)
        for gate in asked.gates:
            gate.answered.set()
        self._held.discard(request.correlation)
        if not self._held:
            self._nothing_held.set()
        return fate


async def _pass_on(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    judge: Callable[[bytes], Fate],
    *,
    may_be_gone: bool = False,
) -> None:
    """Forward frames until the reader has ended and everything before that is written.

    Raises:
        OSError: A rule closes the connection, or the writer's side is gone (unless allowed).
        ValueError: The data is not Kafka's protocol.
    """
    under_way: asyncio.Queue[tuple[float, Fate, bytes] | None] = asyncio.Queue(_AHEAD_FRAMES)

    async def take() -> None:
        while (frame := await next_frame(reader)) is not None:
            fate = judge(frame)
            if fate.closes:
                raise ConnectionAbortedError("a rule closed the connection")
            if not fate.lost:
                due = asyncio.get_running_loop().time() + fate.delay_seconds
                await under_way.put((due, fate, frame))
        await under_way.put(None)

    async def give() -> None:
        while (next_one := await under_way.get()) is not None:
            due, fate, frame = next_one
            await asyncio.sleep(due - asyncio.get_running_loop().time())
            await _through_the_gates(fate)
            with suppress(*((OSError,) if may_be_gone else ())):
                writer.write(framed(frame))
                await writer.drain()

    async with asyncio.TaskGroup() as group:
        group.create_task(take())
        group.create_task(give())


async def _through_the_gates(fate: Fate) -> None:
    for gate in fate.gates:
        gate.reached.set()
        await gate.opened.wait()
        if gate.thrown_away:
            raise ConnectionAbortedError("the held request was discarded")
