"""One secured broker for all tests of the folder, and a scorer that is set up for it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from stream_scorer.app.preflight import look_at_cluster
from stream_scorer.check.findings import Finding
from stream_scorer.config import load
from stream_scorer.local.kafka import EmbeddedKafka
from tests.scorers import kafka_section, scorer
from tests.security.certificates import Authority
from tests.security.secured import PASSWORD, SecuredKafka, broker_properties
from tests.security.tokens import issuing

PATIENCE_SECONDS = 10.0


@pytest.fixture(scope="package")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Who signs the certificates that are fine."""
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="package")
def secured(
    authority: Authority, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SecuredKafka]:
    """The broker, with the topics of ``tests.scorers`` and the user ``scorer``."""
    keystore = authority.issue("broker").keystore
    with issuing() as issuer, pytest.MonkeyPatch.context() as environment:
        # A broker fetches keys from addresses alone that its Java was told.
        allowed = f"-Dorg.apache.kafka.sasl.oauthbearer.allowed.urls={issuer.keys_address}"
        environment.setenv("JAVA_TOOL_OPTIONS", allowed)
        with EmbeddedKafka(
            folder=tmp_path_factory.mktemp("secured"),
            properties=broker_properties(keystore, authority.file, issuer.keys_address),
            more_listeners=["MUTUAL"],
        ) as kafka:
            for name in ("in", "out", "out.dead-letters"):
                kafka.create_topic(name)
            secured = SecuredKafka(kafka, authority, issuer)
            secured.set_password("scorer", PASSWORD)
            yield secured


def config_for(folder: Path, servers: str, common: Mapping[str, Any], **more: Any) -> Path:
    """A config of ``tests.scorers`` that logs in so."""
    section = {**kafka_section(servers, "in", "out"), "common": dict(common)}
    return scorer(folder, {"kafka": section, **more})


def looked_at(
    folder: Path,
    servers: str,
    common: Mapping[str, Any],
    patience_seconds: float = PATIENCE_SECONDS,
) -> list[Finding]:
    """What is wrong with the cluster for who logs in so."""
    settings = load(config_for(folder, servers, common), (), {}, need_kafka=True)
    assert settings.kafka is not None
    report = look_at_cluster(settings, settings.kafka, lambda _: None, patience_seconds)
    return [each for each in report.findings if each.level == "error"]
