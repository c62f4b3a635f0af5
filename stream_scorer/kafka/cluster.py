"""What the brokers say before traffic: topics, partitions, settings, and rights.

Rights come from ``include_authorized_operations`` (KIP-430), which needs no right of its own, and
from one real ``init_transactions``; DescribeAcls would need rights that a worker should not have.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from confluent_kafka import (
    Consumer,
    KafkaError,
    KafkaException,
    Producer,
    TopicCollection,
)
from confluent_kafka import TopicPartition as ClientPartition
from confluent_kafka.admin import (
    AclOperation,
    AdminClient,
    ConfigEntry,
    ConfigResource,
    ConsumerGroupDescription,
    ResourceType,
    TopicDescription,
)

from stream_scorer.errors import Unanswered, Unreachable
from stream_scorer.kafka.client_config import Property, onlooker_sizes
from stream_scorer.kafka.identity import LogId, topic_id
from stream_scorer.kafka.refused_logins import properties_from, refused_login
from stream_scorer.kafka.translation import RIGHTS, describe, error_of
from stream_scorer.records import TopicPartition

REQUEST_SECONDS = 10.0
#: After so long a question is asked by a new client. A client goes on waiting for the controller
#: that it knows, even if that broker is gone and the cluster has another by now.
QUESTION_SECONDS = 10.0
#: An attempt to reach any broker goes on in the background; it is looked at this often.
ATTEMPT_SECONDS = 2.0
PAUSE_SECONDS = 0.2
#: How long brokers may be away at start before the process gives up.
PATIENCE_SECONDS = 60.0
#: What goes wrong is raised or warned of, so librdkafka need not print it as well.
QUIET: Mapping[str, Property] = {"log_level": 0}
#: librdkafka has a word for every failure of a connection but this.
ENDS_IN_SILENCE = (
    "connections are taken and end without an answer, as with a listener that wants another "
    "security.protocol, or with a broker that hangs"
)
_Answer = TypeVar("_Answer")
_IN_STATE = re.compile(r" \(after \d+ms in state [^)]*\)")


@dataclass(frozen=True, slots=True)
class TopicFacts:
    """A topic as the brokers describe it; ``None`` where they won't say."""

    name: str
    partitions: int
    replication: int
    operations: frozenset[str] | None
    max_message_bytes: int | None
    min_insync_replicas: int | None
    unclean_leader_election: bool | None
    before_max_ms: int | None = None
    after_max_ms: int | None = None
    is_compacted: bool = False
    #: Timestamps are those of the writing (``message.timestamp.type`` LogAppendTime).
    is_append_time: bool = False
    compression: str | None = None


class _Heard:
    """The client's messages about its connections.

    Not the cluster's own method: a client that held its owner would outlive it.
    """

    def __init__(self) -> None:
        self.last: KafkaError | None = None
        self.all_down = False

    def note(self, error: KafkaError) -> None:
        # That all brokers are down follows from what was said of each of them, if anything was.
        down = KafkaError._ALL_BROKERS_DOWN  # noqa: SLF001 - librdkafka's local codes start so
        if error.code() == down:
            self.all_down = True
        else:
            self.last = error


