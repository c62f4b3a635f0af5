"""A Kafka that is set up as in production: TLS, SCRAM, tokens, client certificates, rights.

Its listener ``CLIENT`` wants TLS and a login (SCRAM-SHA-512, or a token of OAUTHBEARER); the
listener ``MUTUAL`` wants TLS and a certificate of the client's. Whoever comes in by the inner
listener may do all.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialUpsertion,
)

from stream_scorer.local.kafka import EmbeddedKafka
from tests.security.certificates import Authority
from tests.security.tokens import ISSUER, TokenIssuer

PASSWORD = "right-password"  # noqa: S105 - of a broker that lives for the test
_SECONDS = 20.0
_JAAS = "org.apache.kafka.common.security"


@dataclass(frozen=True)
class Right:
    """What somebody may do; ``prefixed``: with all that begins with the name."""

    kind: str
    name: str
    operation: str
    prefixed: bool = False

    def binding(self, principal: str) -> AclBinding:
        """The rule that grants it."""
        pattern = ResourcePatternType.PREFIXED if self.prefixed else ResourcePatternType.LITERAL
        return AclBinding(
            ResourceType[self.kind],
            self.name,
            pattern,
            principal,
            "*",
            AclOperation[self.operation],
            AclPermissionType.ALLOW,
        )


class SecuredKafka:
    """The broker, and what an administrator does with it."""

    def __init__(self, kafka: EmbeddedKafka, authority: Authority, issuer: TokenIssuer) -> None:
        self.kafka = kafka
        self.authority = authority
        self.issuer = issuer
        self._admin = AdminClient({"bootstrap.servers": kafka.internal_servers, "log_level": 0})

    @property
    def servers(self) -> str:
        """The listener that wants a login."""
        return self.kafka.bootstrap_servers

    @property
    def mutual(self) -> str:
        """The listener that wants a certificate."""
        return self.kafka.listener_servers("MUTUAL")

    def set_password(self, user: str, password: str) -> None:
        """Make a user, or give one another password."""
        info = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, 4096)
        change = UserScramCredentialUpsertion(user, info, password.encode())
        self._admin.alter_user_scram_credentials([change])[user].result(_SECONDS)

    def grant(self, rights: Iterable[Right], user: str) -> None:
        """Let a user do something more."""
        for granted in self._admin.create_acls(
            [right.binding(f"User:{user}") for right in rights]
        ).values():
            granted.result(_SECONDS)

    def take_all(self, user: str) -> None:
        """Let a user do nothing any more."""
        everything = AclBindingFilter(
            ResourceType.ANY,
            None,
            ResourcePatternType.ANY,
            f"User:{user}",
            None,
            AclOperation.ANY,
            AclPermissionType.ANY,
        )
        self._admin.delete_acls([everything])[everything].result(_SECONDS)

    @contextmanager
    def may(self, rights: Iterable[Right], user: str) -> Iterator[None]:
        """Let a user do this and nothing else, for a while."""
        self.take_all(user)
        self.grant(rights, user)
        yield
        self.take_all(user)

    def login(self, user: str = "scorer", password: str = PASSWORD) -> dict[str, str]:
        """Client properties of TLS and SCRAM."""
        return {
            "security.protocol": "SASL_SSL",
            "ssl.ca.location": str(self.authority.file),
            "sasl.mechanism": "SCRAM-SHA-512",
            "sasl.username": user,
            "sasl.password": password,
        }


def broker_properties(keystore: Path, authority: Path, keys: str) -> Mapping[str, str]:
    """Broker settings, as in docs/security.md; ``keys`` is where the tokens' keys are."""
    protocols = {
        "CLIENT": "SASL_SSL",
        "MUTUAL": "SSL",
        "INTERNAL": "PLAINTEXT",
        "CONTROLLER": "PLAINTEXT",
    }
    tokens = "listener.name.client.oauthbearer.sasl"
    return {
        "listener.security.protocol.map": ",".join(f"{a}:{b}" for a, b in protocols.items()),
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": str(keystore),
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": str(authority),
        "listener.name.mutual.ssl.client.auth": "required",
        "listener.name.client.sasl.enabled.mechanisms": "SCRAM-SHA-512,OAUTHBEARER",
        "listener.name.client.scram-sha-512.sasl.jaas.config": (
            f"{_JAAS}.scram.ScramLoginModule required;"
        ),
        f"{tokens}.jaas.config": f"{_JAAS}.oauthbearer.OAuthBearerLoginModule required;",
        f"{tokens}.server.callback.handler.class": (
            f"{_JAAS}.oauthbearer.OAuthBearerValidatorCallbackHandler"
        ),
        "listener.name.client.sasl.oauthbearer.jwks.endpoint.url": keys,
        "listener.name.client.sasl.oauthbearer.expected.audience": "kafka",
        "listener.name.client.sasl.oauthbearer.expected.issuer": ISSUER,
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "super.users": "User:ANONYMOUS",
    }
