"""Faults of the brokers: crashes, restarts, outages, moved leaders, added partitions."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from confluent_kafka import KafkaException
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewPartitions,
    ResourceType,
)

from stream_scorer.errors import Broken
from stream_scorer.local.kafka import SHORT_TIMEOUTS
from stream_scorer.local.moves import Moves
from stream_scorer.verify.cluster import alter_config
from stream_scorer.verify.scene import Course, Fault, Scene, attempt, in_hand, meanwhile
from stream_scorer.verify.timeouts import Patience

DOWN_SECONDS = 5.0
#: A minute, but at most this share of a round.
ALL_AWAY_SECONDS, ALL_AWAY_SHARE = 60.0, 0.1
#: Longer than a worker waits twice for a coordinator, shorter than Kafka's default session.
CUT_OFF_SECONDS = 25.0
CUT_OFF = f"all brokers cut off for {CUT_OFF_SECONDS:.0f} s"
BRIEFLY_SECONDS = 2.0
#: How long one broker stays down while writes are refused.
TOO_FEW_SECONDS = 10.0
SETTLE_SECONDS = 3.0
#: Shorter than ``broker.session.timeout.ms``, so that brokers don't declare each other dead.
FROZEN_MARGIN_SECONDS = 1.0
#: The input never grows beyond this multiple of its initial size.
GROWN = 2


def cluster_faults() -> tuple[Fault, ...]:
    """Return all broker faults."""
    return (
        Fault("broker killed and restarted", _kill, needs="three brokers", alone=True),
        Fault("rolling restart", _roll, needs="three brokers", alone=True),
        Fault(CUT_OFF, _cut_off, needs="proxy", alone=True, halts=True, patience=Patience.LONG),
        Fault("all brokers away", _all_away, needs="proxy", alone=True, halts=True,
              patience=Patience.SHORT),
        Fault("all brokers frozen", _all_frozen, needs="embedded", alone=True, halts=True,
              patience=Patience.SHORT),
        Fault("all brokers killed briefly", _killed_briefly, needs="embedded", alone=True,
              halts=True, patience=Patience.LONG),
        Fault("all brokers killed", _all_killed, needs="embedded", alone=True, halts=True,
              in_rotation=False, patience=Patience.SHORT),
        Fault("too few replicas in sync", _too_few_in_sync, needs="three brokers", alone=True,
              halts=True),
        Fault("leaders move", _move_leaders, needs="three brokers"),
        Fault("group coordinator moves", _move_group, needs="three brokers"),
        Fault("transaction coordinators move", _move_transactions, needs="three brokers"),
        Fault("partitions added", _grow, needs="alter"),
    )  # fmt: skip


def _numbers(scene: Scene) -> range:
    return range(1, scene.ground.brokers + 1)


def _at_once(act: Callable[[int], None], numbers: Sequence[int]) -> None:
    # A quorum forms only if its brokers start together.
    with ThreadPoolExecutor(len(numbers)) as pool:
        list(pool.map(act, numbers))


def _kill(scene: Scene) -> Course:
    """Kill one of three brokers and start it again."""
    kafka, number = scene.kafka, scene.dice.choice(_numbers(scene))
    kafka.kill(number)
    yield DOWN_SECONDS
    yield from meanwhile(scene, lambda: kafka.start(number))
    yield SETTLE_SECONDS
    return True


def _roll(scene: Scene) -> Course:
    """Restart the brokers one after the other, in order, as an upgrade does."""
    kafka = scene.kafka
    for number in _numbers(scene):
        yield from meanwhile(scene, lambda number=number: kafka.restart(number))  # type: ignore[misc]
        yield SETTLE_SECONDS
    return True


def _cut_off(scene: Scene) -> Course:
    """Cut all workers off from all brokers while one has an open set; the group survives it."""
    if not (yield from in_hand(scene)):
        return False
    with scene.proxy.cut("worker-*", refuse=True):
        yield CUT_OFF_SECONDS
    yield SETTLE_SECONDS
    return True


def _all_away(scene: Scene) -> Course:
    """Cut all workers off from all brokers; the fleet waits and does not exit."""
    with scene.proxy.cut("worker-*", refuse=True):
        yield min(ALL_AWAY_SECONDS, ALL_AWAY_SHARE * scene.round_seconds)
    yield SETTLE_SECONDS
    return True


def _killed_briefly(scene: Scene) -> Course:
    """Kill all brokers while a worker has an open set; restart them before transactions time out.

    After the timeout, Kafka itself can tear a transaction, see :func:`_all_killed`.
    """
    kafka, numbers = scene.kafka, _numbers(scene)
    if not (yield from in_hand(scene)):
        return False
    for number in numbers:
        kafka.kill(number)
    yield BRIEFLY_SECONDS
    started = time.monotonic()
    yield from meanwhile(scene, lambda: _at_once(kafka.start, numbers))
    away = BRIEFLY_SECONDS + time.monotonic() - started
    if away > scene.transaction_seconds:
        raise Broken(
            f"The brokers took {away:.0f} s to come back, longer than transaction.timeout.ms "
            f"({scene.transaction_seconds:.0f} s); this machine is too slow for the fault."
        )
    yield SETTLE_SECONDS
    return True


def _too_few_in_sync(scene: Scene) -> Course:
    """Require three in-sync replicas for the output while only two are up: leaders refuse writes.

    Brokers never require more replicas than a topic has, so one of three must be down.
    """
    kafka, number = scene.kafka, scene.dice.choice(_numbers(scene))
    if not (yield from attempt(scene, lambda: _demand(scene, AlterConfigOpType.SET, "3"))):
        return False
    try:
        yield from meanwhile(scene, lambda: kafka.shut_down(number))
        yield TOO_FEW_SECONDS
        yield from meanwhile(scene, lambda: kafka.start(number))
    finally:
        _demand(scene, AlterConfigOpType.DELETE)
    yield SETTLE_SECONDS
    return True


def _demand(scene: Scene, change: AlterConfigOpType, replicas: str | None = None) -> None:
    """Set or unset ``min.insync.replicas`` of the output."""
    entry = ConfigEntry("min.insync.replicas", replicas, incremental_operation=change)
    output = ConfigResource(ResourceType.TOPIC, scene.names.output, incremental_configs=[entry])
    alter_config(scene.client(), output)


def _all_killed(scene: Scene) -> Course:
    """Kill all brokers at once and start them again.

    Not in rotation: Kafka 4.4 does not always survive it. If a coordinator ends a transaction while
    one of its partitions has no leader, it treats that partition as deleted and omits its marker
    (``TransactionMarkerChannelManager``, because ``KRaftMetadataCache.getPartitionLeaderEndpoint``
    returns nothing then); the next transaction of that producer id commits the records left there.
    """
    kafka, numbers = scene.kafka, _numbers(scene)
    for number in numbers:
        kafka.kill(number)
    yield DOWN_SECONDS
    yield from meanwhile(scene, lambda: _at_once(kafka.start, numbers))
    yield SETTLE_SECONDS
    return True


def _all_frozen(scene: Scene) -> Course:
    """Make all brokers accept connections but not answer for longer than a transaction lasts."""
    kafka, numbers = scene.kafka, _numbers(scene)
    for number in numbers:
        kafka.pause(number)
    try:
        yield scene.transaction_seconds + FROZEN_MARGIN_SECONDS
    finally:
        for number in numbers:
            kafka.resume(number)
    yield SETTLE_SECONDS
    return True


def _move_leaders(scene: Scene) -> Course:
    """Move every partition of the three topics to another leader."""
    topics = [scene.names.input, scene.names.output, scene.names.dead_letters]
    partitions = [(topic, number) for topic in topics for number in range(scene.partitions.first)]
    return (yield from _move(scene, partitions))


def _move_group(scene: Scene) -> Course:
    """Move the group to another coordinator."""
    moves = Moves(scene.kafka.internal_servers)
    return (yield from attempt(scene, lambda: moves.group_coordinator(scene.names.group)))


def _move_transactions(scene: Scene) -> Course:
    """Move all transactional ids to another coordinator."""
    count = int(SHORT_TIMEOUTS["transaction.state.log.num.partitions"])
    partitions = [("__transaction_state", number) for number in range(count)]
    return (yield from _move(scene, partitions))


def _move(scene: Scene, partitions: Sequence[tuple[str, int]]) -> Course:
    moves = Moves(scene.kafka.internal_servers)
    moved = False
    for topic, number in partitions:
        moved |= yield from attempt(scene, partial(moves.leader, topic, number))
    return moved


def _grow(scene: Scene) -> Course:
    """Add a partition to the outputs first, then to the input; by key, only to the input.

    By key, a key's output partition must not change. With ``output.partition: source``, the input's
    producer writes to the new partition as soon as it exists.
    """
    names, count = scene.names, scene.partitions.now + 1
    if count > GROWN * scene.partitions.first:
        return False
    topics = [names.output, names.dead_letters] if scene.order_by == "source" else []
    admin = AdminClient(scene.client())
    for topic in [*topics, names.input]:
        futures = admin.create_partitions([NewPartitions(topic, count)])
        try:
            yield from meanwhile(scene, futures[topic].result)
        except KafkaException:
            return False  # a cluster may cap the number of partitions
    yield SETTLE_SECONDS
    scene.partitions.now = count
    return True
