"""One Kafka broker: its ports, settings, folder and Java process."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

from stream_scorer.errors import Unreachable
from stream_scorer.local.downloads import kafka_jars
from stream_scorer.local.java import JavaProcess
from stream_scorer.local.ports import ReservedPort

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

_READY_SECONDS = 90.0
_FORMAT_SECONDS = 60.0

_SMALL_JAVA = ("-Xms64m", "-Xmx384m", "-XX:+UseSerialGC")
# A short-lived program only loses time by compiling for the long run.
_SHORT_LIVED_JAVA = (*_SMALL_JAVA, "-XX:TieredStopAtLevel=1")
# Kafka 4.4 uses features that Java 25 warns about on every start.
_UNWARNED = ("--sun-misc-unsafe-memory-access=allow", "--enable-native-access=ALL-UNNAMED")

_LOG4J = """\
status = error
appender.stdout.type = Console
appender.stdout.name = stdout
appender.stdout.layout.type = PatternLayout
appender.stdout.layout.pattern = %d{ISO8601} %p %c{1}: %m%n
rootLogger.level = info
rootLogger.appenderRef.stdout.ref = stdout
"""


class Broker:
    """A broker that is also a controller (KRaft combined mode), up or down.

    It has three listeners on 127.0.0.1, so that securing ``CLIENT`` does not affect the brokers'
    own traffic: ``CLIENT``, ``INTERNAL`` between brokers (and for readiness checks), and
    ``CONTROLLER``.

    Args:
        number: The node id, from 1.
        folder: Holds ``server.properties``, ``broker.log`` and ``data/``.
        client_port: The port that clients are told to connect to, where a proxy forwards to the
            broker. By default the broker's own.
        more_listeners: Names of further listeners for clients.
    """

    def __init__(
        self,
        number: int,
        folder: Path,
        client_port: int | None = None,
        more_listeners: Sequence[str] = (),
    ) -> None:
        self.number = number
        self._client_port = client_port
        self.log = folder / "broker.log"
        self._folder = folder
        self._client, self._internal, self._controller = (ReservedPort() for _ in range(3))
        self._more = {name: ReservedPort() for name in more_listeners}
        self._java: JavaProcess | None = None

    @property
    def client_address(self) -> str:
        """The address of the ``CLIENT`` listener."""
        return f"127.0.0.1:{self._client.number}"

    @property
    def advertised_address(self) -> str:
        """The address that clients are told to connect to."""
        return f"127.0.0.1:{self._client_port or self._client.number}"

    @property
    def internal_address(self) -> str:
        """The address of the internal listener, which is plaintext whatever ``CLIENT`` requires."""
        return f"127.0.0.1:{self._internal.number}"

    def listener_address(self, name: str) -> str:
        """The address of one of the further listeners."""
        return f"127.0.0.1:{self._more[name].number}"

    @property
    def voter(self) -> str:
        """This node's entry in ``controller.quorum.voters``."""
        return f"{self.number}@127.0.0.1:{self._controller.number}"

    def write_settings(self, properties: Mapping[str, str]) -> None:
        """Write ``server.properties``: this node's own settings, then the given ones."""
        more = "".join(f",{name}://{self.listener_address(name)}" for name in self._more)
        listeners = (
            f"CLIENT://{self.client_address},INTERNAL://{self.internal_address},"
            f"CONTROLLER://127.0.0.1:{self._controller.number}{more}"
        )
        own = {
            "process.roles": "broker,controller",
            "node.id": str(self.number),
            "listeners": listeners,
            "advertised.listeners": (
                f"CLIENT://{self.advertised_address},INTERNAL://{self.internal_address}{more}"
            ),
            "listener.security.protocol.map": ",".join(
                f"{name}:PLAINTEXT" for name in ("CLIENT", "INTERNAL", "CONTROLLER", *self._more)
            ),
            "inter.broker.listener.name": "INTERNAL",
            "controller.listener.names": "CONTROLLER",
            "log.dirs": str(self._folder / "data"),
        }
        self._folder.mkdir(parents=True, exist_ok=True)
        (self._folder / "log4j2.properties").write_text(_LOG4J)
        lines = [f"{name}={value}\n" for name, value in {**own, **properties}.items()]
        (self._folder / "server.properties").write_text("".join(lines))

    def format(self, cluster_id: str) -> None:
        """Prepare an empty data folder as Kafka requires; a prepared one is not changed.

        Raises:
            Unreachable: Kafka refuses; the message has the end of its log.
        """
        arguments = ("format", "-t", cluster_id, "-c", str(self._folder / "server.properties"))
        main_class = "kafka.tools.StorageTool"
        tool = self._run(main_class, *arguments, "--ignore-formatted", java=_SHORT_LIVED_JAVA)
        if tool.wait(_FORMAT_SECONDS) != 0:
            raise Unreachable(f"{tool.name} could not format its storage: {tool.last_words()}")

    def start(self) -> None:
        """Start the Java process; :meth:`wait_until_ready` waits until it answers."""
        if not self.alive():
            self._java = self._run("kafka.Kafka", str(self._folder / "server.properties"))

    def wait_until_ready(self) -> None:
        """Return once the broker has caught up with the cluster and accepts requests.

        Raises:
            Unreachable: It ended, or took too long.
        """
        if self._java is None:
            raise Unreachable(f"Kafka broker {self.number} was never started.")
        self._java.wait_until(self._listens, _READY_SECONDS)

    def alive(self) -> bool:
        """Whether its process is running."""
        return self._java is not None and self._java.alive()

    def stop(self) -> None:
        """Shut it down cleanly: it hands over its leaderships and closes its files. Idempotent."""
        if self._java is not None:
            self._java.stop()

    def kill(self) -> None:
        """Kill it without any clean-up. Idempotent."""
        if self._java is not None:
            self._java.kill()

    def pause(self) -> None:
        """Freeze it, if it runs."""
        if self._java is not None:
            self._java.pause()

    def resume(self) -> None:
        """Resume it after :meth:`pause`."""
        if self._java is not None:
            self._java.resume()

    def release_ports(self) -> None:
        """Release its ports; it can't start again after that."""
        for port in (self._client, self._internal, self._controller, *self._more.values()):
            port.release()

    def _run(
        self, main_class: str, *arguments: str, java: tuple[str, ...] = _SMALL_JAVA
    ) -> JavaProcess:
        class_path = ":".join(str(jar) for jar in kafka_jars())
        logging = f"-Dlog4j2.configurationFile={self._folder / 'log4j2.properties'}"
        command = (*java, *_UNWARNED, logging, "-cp", class_path, main_class, *arguments)
        return JavaProcess(f"Kafka broker {self.number}", command, self.log)

    def _listens(self) -> bool:
        # Kafka binds its listeners last, after replaying the cluster's metadata.
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self._client.number)) == 0
