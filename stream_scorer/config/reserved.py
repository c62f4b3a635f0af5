"""Client properties that can't be set, and why: the guarantee rests on them, or they have a key.

Sources: KIP-98 and KIP-129 (idempotence and transactions), KIP-447 (group metadata and stable
offsets), librdkafka's CONFIGURATION.md.
"""

from __future__ import annotations

_ADDRESS = "is set by kafka.bootstrap_servers"
_OFFSETS = (
    "would commit offsets beside the scored events; they are committed together, after the events "
    "are written"
)
_OFFSET_STORE = (
    "would store offsets of events that are not scored yet; each event's own offset is used"
)
_ACKS = (
    "must be all: an event that one replica acknowledged can be lost after its offset is committed"
)
_RETRIES = (
    "is bounded by transaction.timeout.ms; giving up earlier would only abort more transactions"
)
_IN_FLIGHT = "keeps the order of events; librdkafka holds it at 5 for an idempotent producer"
_WITHIN_TRANSACTION = (
    "is derived from transaction.timeout.ms, so that a late answer is noticed inside the "
    "transaction that it belongs to; set kafka.producer transaction.timeout.ms"
)
_COMPRESSION = "is set by output.compression"

_BOTH = {
    "bootstrap.servers": _ADDRESS,
    "metadata.broker.list": _ADDRESS,
    "allow.auto.create.topics": "must be off: topics are never created by a worker, so that a typo "
    "in a topic's name is noticed",
}
_CONSUMER = {
    "group.id": "is set by kafka.group_id",
    "group.protocol.type": "must be that of consumers",
    "isolation.level": "must be read_committed: it keeps aborted events out, and makes the client "
    "wait for offsets that a dead worker's transaction still holds (KIP-447)",
    "enable.auto.commit": _OFFSETS,
    "auto.commit.enable": _OFFSETS,
    "auto.commit.interval.ms": _OFFSETS,
    "enable.auto.offset.store": _OFFSET_STORE,
    "offset.store.method": _OFFSET_STORE,
    "offset.store.path": _OFFSET_STORE,
    "offset.store.sync.interval.ms": _OFFSET_STORE,
    "enable.partition.eof": "must be off: the end of a partition is not an event",
}
_PRODUCER = {
    "transactional.id": "is set by kafka.transactional_id",
    "enable.idempotence": "must be on: without it a retried event is written twice",
    "enable.gapless.guarantee": "would end the producer at the first event that fails",
    "acks": _ACKS,
    "request.required.acks": _ACKS,
    "retries": _RETRIES,
    "message.send.max.retries": _RETRIES,
    "max.in.flight": _IN_FLIGHT,
    "max.in.flight.requests.per.connection": _IN_FLIGHT,
    "message.timeout.ms": _WITHIN_TRANSACTION,
    "delivery.timeout.ms": _WITHIN_TRANSACTION,
    "socket.timeout.ms": _WITHIN_TRANSACTION,
    "queuing.strategy": "must be fifo: events leave in the order in which they came",
    "delivery.report.only.error": "must be on: a commit already says that all went well",
    "partitioner": "is set by output.partition",
    "compression.type": _COMPRESSION,
    "compression.codec": _COMPRESSION,
}
_REGISTRY = {
    "url": "is set by schemas.registry.url",
    "timeout": "is set by schemas.registry.timeout",
    "bearer.auth.custom.provider.function": "takes Python code, which a file can't hold",
    "bearer.auth.custom.provider.config": "takes Python code, which a file can't hold",
}
_SESSION = {
    "session.intra_op_num_threads": "is set by model.intra_op_threads",
    "session.inter_op_num_threads": "is set by model.inter_op_threads",
}

_OWN = {
    "common": _BOTH,
    "consumer": _CONSUMER,
    "producer": _PRODUCER,
    "properties": _REGISTRY,
    "session": _SESSION,
}


def own_reasons(section: str) -> dict[str, str]:
    """Return the refused properties that belong to this section alone, with the reason."""
    return _OWN.get(section, {})


def reasons(section: str) -> dict[str, str]:
    """Return the properties refused below ``common``, ``consumer`` and so on, with the reason."""
    if section == "common":
        return {**_BOTH, **_CONSUMER, **_PRODUCER}
    if section in ("consumer", "producer"):
        return {**_BOTH, **own_reasons(section)}
    return own_reasons(section)
