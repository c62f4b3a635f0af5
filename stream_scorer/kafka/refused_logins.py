"""Connections that waiting does not bring about: certificates and credentials that are refused."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from confluent_kafka import KafkaError, KafkaException

from stream_scorer.errors import ConfigError
from stream_scorer.kafka.client_config import Property
from stream_scorer.kafka.server_certificates import why_unverified
from stream_scorer.kafka.translation import RIGHTS, describe, error_of

_ADDRESS = re.compile(r"\w+://([^/\s]+)/")
#: librdkafka quotes what it does not understand in this property, which may be a secret.
_QUOTED = re.compile(r"(?<=sasl\.oauthbearer\.config).*", re.DOTALL)
#: librdkafka's own advice, which ours replaces.
_ADVICE = re.compile(r": broker certificate could not be verified.*")


def refused_properties(why: str) -> str:
    """Return why a client can't be made of its properties, with the way out where it has one."""
    why = re.sub(r"^Failed to create [a-z ]+: ", "", why)
    if "PEM lib" in why and why.startswith("ssl.key"):
        return f"{why}; is it a key, and is ssl.key.password right?"
    return f"{why}."


@contextmanager
def properties_from(setting: str) -> Iterator[None]:
    """Name the setting where the properties were given, if the client made in the block refuses.

    Raises:
        ConfigError: it does.
    """
    try:
        yield
    except KafkaException as exception:
        why = refused_properties(describe(error_of(exception)))
        raise ConfigError(f"{setting}: the client refuses the properties: {why}") from None


def refused_login(
    error: KafkaError, why: str, credentials: str, properties: Mapping[str, Property]
) -> str | None:
    """Return the sentence to end with, ``None`` if the connection may still come about.

    Args:
        error: what a connection failed with.
        why: the same in words.
        credentials: what the sentence calls the place where the user gave properties.
        properties: the client's.
    """
    servers = properties["bootstrap.servers"]
    if "OAUTHBEARER token" in why:
        why = _QUOTED.sub("", why)
        return (
            f"{credentials}: there is no token to log in with ({why}); correct "
            "sasl.oauthbearer.token.endpoint.url, .client.id, .client.secret or .config."
        )
    if error.code() in RIGHTS:
        return (
            f"{credentials}: {servers} refuses the credentials ({why}); correct sasl.mechanism, "
            "sasl.username, sasl.password or ssl.*."
        )
    if "certificate verify failed" in why:
        named = _ADDRESS.search(why)
        address = named[1] if named else str(servers).split(",", maxsplit=1)[0]
        return (
            f"{credentials}: the certificate of {address} is refused ({_ADVICE.sub('', why)}); "
            f"{why_unverified(address, properties)}."
        )
    if re.search(r"SSL routines.*\balert\b", why):
        return (
            f"{credentials}: {servers} refuses this client's certificate ({why}); set "
            "ssl.certificate.location and ssl.key.location to a pair that is valid now and signed "
            "by an authority that the brokers trust."
        )
    return None
