"""A real Apache Kafka 4.4 on this machine: one broker or three, each a Java process of ours."""

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

# Kafka's own are made for data centres: a dead member is noticed after 45 s, a transaction that
# timed out is aborted up to 10 s later. A test or a demo wants to see both within a few seconds.
SHORT_TIMEOUTS = {
    "group.consumer.heartbeat.interval.ms": "500",
    "group.consumer.min.heartbeat.interval.ms": "100",
    "group.consumer.session.timeout.ms": "3000",
    "group.consumer.min.session.timeout.ms": "1000",
    "group.min.session.timeout.ms": "1000",
    "group.initial.rebalance.delay.ms": "0",
    "transaction.abort.timed.out.transaction.cleanup.interval.ms": "500",
    # Fifty folders each by default, which the first commit and the first transaction wait for.
    "offsets.topic.num.partitions": "4",
    "transaction.state.log.num.partitions": "4",
}


class EmbeddedKafka:
    """A cluster that lives as long as the ``with`` block.

    All ports are on the loopback interface, and stay the same when a broker is restarted. Topics
    must be created: the brokers don't do it on demand. With three brokers everything is replicated
    three times and a write needs two of them (``min.insync.replicas``), so killing one loses
    nothing and stops nobody.

    Args:
        brokers: 1 or 3; they are numbered from 1.
        folder: Keeps data and logs, to be found again by the next cluster with as many brokers
            in this folder. By default a temporary one, removed by :meth:`stop`.
        kafka_defaults: Leaves group, heartbeat and abort timeouts, and the sizes of the internal
            topics, as Kafka has them, instead of :data:`SHORT_TIMEOUTS`.
        properties: Broker settings that win over all others. Clients come in by the listener
            ``CLIENT``: ``listener.security.protocol.map`` secures it.
        client_ports: The port of 127.0.0.1 that clients are told to connect to instead, for each
            broker: a proxy's, which passes on to :meth:`client_address`.
        more_listeners: Names of further listeners, to be secured otherwise than ``CLIENT``.

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
        """Starts the cluster; returns when every broker takes requests.

        Raises:
            ConfigError: Java or the jars can't be had.
            Unreachable: Kafka refuses a setting or does not get ready; the text holds the end of
                a broker's log.
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
            self._each(Broker.release_ports)  # the folder stays: the error names a log in it
            raise
        return self

    def __exit__(self, *_exception: object) -> None:
        self.stop()

    @property
    def bootstrap_servers(self) -> str:
        """What clients connect to, every broker's, running or not, with commas between."""
        return ",".join(broker.advertised_address for broker in self._brokers.values())

    @property
    def internal_servers(self) -> str:
        """The brokers' own listeners, plaintext and past any proxy, with commas between."""
        return ",".join(broker.internal_address for broker in self._brokers.values())

    def listener_servers(self, name: str) -> str:
        """What clients of one of the further listeners connect to."""
        return ",".join(broker.listener_address(name) for broker in self._brokers.values())

    def client_address(self, broker: int = 1) -> str:
        """Where a broker listens for clients: what a proxy in front of it passes on to."""
        return self._brokers[broker].client_address

    def create_topic(
        self, name: str, partitions: int = 1, config: Mapping[str, str] | None = None
    ) -> None:
        """Creates a topic, on every broker, and returns once each partition has a leader.

        Raises:
            KafkaException: The cluster refuses: the name is taken, a setting is unknown.
        """
        self._topics().create(name, partitions, len(self._brokers), config)

    def logs(self, broker: int = 1) -> Path:
        """The file that holds what a broker says, over all its restarts."""
        return self._brokers[broker].log

    def kill(self, broker: int = 1) -> None:
        """Ends a broker by SIGKILL, as a crash does."""
        self._brokers[broker].kill()

    def pause(self, broker: int = 1) -> None:
        """Freezes a broker (SIGSTOP): it takes connections and never answers."""
        self._brokers[broker].pause()

    def resume(self, broker: int = 1) -> None:
        """Lets a broker go on after :meth:`pause`."""
        self._brokers[broker].resume()

    def start(self, broker: int = 1) -> None:
        """Starts a broker that was stopped or killed; returns when it takes requests.

        Raises:
            Unreachable: It ended, or that takes too long; the text holds the end of its log.
        """
        self._brokers[broker].start()
        self._brokers[broker].wait_until_ready()
        self._wait_for({broker})

    def shut_down(self, broker: int = 1) -> None:
        """Stops a broker in order: it hands over what it leads."""
        self._brokers[broker].stop()

    def restart(self, broker: int = 1) -> None:
        """Stops a broker in order and starts it again."""
        self.shut_down(broker)
        self.start(broker)

    def stop(self) -> None:
        """Stops all brokers, and removes the folder if it was temporary. Idempotent."""
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
            # Retention goes by the records' timestamps, and replayed events bring old ones.
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
                raise Unreachable(f"The Kafka in {self._folder} does not find together: see there.")
            time.sleep(0.02)

    def _each(self, do: Callable[[Broker], None]) -> None:
        # At once: a quorum comes up only together, and the last to stop would wait for the others.
        with ThreadPoolExecutor(len(self._brokers)) as pool:
            list(pool.map(do, self._brokers.values()))


def cluster_id_of(unique: uuid.UUID) -> str:
    """A cluster id in Kafka's form, 22 characters of URL-safe base64, none of them a hyphen.

    Kafka's storage tool takes an id with a leading hyphen for an option and refuses it.
    """
    return urlsafe_b64encode(unique.bytes).decode().rstrip("=").replace("-", "_")
