"""A TCP proxy between clients and brokers that can drop, delay and hold frames.

It rewrites nothing: the brokers advertise its ports (``EmbeddedKafka(client_ports=proxy.ports)``),
so clients never learn another address.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Self, cast

from stream_scorer.local.awaited import Held, Watch
from stream_scorer.local.connection import Connection
from stream_scorer.local.frames import ApiKey
from stream_scorer.local.ports import ReservedPort
from stream_scorer.local.rules import AnswersDropped, Cut, Delay, Rule, Way, Whom

_BUFFER_BYTES = 1 << 20
_START_SECONDS = 10.0


class Lifted:
    """Lifts a rule with :meth:`lift`, or at the end of a ``with`` block."""

    def __init__(self, lift: Callable[[], None]) -> None:
        self._lift = lift

    def lift(self) -> None:
        """End the rule; frames that it delayed stay delayed. Idempotent."""
        self._lift()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.lift()


class Proxy:
    """One port for each broker, open during the ``with`` block; all methods are thread-safe.

    Rules apply to requests by ``client`` (a pattern of client ids), ``broker`` and ``api``, and to
    their answers; ``None`` matches all. They can be added and lifted while traffic flows, and they
    accumulate. Connections must be plaintext. The ports always accept connections: to a client, a
    broker that is down looks like one that closes each connection at once.

    Args:
        brokers: Their node ids.
    """

    def __init__(self, brokers: Sequence[int]) -> None:
        self._reserved = {broker: ReservedPort() for broker in brokers}
        self._targets: dict[int, tuple[str, int]] = {}
        self._rules: tuple[Rule, ...] = ()
        self._changing = threading.Lock()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)
        self._servers: list[asyncio.Server] = []
        self._connections: dict[Connection, asyncio.Task[None]] = {}

    @property
    def ports(self) -> Mapping[int, int]:
        """The port in front of each broker."""
        return {broker: port.number for broker, port in self._reserved.items()}

    def target(self, broker: int, address: str) -> None:
        """Forward a broker's connections to ``host:port``; until then the broker counts as down."""
        host, _, port = address.rpartition(":")
        self._targets[broker] = (host, int(port))

    def cut(
        self,
        client: str = "*",
        broker: int | None = None,
        way: Way = "both",
        *,
        refuse: bool = False,
    ) -> Lifted:
        """Drop every frame of a client (by the pattern of its id), one way or both.

        Connections stay open, new ones are accepted, and neither side is notified, as behind a
        firewall that drops packets. When the cut is lifted, connections that lost a frame are
        closed: TCP never skips bytes.

        Args:
            client: The pattern of client ids.
            broker: The broker from which they are cut off.
            way: What to drop: ``requests``, ``responses`` or ``both``.
            refuse: Close connections instead, existing ones at once and new ones at their first
                request.
        """
        rule = Cut(Whom(client, broker), way, refuse=refuse)
        lifted = self._add(rule)
        if refuse:
            self._in_the_loop(partial(self._close_covered, rule))
        return lifted

    def delay(self, client: str, seconds: float, broker: int | None = None) -> Lifted:
        """Delay each frame by this much, each way; their order is kept."""
        return self._add(Delay(Whom(client, broker), seconds))

    def hold(self, client: str, api: ApiKey, broker: int | None = None) -> Held:
        """Hold the next matching request, even if its client gives up and retries.

        Later requests on the same connection wait behind it; other connections, including that of
        the retry, are not affected. The broker does not notice that the client closed.
        """
        held = Held(Whom(client, broker, api), self._in_the_loop, self._remove)
        self._add(held)
        return held

    def drop_answer(
        self,
        client: str,
        api: ApiKey,
        *,
        times: int = 1,
        close: bool = False,
        broker: int | None = None,
    ) -> Lifted:
        """Forward the next requests but drop their answers; ``close`` ends the connection, too."""
        return self._add(AnswersDropped(Whom(client, broker, api), times, close=close))

    def watch(self, api: ApiKey, client: str = "*", broker: int | None = None) -> Watch:
        """Count matching requests and their answers from now on."""
        watch = Watch(Whom(client, broker, api), self._remove)
        self._add(watch)
        return watch

    def __enter__(self) -> Self:
        self._thread.start()
        try:
            asyncio.run_coroutine_threadsafe(self._listen(), self._loop).result(_START_SECONDS)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_exception: object) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        for port in self._reserved.values():
            port.release()

    def _add(self, rule: Rule) -> Lifted:
        with self._changing:
            self._rules = (*self._rules, rule)
        return Lifted(partial(self._remove, rule))

    def _remove(self, rule: Rule) -> None:
        with self._changing:
            self._rules = tuple(each for each in self._rules if each is not rule)
        if isinstance(rule, Cut):
            self._in_the_loop(partial(self._close_incomplete, rule))

    def _in_the_loop(self, call: Callable[[], None]) -> None:
        self._loop.call_soon_threadsafe(call)

    # ------------------------------------------------------------------ in the proxy's thread

    async def _listen(self) -> None:
        for broker, port in self.ports.items():
            accept = partial(self._accept, broker)
            self._servers.append(
                await asyncio.start_server(accept, "127.0.0.1", port, limit=_BUFFER_BYTES)
            )

    def _accept(
        self, broker: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        task = self._loop.create_task(self._pass_on(broker, reader, writer))
        # Covers every ending: a task cancelled before its first step runs none of its own lines.
        task.add_done_callback(lambda _: writer.close())

    async def _pass_on(
        self, broker: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        try:
            host, port = self._targets[broker]
            upstream = await asyncio.open_connection(host, port, limit=_BUFFER_BYTES)
        except (KeyError, OSError):
            return
        connection = Connection(broker, lambda: self._rules, (reader, writer), upstream)
        self._connections[connection] = cast("asyncio.Task[None]", asyncio.current_task())
        try:
            await connection.run()
        finally:
            del self._connections[connection]

    def _close_covered(self, rule: Cut) -> None:
        for connection, task in self._connections.items():
            latest = connection.latest
            if latest is not None and rule.whom.covers(connection.broker, latest):
                task.cancel()

    def _close_incomplete(self, rule: Cut) -> None:
        for connection, task in self._connections.items():
            if rule in connection.cut_by:
                connection.cut_by.discard(rule)
                if not connection.cut_by:
                    task.cancel()

    async def _close(self) -> None:
        # asyncio handles each connection in a task. Unless the task has begun before its server
        # closes or it is cancelled, its socket stays open (_attach, _accept_connection2 of 3.11).
        for server in self._servers:
            for listener in server.sockets:
                self._loop.remove_reader(listener.fileno())
        await asyncio.sleep(0)
        for server in self._servers:
            server.close()
        while others := asyncio.all_tasks() - {asyncio.current_task()}:
            for task in others:
                task.cancel()
            await asyncio.gather(*others, return_exceptions=True)
        await asyncio.sleep(0)  # the transports close in the next loop iteration
