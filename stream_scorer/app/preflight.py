"""Looks at the cluster before traffic; ``run`` and ``check`` share it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
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
    matching,
)
from stream_scorer.config.settings import KafkaConfig, Settings
from stream_scorer.errors import RefusesToStart, Unreachable
from stream_scorer.kafka.client_config import Property, receive_bytes
from stream_scorer.kafka.cluster import PATIENCE_SECONDS, REQUEST_SECONDS, Cluster, TopicFacts

#: A topic that was made a moment ago is not known to every broker yet. librdkafka's clients wait
#: for that too, ``topic.metadata.propagation.max.ms``.
PROPAGATION_SECONDS = 10.0
ASK_AGAIN_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class ClusterReport:
    """The findings, and the topics to write to if all of them exist."""

    findings: tuple[Finding, ...]
    topics: OutputTopics | None


def look_at_cluster(
    settings: Settings,
    kafka: KafkaConfig,
    warn: Callable[[str], None],
    patience_seconds: float = PATIENCE_SECONDS,
    *,
    request_seconds: float = REQUEST_SECONDS,
    propagation_seconds: float = 0.0,
    beside_workers: bool = False,
    plan: TopicPlan | None = None,
) -> ClusterReport:
    """Look at topics, rights and transactions; what is wrong becomes a finding.

    A topic that is not there is asked for again for ``propagation_seconds``.
    ``beside_workers``: live workers may hold the configured transactional id, so it is not used.
    ``plan`` is what a worker wants of the topics unless given.
    """
    plan = plan or TopicPlan(
        kafka.input_topics,
        kafka.output_topic,
        kafka.dead_letter_topic,
        settings.output.partition,
        kafka.group_id,
        compression=settings.output.compression,
        receive_bytes=receive_bytes(kafka.common, kafka.consumer),
    )
    common = {**kafka.common, "bootstrap.servers": kafka.bootstrap_servers}
    try:
        cluster = Cluster(common, warn=warn, request_seconds=request_seconds)
        names, hidden = _names(cluster, plan, patience_seconds, propagation_seconds, warn)
        findings = list(judge_names(plan, names, hidden))
        facts = _facts(cluster, plan, names)
        findings += judge_topics(plan, facts)
        findings += judge_group(plan, cluster.group_operations(kafka.group_id))
    except RefusesToStart as refused:
        return ClusterReport((of_refusal(refused),), None)
    written = [facts[name] for name in _written(plan, facts)]
    if not written or any(finding.level == "error" for finding in findings):
        return ClusterReport(tuple(findings), None)
    topics = OutputTopics(written[0], facts.get(plan.dead_letter_topic or ""), tuple(written[1:]))
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
        settings,
        kafka,
        warn,
        patience_seconds,
        request_seconds=patience_seconds,
        propagation_seconds=PROPAGATION_SECONDS,
    )
    heed(report.findings, warn)
    if report.topics is None:
        raise AssertionError("a report without errors names its topics")
    return report.topics


def topics_for_replay(
    settings: Settings, kafka: KafkaConfig, given_back: tuple[str, ...], warn: Callable[[str], None]
) -> OutputTopics:
    """Return the topics that a replay writes to; ``kafka`` has the dead letters as input.

    ``given_back`` are the topics that events came from, if they are to go there: then nothing else
    is written to. Each event says its own partition, so no number of partitions is refused here.

    Raises:
        RefusesToStart: with all that is wrong.
    """
    plan = TopicPlan(
        kafka.input_topics,
        None if given_back else kafka.output_topic,
        None if given_back else kafka.dead_letter_topic,
        "key",
        kafka.group_id,
        input_setting="kafka.dead_letter_topic",
        given_back=given_back,
    )
    report = look_at_cluster(settings, kafka, warn, plan=plan)
    heed(report.findings, warn)
    if report.topics is None:
        raise Unreachable("kafka.input_topics: none of the topics to give events back to exists.")
    return report.topics


def _names(
    cluster: Cluster,
    plan: TopicPlan,
    patience_seconds: float,
    propagation_seconds: float,
    warn: Callable[[str], None],
) -> tuple[frozenset[str], frozenset[str]]:
    """Return the topics that exist, and those of the plan that these credentials may not see."""
    deadline, said = time.monotonic() + propagation_seconds, False
    while True:
        names = cluster.topic_names(patience_seconds)
        missing = [topic for _, _, topic in plan.uses() if topic not in names]
        hidden = frozenset(topic for topic in missing if not cluster.may_describe(topic))
        if hidden.issuperset(missing) or time.monotonic() >= deadline:
            return names, hidden
        if not said:
            unknown = ", ".join(sorted(set(missing) - hidden))
            warn(f"The brokers don't know {unknown}; asking again for {propagation_seconds:g} s")
            said = True
        time.sleep(ASK_AGAIN_SECONDS)


def _written(plan: TopicPlan, facts: Mapping[str, TopicFacts]) -> tuple[str, ...]:
    """Return the topics that scored events go to, or those that events are given back to."""
    if plan.output_topic is not None:
        return (plan.output_topic,) if plan.output_topic in facts else ()
    return matching(plan.given_back, frozenset(facts))


def _facts(cluster: Cluster, plan: TopicPlan, names: frozenset[str]) -> dict[str, TopicFacts]:
    wanted = (
        *inputs_among(plan, names),
        *matching(plan.given_back, names),
        *plan.written,
        *INTERNAL_TOPICS,
    )
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
