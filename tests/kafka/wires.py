"""Networks that lose answers and delay requests: the fake Kafka's, and a proxy before a real."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Literal, Protocol

from stream_scorer.errors import ProducerLost
from stream_scorer.kafka.producer import TransactionalProducer
from stream_scorer.local.frames import ApiKey
from stream_scorer.local.proxy import Proxy
from tests.fakes import FakeKafka, FakeProducer
from tests.kafka.clusters import FakeCluster, RealCluster
from tests.kafka.under_test import Cluster, ProducerUnderTest

#: A request is given up after half of it, and sent again.
TRANSACTION_SECONDS = 4.0

Request = Literal["send_offsets", "commit"]
_API = {"send_offsets": ApiKey.TXN_OFFSET_COMMIT, "commit": ApiKey.END_TXN}


class Late(Protocol):
    """A request that is held back; its copy, sent again, gets through."""

    def release(self) -> None:
        """Let it arrive."""


class CarelessFake(FakeProducer):
    """Asks for a new client only where it has none."""

    @property
    def needs_rebuild(self) -> bool:
        """Tell whether there is no client."""
        return self._epoch == 0


class Careless(TransactionalProducer):
    """Asks for a new client only where it has none."""

    @property
    def needs_rebuild(self) -> bool:
        """Tell whether there is no client."""
        return self._client is None


class Wire(Protocol):
    """What a test does to the network of producers that :meth:`producer` made."""

    @property
    def cluster(self) -> Cluster:
        """The Kafka at its other end."""

    def producer(self, name: str) -> ProducerUnderTest:
        """Return a producer that has no client yet."""

    def careless(self, name: str) -> ProducerUnderTest:
        """Return one that goes on though a request of its own may arrive late."""

    def breaks(self, name: str) -> None:
        """Break the producer's connections, and let it make new ones."""

    def held(self, name: str, request: Request) -> AbstractContextManager[Late]:
        """Hold the next such request of the producer back."""

    def unanswered(self, name: str) -> AbstractContextManager[object]:
        """Let the producer's commits through, and not the answers."""


@dataclass(frozen=True)
class FakeLate:
    """What the fake Kafka has under way."""

    kafka: FakeKafka

    def release(self) -> None:
        """Let it arrive."""
        assert self.kafka.under_way
        self.kafka.deliver()


class FakeWire:
    """The network of the fake Kafka."""

    def __init__(self) -> None:
        self.cluster = FakeCluster()

    def producer(self, name: str) -> ProducerUnderTest:
        """Return a producer that has no client yet."""
        return self.cluster.producer(name, TRANSACTION_SECONDS)

    def careless(self, name: str) -> ProducerUnderTest:
        """Return one that goes on though a request of its own may arrive late."""
        return CarelessFake(self.cluster.kafka, name, TRANSACTION_SECONDS)

    def breaks(self, name: str) -> None:
        """Break the producer's connections, and let it make new ones."""
        self.cluster.kafka.breaks[name] += 1

    def held(self, _: str, request: Request) -> AbstractContextManager[FakeLate]:
        """Hold the next such request of the producer back."""
        kafka = self.cluster.kafka
        kafka.fail(request, None, happened=True, late=True, seconds=TRANSACTION_SECONDS / 2)
        return nullcontext(FakeLate(kafka))

    def unanswered(self, _: str) -> AbstractContextManager[object]:
        """Let the producer's commits through, and not the answers."""
        self.cluster.kafka.fail("commit", ProducerLost("no answer in time"), happened=True)
        return nullcontext()


class RealWire:
    """A proxy between the producers and a real Kafka."""

    def __init__(
        self, proxy: Proxy, bootstrap_servers: str, create_topic: Callable[..., str]
    ) -> None:
        self.cluster = RealCluster(bootstrap_servers, create_topic, {})
        self._proxy = proxy

    def producer(self, name: str) -> ProducerUnderTest:
        """Return a producer that has no client yet."""
        return self.cluster.producer(name, TRANSACTION_SECONDS, **{"client.id": name})

    def careless(self, name: str) -> ProducerUnderTest:
        """Return one that goes on though a request of its own may arrive late."""
        properties = self.cluster.producer(name, TRANSACTION_SECONDS, **{"client.id": name})
        return Careless(properties._properties, TRANSACTION_SECONDS)

    def breaks(self, name: str) -> None:
        """Break the producer's connections, and let it make new ones."""
        with self._proxy.cut(name, refuse=True):
            """What is open is closed at once."""

    def held(self, name: str, request: Request) -> AbstractContextManager[Late]:
        """Hold the next such request of the producer back."""
        return self._proxy.hold(name, _API[request])

    def unanswered(self, name: str) -> AbstractContextManager[object]:
        """Let the producer's commits through, and not the answers."""
        return self._proxy.drop_answer(name, ApiKey.END_TXN, times=1000)