class Cluster:
    """Asks the brokers; every call is bounded by ``request_seconds``.

    ``warn`` hears why the brokers don't answer, while there is still patience. ``address`` and
    ``credentials`` are what sentences call the places where the user gave them.

    Raises:
        ConfigError: a property has a value that the client refuses, a file that is not there.
    """

    def __init__(
        self,
        properties: Mapping[str, Property],
        *,
        warn: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
        request_seconds: float = REQUEST_SECONDS,
        address: str = "kafka.bootstrap_servers",
        credentials: str = "kafka.common",
    ) -> None:
        self._properties = dict(properties)
        self._address = address
        self._credentials = credentials
        self._servers = str(properties["bootstrap.servers"])
        self._heard = _Heard()
        self._admin = self._new_admin()
        self._warn = warn
        self._clock = clock
        self._request_seconds = request_seconds

    def _new_admin(self) -> AdminClient:
        with properties_from(self._credentials):
            return AdminClient({**QUIET, **self._properties, "error_cb": self._heard.note})

    def close(self) -> None:
        """Let the client go, for good.

        Whoever asks often must call this. A question that failed leaves a cycle in the admin
        client's futures, and this with its client in that; a worker looks for cycles seldom.
        """
        del self._admin

    def topic_names(self, patience_seconds: float = PATIENCE_SECONDS) -> frozenset[str]:
        """Return all topics that these credentials may see.

        Raises:
            Unreachable: no broker answers within ``patience_seconds``.
        """
        deadline, said = self._clock() + patience_seconds, ""
        while True:
            try:
                metadata = self._admin.list_topics(timeout=min(ATTEMPT_SECONDS, patience_seconds))
            except KafkaException as exception:
                why = self._why_not(error_of(exception))
                if self._clock() >= deadline:
                    raise Unreachable(
                        f"{self._address}: no broker of {self._servers} answers within "
                        f"{patience_seconds:g} s ({why}). Is the address right, and are "
                        f"security.protocol, sasl.* and ssl.* in {self._credentials} what the "
                        "brokers want?"
                    ) from exception
                if why != said:
                    self._warn(f"No broker of {self._servers} answers yet ({why}); asking again")
                said = why
            else:
                return frozenset(metadata.topics)

    def _why_not(self, error: KafkaError) -> str:
        """Wait a little for what the connections have to say; return that, or else the error."""
        self._admin.poll(PAUSE_SECONDS)
        if self._heard.last is None and self._heard.all_down:
            return ENDS_IN_SILENCE
        error = self._heard.last or error
        why = _IN_STATE.sub("", describe(error))
        refused = refused_login(error, why, self._credentials, self._properties)
        if refused is not None:
            raise Unreachable(refused)
        return why

    def may_describe(self, topic: str) -> bool:
        """Tell whether these credentials may ask for a topic, whether or not there is one."""
        try:
            self._ask(partial(_described, topic))
        except KafkaException as exception:
            return error_of(exception).code() not in RIGHTS
        return True

    def topic(self, name: str) -> TopicFacts | None:
        """Return what the brokers say of a topic, ``None`` if there is none.

        Raises:
            Unreachable: they don't answer, or refuse to say anything.
        """
        try:
            described = self._ask(partial(_described, name))
            settings = self._settings(name)
        except KafkaException as exception:
            if error_of(exception).code() in _ABSENT:
                return None
            raise Unreachable(f"Topic {name}: {describe(error_of(exception))}.") from exception
        return TopicFacts(
            name=name,
            partitions=len(described.partitions),
            replication=min((len(p.replicas) for p in described.partitions), default=0),
            operations=_operations(described.authorized_operations),
            max_message_bytes=_number(settings.get("max.message.bytes")),
            min_insync_replicas=_number(settings.get("min.insync.replicas")),
            unclean_leader_election=_truth(settings.get("unclean.leader.election.enable")),
            before_max_ms=_timestamp_limit(settings, "before"),
            after_max_ms=_timestamp_limit(settings, "after"),
            is_compacted="compact" in (settings.get("cleanup.policy") or ""),
            is_append_time=settings.get("message.timestamp.type") == "LogAppendTime",
            compression=settings.get("compression.type"),
        )

    def logs(self, topics: Collection[str]) -> dict[str, LogId]:
        """Return which logs these topics are now; one that the brokers don't tell is left out.

        Brokers before 2.8 have no ids, and a right may be missing.

        Raises:
            Unanswered: the brokers don't answer, or a topic is not there.
        """
        described = self._admin.describe_topics(
            TopicCollection(list(topics)), request_timeout=self._request_seconds
        )
        try:
            cluster = self._admin.describe_cluster(request_timeout=self._request_seconds).result()
            found = {name: _topic_id(future) for name, future in described.items()}
        except KafkaException as exception:
            if error_of(exception).code() not in _SILENCE | _ABSENT:
                return {}
            raise Unanswered(
                f"The brokers don't say which topics there are: {describe(error_of(exception))}."
            ) from exception
        return {
            name: LogId(cluster.cluster_id, topic)
            for name, topic in found.items()
            if topic is not None and cluster.cluster_id
        }

    def group_operations(self, group_id: str) -> frozenset[str] | None:
        """Return what these credentials may do with the group; ``None``: the brokers won't say."""
        try:
            # Asking what is committed waits for a coordinator; without one, librdkafka's
            # coordinator-bound admin requests can abort the process (librdkafka #4605).
            self._committed(group_id, ())
            described = self._ask(partial(_described_group, group_id))
            return _operations(described.authorized_operations)
        except KafkaException as exception:
            if error_of(exception).code() in RIGHTS:
                return frozenset()
            # A group that nobody has joined yet can't be described by newer brokers (KIP-1043).
            return None

    def committed(
        self, group_id: str, partitions: Iterable[TopicPartition]
    ) -> dict[TopicPartition, int]:
        """Return the group's committed offsets, of those partitions that have one.

        Raises:
            Unreachable: the group has no coordinator, or may not be asked.
        """
        try:
            found = self._committed(group_id, partitions)
        except KafkaException as exception:
            raise Unreachable(
                f"kafka.group_id {group_id}: the brokers don't say what is committed "
                f"({describe(error_of(exception))})."
            ) from exception
        return {TopicPartition(p.topic, p.partition): p.offset for p in found if p.offset >= 0}

    def _committed(
        self, group_id: str, partitions: Iterable[TopicPartition]
    ) -> list[ClientPartition]:
        # A consumer that never subscribes is not a member.
        sizes = onlooker_sizes(self._properties)
        client = Consumer({**QUIET, **sizes, **self._properties, "group.id": group_id})
        wanted = [ClientPartition(p.topic, p.partition) for p in partitions]
        wanted = wanted or [ClientPartition("-", 0)]
        deadline = self._clock() + self._request_seconds
        try:
            while True:
                try:
                    return list(client.committed(wanted, timeout=ATTEMPT_SECONDS))
                except KafkaException:
                    # Why there is no coordinator is told to `poll` alone.
                    message = client.poll(0)
                    error = message.error() if message is not None else None
                    if error is not None and error.code() in RIGHTS:
                        raise KafkaException(error) from None
                    if self._clock() >= deadline:
                        raise
        finally:
            client.close()

    def try_transactions(self, properties: Mapping[str, Property]) -> None:
        """Initialise a transactional producer once, for real.

        Raises:
            ConfigError: the client refuses the properties.
            Unreachable: the brokers refuse the transactional id, or have no coordinator for it.
        """
        with properties_from("kafka.producer"):
            producer = Producer({**QUIET, **properties})
        try:
            producer.init_transactions(self._request_seconds)
        except KafkaException as exception:
            setting = f"kafka.transactional_id {properties['transactional.id']}"
            error = error_of(exception)
            if error.code() in RIGHTS:
                raise Unreachable(
                    f"{setting}: these credentials may not use it ({describe(error)}); grant WRITE "
                    "on transactional ids of that name, or that begin with its part that is fixed."
                ) from exception
            raise Unreachable(
                f"{setting}: the brokers don't let a transaction begin ({describe(error)}); their "
                "topic __transaction_state must be available."
            ) from exception

    def _settings(self, topic: str) -> dict[str, str | None]:
        try:
            answer = self._ask(partial(_settings_of, topic))
        except KafkaException as exception:
            if error_of(exception).code() in _SILENCE:
                raise
            # DESCRIBE_CONFIGS is a right that a worker can do without.
            return {}
        return {name: entry.value for name, entry in answer.items()}

    def _ask(self, question: Callable[[AdminClient, float], Future[_Answer]]) -> _Answer:
        """Ask until there is an answer, or ``request_seconds`` are over."""
        deadline = self._clock() + self._request_seconds
        while True:
            left = deadline - self._clock()
            try:
                # No frame that the failure goes through holds the client.
                return question(self._admin, min(left, QUESTION_SECONDS)).result()
            except KafkaException as exception:
                if left <= QUESTION_SECONDS or error_of(exception).code() not in _SILENCE:
                    raise
            # Not while an exception is handled: the client would keep it, and be kept by it.
            self._admin = self._new_admin()


