"""A Kafka that demands credentials and rights: an admin, and a user who may do what is granted."""

from __future__ import annotations

from confluent_kafka.admin import (
    AclBinding,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
)

from stream_scorer.local.kafka import EmbeddedKafka

PASSWORDS = {"admin": "admin-secret", "scorer": "scorer-secret"}
_USERS = " ".join(f'user_{name}="{password}"' for name, password in PASSWORDS.items())
SECURED = {
    "listener.security.protocol.map": (
        "CLIENT:SASL_PLAINTEXT,INTERNAL:PLAINTEXT,CONTROLLER:PLAINTEXT"
    ),
    "sasl.enabled.mechanisms": "PLAIN",
    "listener.name.client.plain.sasl.jaas.config": (
        f"org.apache.kafka.common.security.plain.PlainLoginModule required {_USERS};"
    ),
    "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
    "super.users": "User:ANONYMOUS;User:admin",
}


def credentials(user: str, password: str) -> dict[str, str]:
    """Client properties."""
    return {
        "security.protocol": "SASL_PLAINTEXT",
        "sasl.mechanism": "PLAIN",
        "sasl.username": user,
        "sasl.password": password,
    }


def grant(kafka: EmbeddedKafka, kind: ResourceType, name: str, *operations: AclOperation) -> None:
    """Grant the user ``scorer`` operations on what begins with ``name``."""
    admin = AdminClient(
        {
            "bootstrap.servers": kafka.bootstrap_servers,
            **credentials("admin", PASSWORDS["admin"]),
        }
    )
    rules = [
        AclBinding(
            kind,
            name,
            ResourcePatternType.PREFIXED,
            "User:scorer",
            "*",
            operation,
            AclPermissionType.ALLOW,
        )
        for operation in operations
    ]
    for granted in admin.create_acls(rules).values():
        granted.result(20)
