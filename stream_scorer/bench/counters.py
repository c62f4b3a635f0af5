"""A worker's counters from ``/metrics``, and the difference between two readings."""

from __future__ import annotations

import http.client
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from prometheus_client.parser import text_string_to_metric_families

from stream_scorer.errors import Broken, reason

ANSWER_SECONDS = 10.0
STAGES = ("poll", "decode", "infer", "encode", "commit")


@dataclass(frozen=True, slots=True)
class Counters:
    """Sums since the worker's start, or between two moments.

    Attributes:
        consumed: events read.
        traces: events that have a result: scored events or dead letters.
        dead_letters: by reason, those that occurred.
        stage_seconds: by stage, all five.
        batches: the number of batches.
        committed, aborted: transactions.
    """

    consumed: float
    traces: float
    dead_letters: Mapping[str, float]
    stage_seconds: Mapping[str, float]
    batches: float
    committed: float
    aborted: float

    def since(self, earlier: Counters) -> Counters:
        """Return the increase since an earlier reading."""
        return Counters(
            self.consumed - earlier.consumed,
            self.traces - earlier.traces,
            _less(self.dead_letters, earlier.dead_letters),
            _less(self.stage_seconds, earlier.stage_seconds),
            self.batches - earlier.batches,
            self.committed - earlier.committed,
            self.aborted - earlier.aborted,
        )


def counters_of(port: int) -> Counters:
    """Read the counters of the worker that serves metrics at this local port.

    Raises:
        Broken: the worker does not answer.
    """
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=ANSWER_SECONDS)
    try:
        connection.request("GET", "/metrics", headers={"Accept": "text/plain"})
        text = connection.getresponse().read().decode()
    except OSError as error:
        raise Broken(f"The worker's metrics can't be read ({reason(error)}).") from error
    finally:
        connection.close()
    return parsed(text)


def parsed(text: str) -> Counters:
    """Return the counters in a metrics page in Prometheus' text format."""
    sums: defaultdict[str, float] = defaultdict(float)
    dead_letters: defaultdict[str, float] = defaultdict(float)
    stages = dict.fromkeys(STAGES, 0.0)
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            name = sample.name.removeprefix("stream_scorer_")
            match name:
                case "stage_seconds_sum":
                    stages[sample.labels["stage"]] += sample.value
                case "dead_letters_total":
                    dead_letters[sample.labels["reason"]] += sample.value
                case "transactions_total":
                    sums[sample.labels["outcome"]] += sample.value
                case _:
                    sums[name] += sample.value
    return Counters(
        sums["events_consumed_total"],
        sums["events_scored_total"] + sum(dead_letters.values()),
        {reason: number for reason, number in dead_letters.items() if number},
        stages,
        sums["batch_rows_count"],
        sums["committed"],
        sums["aborted"],
    )


def _less(later: Mapping[str, float], earlier: Mapping[str, float]) -> dict[str, float]:
    return {name: value - earlier.get(name, 0.0) for name, value in later.items()}