def _described(topic: str, admin: AdminClient, within_seconds: float) -> Future[TopicDescription]:
    futures: dict[str, Future[TopicDescription]] = admin.describe_topics(
        TopicCollection([topic]), include_authorized_operations=True, request_timeout=within_seconds
    )
    return futures[topic]


def _settings_of(
    topic: str, admin: AdminClient, within_seconds: float
) -> Future[dict[str, ConfigEntry]]:
    resource = ConfigResource(ResourceType.TOPIC, topic)
    futures: dict[ConfigResource, Future[dict[str, ConfigEntry]]] = admin.describe_configs(
        [resource], request_timeout=within_seconds
    )
    return futures[resource]


def _described_group(
    group_id: str, admin: AdminClient, within_seconds: float
) -> Future[ConsumerGroupDescription]:
    futures: dict[str, Future[ConsumerGroupDescription]] = admin.describe_consumer_groups(
        [group_id], include_authorized_operations=True, request_timeout=within_seconds
    )
    return futures[group_id]


def brokers_answer(properties: Mapping[str, Property], within_seconds: float) -> bool:
    """Tell whether any broker answers, asked by a client that is made for this question."""
    try:
        AdminClient({**QUIET, **properties}).list_topics(timeout=within_seconds)
    except KafkaException:
        return False
    return True


