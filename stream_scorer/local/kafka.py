"""A real Apache Kafka 4.4 on this machine: one broker or three, each a Java process."""

from __future__ import annotations

import shutil
import tempfile
import time
import uuid
from base64 import urlsafe_b64encode
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Self

from stream_scorer.errors import ConfigError, Unreachable
from stream_scorer.local.broker import Broker
from stream_scorer.local.topics import Topics

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_READY_SECONDS = 60.0

# Kafka's own timeouts are made for data centres: a dead member is detected after 45 s, a timed-out
# transaction is aborted up to 10 s later. A test or a demo needs both within a few seconds.
SHORT_TIMEOUTS = {
    "group.consumer.heartbeat.interval.ms": "500",
    "group.consumer.min.heartbeat.interval.ms": "100",
    "group.consumer.session.timeout.ms": "3000",
    "group.consumer.min.session.timeout.ms": "1000",
    "group.min.session.timeout.ms": "1000",
    "group.initial.rebalance.delay.ms": "0",
    "transaction.abort.timed.out.transaction.cleanup.interval.ms": "500",
    # The default is fifty folders each, which the first commit and the first transaction wait for.
    "offsets.topic.num.partitions": "4",
    "transaction.state.log.num.partitions": "4",
}


class EmbeddedKafka:
    """A cluster that exists for the duration of a ``with`` block.

    All ports are on the loopback interface and stay the same when a broker is restarted. Topics
    must be created; the brokers don't create them automatically. With three brokers everything is
    replicated three times and a write needs two replicas (``min.insync.replicas``), so killing one
    broker loses nothing and stops no client.

    Args:
        brokers: 1 or 3; they are numbered from 1.
        folder: Keeps data and logs, for the next cluster with as many brokers in this folder. By
            default a temporary one, removed by :meth:`stop`.
        kafka_defaults: Keeps Kafka's group, heartbeat and abort timeouts and sizes of the internal
            topics, instead of :data:`SHORT_TIMEOUTS`.
        properties: Broker settings that override all others. Clients connect to the listener
            ``CLIENT``; secure it with ``listener.security.protocol.map``.
        client_ports: The port of 127.0.0.1 that clients are told to connect to instead, for each
            broker: a proxy's, which forwards to :meth:`client_address`.
        more_listeners: Names of further listeners, to be secured differently from ``CLIENT``.

    Raises:
        ConfigError: The number of brokers is neither 1 nor 3.
    """

    def __init__(
        self,
        brokers: int = 1,
        folder: Path | None = None,
        *,
        kafka_defaults: bool = False,
        properties: Mapping[str, str] | None = None,
        client_ports: Mapping[int, int] | None = None,
        more_listeners: Sequence[str] = (),
    ) -> None:
        if brokers not in {1, 3}:
            raise ConfigError(f"An embedded Kafka has 1 or 3 brokers, not {brokers}.")
        self._count = brokers
        self._given_folder = folder
        self._properties = {**({} if kafka_defaults else SHORT_TIMEOUTS), **(properties or {})}
        self._client_ports = client_ports or {}
        self._more_listeners = tuple(more_listeners)
        self._brokers: dict[int, Broker] = {}

    def __enter__(self) -> Self:
        """Start the cluster; return when every broker accepts requests.

        Raises:
            ConfigError: Java or the jars are not available.
            Unreachable: Kafka refuses a setting or does not become ready; the message has the end
                of a broker's log.
        """
        self._folder = (self._given_folder or Path(tempfile.mkdtemp(prefix="kafka-"))).absolute()
        for number in range(1, self._count + 1):
            folder = self._folder / f"broker-{number}"
            self._brokers[number] = Broker(
                number, folder, self._client_ports.get(number), self._more_listeners
            )
        try:
            self._start()
        except BaseException:
            self._each(Broker.kill)
            self._each(Broker.release_ports)  # keeps the folder: the error names a log in it
            raise
        return self

    def __exit__(self, *_exception: object) -> None:
        self.stop()

    @property
    def bootstrap_servers(self) -> str:
        """The bootstrap servers for clients: all brokers, running or not, comma-separated."""
        return ",".join(broker.advertised_address for broker in self._brokers.values())

    @property
    def internal_servers(self) -> str:
        """The brokers' internal listeners, plaintext and bypassing any proxy, comma-separated."""
        return ",".join(broker.internal_address for broker in self._brokers.values())

    def listener_servers(self, name: str) -> str:
        """Return the bootstrap servers for one of the further listeners."""
        return ",".join(broker.listener_address(name) for broker in self._brokers.values())

    def client_address(self, broker: int = 1) -> str:
        """Return a broker's own client address, to which a proxy in front of it forwards."""
        return self._brokers[broker].client_address

    def create_topic(
        self, name: str, partitions: int = 1, config: Mapping[str, str] | None = None
    ) -> None:
        """Create a topic on every broker, and return once each partition has a leader.

        Raises:
            KafkaException: The cluster refuses, because the name is taken or a setting is unknown.
        """
        self._topics().create(name, partitions, len(self._brokers), config)

    def logs(self, broker: int = 1) -> Path:
        """Return the log file of a broker, which covers all its restarts."""
        return self._brokers[broker].log

    def kill(self, broker: int = 1) -> None:
        """Kill a broker with SIGKILL, as a crash does."""
        self._brokers[broker].kill()

    def pause(self, broker: int = 1) -> None:
        """Freeze a broker (SIGSTOP): it accepts connections and never answers."""
        self._brokers[broker].pause()

    def resume(self, broker: int = 1) -> None:
        """Resume a broker after :meth:`pause`."""
        self._brokers[broker].resume()

    def start(self, broker: int = 1) -> None:
        """Start a broker that was stopped or killed; return when it accepts requests.

        Raises:
            Unreachable: It ended, or took too long; the message has the end of its log.
        """
        self._brokers[broker].start()
        self._brokers[broker].wait_until_ready()
        self._wait_for({broker})

    def shut_down(self, broker: int = 1) -> None:
        """Shut a broker down cleanly: it hands over its leaderships."""
        self._brokers[broker].stop()

    def restart(self, broker: int = 1) -> None:
        """Shut a broker down cleanly and start it again."""
        self.shut_down(broker)
        self.start(broker)

    def stop(self) -> None:
        """Stop all brokers, and remove the folder if it is temporary. Idempotent."""
        self._each(Broker.stop)
        self._each(Broker.release_ports)
        if self._given_folder is None:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _start(self) -> None:
        for broker in self._brokers.values():
            broker.write_settings({**self._cluster_properties(), **self._properties})
        cluster_id = self._cluster_id()
        self._each(lambda broker: broker.format(cluster_id))
        self._each(Broker.start)
        self._each(Broker.wait_until_ready)
        self._wait_for(set(self._brokers))

    def _cluster_properties(self) -> dict[str, str]:
        replicas = str(len(self._brokers))
        in_sync = str(max(1, len(self._brokers) - 1))
        return {
            "controller.quorum.voters": ",".join(one.voter for one in self._brokers.values()),
            "auto.create.topics.enable": "false",
            "default.replication.factor": replicas,
            "offsets.topic.replication.factor": replicas,
            "transaction.state.log.replication.factor": replicas,
            "min.insync.replicas": in_sync,
            "transaction.state.log.min.isr": in_sync,
            # Retention is based on the records' timestamps, and replayed events have old ones.
            "log.retention.ms": "-1",
        }

    def _cluster_id(self) -> str:
        known = self._folder / "cluster-id"
        if not known.exists():
            known.write_text(cluster_id_of(uuid.uuid4()))
        return known.read_text()

    def _topics(self) -> Topics:
        running = [one.internal_address for one in self._brokers.values() if one.alive()]
        return Topics(",".join(running))

    def _wait_for(self, numbers: set[int]) -> None:
        topics = self._topics()
        deadline = time.monotonic() + _READY_SECONDS
        while not numbers <= topics.brokers():
            if time.monotonic() > deadline:
                raise Unreachable(f"The Kafka in {self._folder} forms no cluster; see its logs.")
            time.sleep(0.02)

    def _each(self, do: Callable[[Broker], None]) -> None:
        # In parallel: a quorum forms only together, and the last to stop would wait for the others.
        with ThreadPoolExecutor(len(self._brokers)) as pool:
            list(pool.map(do, self._brokers.values()))


def cluster_id_of(unique: uuid.UUID) -> str:
    """Return a cluster id in Kafka's form: 22 characters of URL-safe base64, none of them a hyphen.

    Kafka's storage tool mistakes a leading hyphen for an option and refuses the id.
    """
    return urlsafe_b64encode(unique.bytes).decode().rstrip("=").replace("-", "_")
