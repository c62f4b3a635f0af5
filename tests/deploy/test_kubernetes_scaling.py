"""The manifests for KEDA say what the worker's config says, and what the worker does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from stream_scorer.config.settings import KafkaConfig
from tests.deploy.manifests import container, of_kind, overlay, pod, workload
from tests.deploy.settings import lay_out

#: The settings of the trigger `kafka` of KEDA 2.21 that can stand in its metadata.
KNOWN = {
    "bootstrapServers",
    "consumerGroup",
    "topic",
    "partitionLimitation",
    "lagThreshold",
    "activationLagThreshold",
    "offsetResetPolicy",
    "allowIdleConsumers",
    "excludePersistentLag",
    "scaleToZeroOnInvalidOffset",
    "limitToPartitionsWithLag",
    "ensureEvenDistributionOfPartitions",
    "fullMetadata",
    "version",
    "tls",
    "unsafeSsl",
    "sasl",
    "saslTokenProvider",
    "awsRegion",
}
SASL = {"scram_sha256": "SCRAM-SHA-256", "scram_sha512": "SCRAM-SHA-512", "plaintext": "PLAIN"}


@pytest.fixture
def kafka(tmp_path: Path) -> KafkaConfig:
    """What the workers are told of Kafka."""
    found = lay_out(overlay("keda"), tmp_path).settings().kafka
    assert found is not None
    return found


def scaled_object() -> dict[str, Any]:
    """The specification of the one there is."""
    [found] = of_kind(overlay("keda"), "ScaledObject")
    spec: dict[str, Any] = found["spec"]
    return spec


def trigger() -> dict[str, Any]:
    """Its one trigger."""
    [found] = scaled_object()["triggers"]
    assert isinstance(found, dict)
    return found


def test_keda_looks_at_the_lag_that_the_workers_work_off(kafka: KafkaConfig) -> None:
    """The same brokers, group and topic."""
    metadata = trigger()["metadata"]
    assert metadata["bootstrapServers"] == kafka.bootstrap_servers
    assert metadata["consumerGroup"] == kafka.group_id
    assert (metadata["topic"],) == kafka.input_topics


def test_keda_begins_where_the_workers_begin(kafka: KafkaConfig) -> None:
    """Else a partition without a committed offset counts as one event, or not at all."""
    assert trigger()["metadata"]["offsetResetPolicy"] == kafka.offset_reset


def test_an_event_is_enough_to_wake_the_fleet() -> None:
    """The workers' committed positions lie past the markers of transactions; no lag is left."""
    assert trigger()["metadata"]["activationLagThreshold"] == "0"


def test_keda_logs_in_as_the_workers_do(kafka: KafkaConfig) -> None:
    """The same mechanism and the same Secret, of which it takes keys that the workers take."""
    metadata = trigger()["metadata"]
    assert SASL[metadata["sasl"]] == kafka.common["sasl.mechanism"]
    assert (metadata["tls"], kafka.common["security.protocol"]) == ("enable", "SASL_SSL")
    [authentication] = of_kind(overlay("keda"), "TriggerAuthentication")
    assert trigger()["authenticationRef"]["name"] == authentication["metadata"]["name"]
    [secret] = [each["secret"] for each in pod(overlay("keda"))["volumes"] if "secret" in each]
    references = authentication["spec"]["secretTargetRef"]
    assert {each["name"] for each in references} == {secret["secretName"]}
    assert {each["key"] for each in references} == {"username", "password", "ca.crt"}


def test_every_setting_of_the_trigger_is_known() -> None:
    """KEDA ignores one that it does not know."""
    assert set(trigger()["metadata"]) <= KNOWN
    assert "version" in trigger()["metadata"]
    assert all(isinstance(value, str) for value in trigger()["metadata"].values())


def test_the_scaled_workload_is_there_and_its_count_is_kedas_alone() -> None:
    """A count in the manifest would be restored by each `kubectl apply`."""
    found = workload(overlay("keda"))
    assert scaled_object()["scaleTargetRef"]["name"] == found["metadata"]["name"]
    assert found["kind"] == "Deployment"
    assert "replicas" not in found["spec"]
    assert container(overlay("keda"))["image"]


def test_the_fleet_sleeps_and_its_limits_make_sense() -> None:
    """Between nothing and a worker for each partition; what replaces the lag lies between."""
    spec = scaled_object()
    assert spec["minReplicaCount"] == 0
    assert 1 <= spec["fallback"]["replicas"] <= spec["maxReplicaCount"]
    assert spec["cooldownPeriod"] > spec["pollingInterval"]