#: Nobody answered; whatever else is said is an answer.
_SILENCE = frozenset(
    {
        KafkaError._TIMED_OUT,  # noqa: SLF001 - librdkafka's local codes start so
        KafkaError._TRANSPORT,  # noqa: SLF001
        KafkaError._ALL_BROKERS_DOWN,  # noqa: SLF001
        KafkaError._RESOLVE,  # noqa: SLF001
        KafkaError.REQUEST_TIMED_OUT,
    }
)
_ABSENT = frozenset({3, 17})  # UNKNOWN_TOPIC_OR_PARTITION, INVALID_TOPIC_EXCEPTION


def _topic_id(future: Future[TopicDescription]) -> str | None:
    """Return a topic's id; ``None``: it has none, or these credentials may not describe it."""
    try:
        return topic_id(str(future.result().topic_id))
    except KafkaException as exception:
        if error_of(exception).code() in RIGHTS:
            return None
        raise


def _operations(granted: Sequence[AclOperation] | None) -> frozenset[str] | None:
    return None if granted is None else frozenset(operation.name for operation in granted)


def _number(text: str | None) -> int | None:
    return None if text is None else int(text)


def _truth(text: str | None) -> bool | None:
    return None if text is None else text == "true"


#: Kafka's "no limit".
_UNLIMITED = 2**63 - 1


def _timestamp_limit(settings: Mapping[str, str | None], side: str) -> int | None:
    """Return how far ``before`` or ``after`` the brokers' time a record may be; ``None``: any time.

    Brokers before 3.6 have one setting for both sides; later ones heed it unless the newer is set.
    """
    if settings.get("message.timestamp.type") == "LogAppendTime":
        return None
    names = (f"message.timestamp.{side}.max.ms", "message.timestamp.difference.max.ms")
    limits = (_number(settings.get(name)) for name in names)
    return next((each for each in limits if each is not None and each < _UNLIMITED), None)
