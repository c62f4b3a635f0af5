"""``bench``: the scorer alone, with a backlog, and at steady rates; then what limits it."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import partial
from pathlib import Path

from rich.console import Console

from stream_scorer.bench.alone import Alone, measure_alone
from stream_scorer.bench.backlog import Throughput, drain
from stream_scorer.bench.events import FramedEvents
from stream_scorer.bench.ground import Ground, ground_of, look_ahead, refuse_if_unfit
from stream_scorer.bench.latency import Latency, Pace, measure_latency
from stream_scorer.bench.limits import Machine, limit_of
from stream_scorer.bench.plan import FEWEST_EVENTS, Plan
from stream_scorer.bench.remarks import (
    on_events,
    on_latencies,
    on_the_run,
    refuse_if_none_is_scored,
)
from stream_scorer.bench.results import Results
from stream_scorer.bench.subject import Environment, Subject, prepare
from stream_scorer.bench.usage import cores
from stream_scorer.bench.words import sentences
from stream_scorer.bench.worker import Worker
from stream_scorer.bench.writing import fill
from stream_scorer.config.loading import load

#: A guess for the minimum cost of moving an event through the client, to size the backlog.
CLIENT_MICROS = 2.0
MOST_EVENTS = 1_000_000
MOST_BYTES = 1 << 30
#: The default rates for latency: a light one, and a busy one.
LIGHT_RATE, BUSY_RATE = 500.0, 10_000.0
LIGHT_SHARE, BUSY_SHARE = 0.1, 0.5

Step = Callable[[str], AbstractContextManager[object]]


def bench(plan: Plan, environment: Environment, console: Console) -> Results:
    """Measure a scorer according to the plan; ``console`` shows progress.

    Raises:
        ConfigError: an option, a setting or a file is invalid.
        ContractError: model, schema and events don't match.
        Unreachable: Kafka or the registry refuse or don't answer.
        Broken: the worker ended by itself, or stalled.
    """
    plan.check()
    step, say = partial(_step, console), partial(console.print, markup=False, style="dim")
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        subject, scorer = prepare(plan, environment, folder / "schemas", say)
        look_ahead(plan, subject.settings, say)
        with step("The scorer alone"):
            alone = measure_alone(scorer, subject.events, subject.settings.batching.max_records)
        refuse_if_none_is_scored(subject.events.events, alone)
        del scorer  # which also frees the model
        plan = replace(plan, events=plan.events or enough(plan, alone))
        with ground_of(plan, subject.settings, folder / "kafka", say) as ground:
            words = (*plan.overrides, *subject.words, *ground.words)
            refuse_if_unfit(load(plan.config, words, environment, need_kafka=True), say)
            worker = Worker(plan.config, words, folder / "worker.log")
            throughput, latencies = _through_kafka(plan, subject, ground, worker, step)
    machine = Machine(cores(), cores() == os.cpu_count(), subject.intra_op_threads, ground.embedded)
    return Results(
        subject.model,
        machine,
        alone,
        throughput,
        latencies,
        limit_of(throughput, machine),
        (
            *sentences(throughput, alone, machine),
            *on_latencies(latencies),
            *on_events(subject.events.events, alone, throughput.events),
            *on_the_run(embedded=ground.embedded),
        ),
    )


def _through_kafka(
    plan: Plan, subject: Subject, ground: Ground, worker: Worker, step: Step
) -> tuple[Throughput, tuple[Latency, ...]]:
    count = plan.events or FEWEST_EVENTS
    with step(f"Writing {count:,} events"):
        size_bytes = fill(ground, subject.events, count)
    with worker:
        with step("A worker over the backlog"):
            worker.wait_until_joined()
            throughput = drain(worker, ground, count, size_bytes)
        interval = subject.settings.batching.commit_interval_seconds
        rates = rates_for(plan, throughput.events_per_second)
        paces = [Pace(rate, plan.seconds, interval) for rate in rates]
        return throughput, tuple(_latencies(worker, ground, subject.events, paces, step))


def enough(plan: Plan, alone: Alone) -> int:
    """Return how many events take about the requested time."""
    micros = alone.sizes[-1].total + CLIENT_MICROS
    affordable = int(MOST_BYTES / max(alone.event_bytes, 1.0))
    wanted = int(plan.seconds * 1e6 / micros)
    return max(FEWEST_EVENTS, min(wanted, affordable, MOST_EVENTS))


def rates_for(plan: Plan, events_per_second: float) -> tuple[float, ...]:
    """Return the rates at which to measure latency: as requested, or a light and a busy one."""
    if plan.rates:
        return plan.rates
    light = min(LIGHT_RATE, LIGHT_SHARE * events_per_second)
    busy = min(BUSY_RATE, BUSY_SHARE * events_per_second)
    return light, busy


def _latencies(
    worker: Worker, ground: Ground, events: FramedEvents, paces: Sequence[Pace], step: Step
) -> Iterator[Latency]:
    for pace in paces:
        with step(f"{pace.rate:,.0f} events/s for {pace.seconds:g} s"):
            yield measure_latency(worker, ground, events, pace)


def _step(console: Console, what: str) -> AbstractContextManager[object]:
    """Show the current step: on a terminal while it runs, elsewhere as a line."""
    if not console.is_terminal:
        console.print(f"{what} …", highlight=False, markup=False)
    return console.status(what)
