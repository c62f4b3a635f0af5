"""What a cluster looks like from outside, for tests of the ground of a proof."""

from __future__ import annotations

from typing import Any

from confluent_kafka.admin import AdminClient

from tests.conftest import Kafka


def admin_of(kafka: Kafka, **properties: Any) -> AdminClient:
    """An admin client."""
    return AdminClient({"bootstrap.servers": kafka.bootstrap_servers, "log_level": 0, **properties})


def client_of(kafka: Kafka) -> dict[str, str | int]:
    """Properties of the proof's own clients."""
    return {"bootstrap.servers": kafka.bootstrap_servers, "log_level": 0}


def left(admin: AdminClient, prefix: str) -> list[str]:
    """Topics and groups whose names begin so."""
    topics = list(admin.list_topics(timeout=10).topics)
    groups = [each.group_id for each in admin.list_consumer_groups().result().valid]
    return [name for name in (*topics, *groups) if name.startswith(prefix)]
