"""Validates the properties that are passed to the Kafka clients."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from stream_scorer.config import known, reserved
from stream_scorer.config.mistakes import Mistake, shortened
from stream_scorer.config.settings import KafkaConfig, Settings

#: Brokers decide these in the consumer group protocol of KIP-848; librdkafka refuses them there.
_CLASSIC_ONLY = (
    "session.timeout.ms",
    "heartbeat.interval.ms",
    "partition.assignment.strategy",
)
_COOPERATIVE = "cooperative-sticky"
_DEFAULT_MAX_POLL_INTERVAL_MS = 300_000
_SMALLEST_TRANSACTION_TIMEOUT_MS = 1_000
#: The names of properties that are numbers.
_NUMERIC = re.compile(
    r"\.(ms|bytes|kbytes|messages|cnt|size|fails|level|seconds|threshold|relogin)$"
    r"|^log_level$|^broker\.address\.ttl$|^max\.in\.flight"
)
#: librdkafka takes no number with more digits.
_WHOLE = (re.compile(r"-?[0-9]{1,18}"), "whole number")
_DECIMAL = (re.compile(r"-?[0-9]{1,18}(\.[0-9]{1,18})?"), "number")
#: ONNX Runtime ends the process when these entries are not such numbers.
_ABORTING = (
    "mlas.kleidiai.conv_igemm_max_work",
    "mlas.nchwc_pointwise_conv_max_input_channel_batch",
)
_SIZE = re.compile(r"[0-9]{1,18}")
_NUMBERS = {"linger.ms": _DECIMAL, "queue.buffering.max.ms": _DECIMAL}


def mistakes_in_properties(settings: Settings) -> Iterator[Mistake]:
    """Yield properties that are refused, unknown, in the wrong section, or at odds."""
    if settings.kafka:
        for section in ("common", "consumer", "producer"):
            path = ("kafka", section)
            yield from _names(path, getattr(settings.kafka, section))
            yield from _numbers(path, getattr(settings.kafka, section))
        yield from _group_protocol(settings.kafka)
        yield from _timeouts(settings, settings.kafka)
        yield from _offset_reset(settings.kafka)
    if settings.schemas.registry:
        yield from _names(
            ("schemas", "registry", "properties"), settings.schemas.registry.properties
        )
    yield from _session(settings.model.session)


def _session(entries: Mapping[str, str]) -> Iterator[Mistake]:
    for name, reason in reserved.reasons("session").items():
        if name in entries:
            yield Mistake(("model", "session", name), f"can't be set here: it {reason}")
    for name in _ABORTING:
        if name in entries and not _SIZE.fullmatch(entries[name]):
            yield Mistake(
                ("model", "session", name),
                f"must be a whole number from 0, not {shortened(entries[name])!r}",
            )


def _names(path: tuple[str, ...], properties: Mapping[str, object]) -> Iterator[Mistake]:
    section = path[-1]
    refused, allowed = reserved.reasons(section), known.known(section)
    for name in properties:
        if name in refused:
            yield Mistake((*path, name), f"can't be set: it {refused[name]}")
        elif name not in allowed:
            yield from _unknown(path, name, allowed)


def _unknown(path: tuple[str, ...], name: str, allowed: frozenset[str]) -> Iterator[Mistake]:
    for other in ("common", "consumer", "producer"):
        if path[0] == "kafka" and name in known.known(other):
            yield Mistake((*path, name), f"is a property for kafka.{other}; put it there")
            return
    close = known.nearest(name, allowed)
    if known.complete_for_installed_client():
        client = "librdkafka" if path[0] == "kafka" else "the registry client"
        hint = f"; did you mean {close}?" if close else ""
        yield Mistake((*path, name), f"is not a property of {client}{hint}")


def _numbers(path: tuple[str, ...], properties: Mapping[str, str]) -> Iterator[Mistake]:
    """Yield numbers that librdkafka would cut: it reads the 6 of ``6s``, and says nothing."""
    for name, value in properties.items():
        if _NUMERIC.search(name) is None:
            continue
        form, words = _NUMBERS.get(name, _WHOLE)
        if not form.fullmatch(value):
            unit = " of milliseconds, without a unit" if name.endswith(".ms") else ""
            yield Mistake((*path, name), f"must be a {words}{unit}, not {shortened(value)!r}")


def _group_protocol(kafka: KafkaConfig) -> Iterator[Mistake]:
    protocol = kafka.consumer.get("group.protocol", "classic")
    if protocol == "consumer":
        for name in _CLASSIC_ONLY:
            if name in kafka.consumer:
                yield Mistake(
                    ("kafka", "consumer", name),
                    "is for group.protocol classic; with `consumer` the brokers decide it "
                    "(KIP-848)",
                )
        return
    if "group.remote.assignor" in kafka.consumer:
        yield Mistake(
            ("kafka", "consumer", "group.remote.assignor"), "is for group.protocol consumer only"
        )
    strategy = kafka.consumer.get("partition.assignment.strategy", _COOPERATIVE)
    if strategy != _COOPERATIVE:
        yield Mistake(
            ("kafka", "consumer", "partition.assignment.strategy"),
            f"must be {_COOPERATIVE}, not {strategy}: an eager strategy stops every worker of the "
            "group at each change, and the client then refuses to place a single partition anew, "
            "which a missing offset needs",
        )


def _offset_reset(kafka: KafkaConfig) -> Iterator[Mistake]:
    if kafka.offset_reset not in ("earliest", "latest", "error"):
        yield Mistake(
            ("kafka", "consumer", "auto.offset.reset"),
            f"must be earliest, latest or error, not {kafka.offset_reset}",
        )


def _timeouts(settings: Settings, kafka: KafkaConfig) -> Iterator[Mistake]:
    timeout = _whole(kafka.producer.get("transaction.timeout.ms"))
    if timeout is not None and timeout < _SMALLEST_TRANSACTION_TIMEOUT_MS:
        yield Mistake(
            ("kafka", "producer", "transaction.timeout.ms"),
            f"must be milliseconds, at least {_SMALLEST_TRANSACTION_TIMEOUT_MS}, not {timeout}",
        )
    interval = _whole(kafka.consumer.get("max.poll.interval.ms")) or _DEFAULT_MAX_POLL_INTERVAL_MS
    # A worker that waits for events is still polling, but a commit must fit before the deadline.
    longest = settings.batching.max_wait_seconds + settings.batching.commit_interval_seconds
    if longest * 1000 > interval / 2:
        yield Mistake(
            ("batching", "commit_interval"),
            f"and batching.max_wait take more than half of max.poll.interval.ms ({interval}), "
            "after which the group takes the partitions away",
        )


def _whole(written: str | None) -> int | None:
    """Return the number that is written, ``None`` if there is none: that is said elsewhere."""
    return int(written) if written is not None and _WHOLE[0].fullmatch(written) else None
