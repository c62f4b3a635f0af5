"""Looks at the cluster before traffic; ``run`` and ``check`` share it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from stream_scorer.app.clients import write_properties
from stream_scorer.app.written_topics import OutputTopics
from stream_scorer.check.findings import Finding, heed, of_refusal, ok, warning
from stream_scorer.check.topics import (
    INTERNAL_TOPICS,
    TopicPlan,
    inputs_among,
    judge_group,
    judge_names,
    judge_topics,
)
from stream_scorer.config.settings import KafkaConfig, Settings
from stream_scorer.errors import RefusesToStart
from stream_scorer.kafka.client_config import Property
from stream_scorer.kafka.cluster import PATIENCE_SECONDS, REQUEST_SECONDS, Cluster, TopicFacts


@dataclass(frozen=True, slots=True)
class ClusterReport:
    """What was found, and the topics to write to if all of them are there."""

    findings: tuple[Finding, ...]
    topics: OutputTopics | None


def look_at_cluster(
    settings: Settings,
    kafka: KafkaConfig,
    warn: Callable[[str], None],
    patience_seconds: float = PATIENCE_SECONDS,
    *,
    request_seconds: float = REQUEST_SECONDS,
    beside_workers: bool = False,
) -> ClusterReport:
    """Look at topics, rights and transactions; what is wrong becomes a finding.

    ``beside_workers``: live workers may hold the configured transactional id, so it is not used.
    """
    plan = TopicPlan(
        kafka.input_topics,
        kafka.output_topic,
        kafka.dead_letter_topic,
        settings.output.partition,
        kafka.group_id,
    )
    common = {**kafka.common, "bootstrap.servers": kafka.bootstrap_servers}
    try:
        cluster = Cluster(common, warn=warn, request_seconds=request_seconds)
        names = cluster.topic_names(patience_seconds)
        missing = [topic for _, _, topic in plan.uses() if topic not in names]
        hidden = frozenset(topic for topic in missing if not cluster.may_describe(topic))
        findings = list(judge_names(plan, names, hidden))
        facts = _facts(cluster, plan, names)
        findings += judge_topics(plan, facts)
        findings += judge_group(plan, cluster.group_operations(kafka.group_id))
    except RefusesToStart as refused:
        return ClusterReport((of_refusal(refused),), None)
    output = facts.get(kafka.output_topic)
    if output is None or any(finding.level == "error" for finding in findings):
        return ClusterReport(tuple(findings), None)
    topics = OutputTopics(output, facts.get(kafka.dead_letter_topic or ""))
    if kafka.delivery == "exactly_once":
        properties = write_properties(settings, kafka, topics)
        if beside_workers and "{random}" not in (kafka.transactional_id or "{random}"):
            findings += _try_transactions_beside(cluster, properties)
        else:
            findings += _try_transactions(cluster, properties)
    return ClusterReport(tuple(findings), topics)


def topics_for_run(
    settings: Settings,
    kafka: KafkaConfig,
    warn: Callable[[str], None],
    patience_seconds: float = PATIENCE_SECONDS,
) -> OutputTopics:
    """Return the topics to write to; say what is not ideal.

    Raises:
        RefusesToStart: with all that is wrong.
    """
    # Brokers may go away amid the questions, and a worker waits for them as long as before.
    report = look_at_cluster(
        settings, kafka, warn, patience_seconds, request_seconds=patience_seconds
    )
    heed(report.findings, warn)
    if report.topics is None:
        raise AssertionError("a report without errors names its topics")
    return report.topics


def _facts(cluster: Cluster, plan: TopicPlan, names: frozenset[str]) -> dict[str, TopicFacts]:
    wanted = (*inputs_among(plan, names), *plan.written, *INTERNAL_TOPICS)
    described = {name: cluster.topic(name) for name in wanted if name in names}
    return {name: facts for name, facts in described.items() if facts is not None}


def _try_transactions(cluster: Cluster, properties: dict[str, Property]) -> list[Finding]:
    try:
        cluster.try_transactions(properties)
    except RefusesToStart as refused:
        return [of_refusal(refused)]
    return [ok("Transactions can be begun.")]


def _try_transactions_beside(cluster: Cluster, properties: dict[str, Property]) -> list[Finding]:
    """Try another id: whoever initialises the id of a live worker fences it."""
    another = {**properties, "transactional.id": f"{properties['transactional.id']}-check"}
    try:
        cluster.try_transactions(another)
    except RefusesToStart as refused:
        return [
            warning(
                f"{refused} The id was made up for this check, since trying "
                f"{properties['transactional.id']} would fence a worker that uses it: if rights "
                "are granted for that id alone, this says nothing."
            )
        ]
    return [ok("Transactions can be begun.")]
