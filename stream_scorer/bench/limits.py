"""What limits a scorer, in words, judged by what was measured and nothing else.

The loop of a worker is one thread: it polls, decodes, infers, encodes and commits, one after the
other. So its time an event is the sum of its stages and a rest, and the rate is one over that. The
rules, the first that holds:

1. *The model* if inference takes half of the time or more.
2. *Waiting* if the loop's thread was on a CPU less than two thirds of the time:
   the *machine* if less than a tenth of its cores was idle, for then the thread waited for a core;
   else the *commits* if they take longer than polling, for their CPU work is small;
   else the *supply of events*: the brokers and the network.
3. *The loop's own work*: the largest of the model, Avro (decode and encode), and the client (poll,
   commit and the rest: what it costs to take events from librdkafka and to hand scores to it).

Without the kernel's books (no ``/proc``) rule 2 is left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from stream_scorer.bench.alone import Alone
from stream_scorer.bench.backlog import Throughput

Limit = Literal["model", "machine", "commits", "supply", "avro", "client"]

MODEL_SHARE = 0.5
BUSY_SHARE = 2 / 3
IDLE_SHARE = 0.1
#: A stage that takes so many times what it takes alone shares its cores with others.
SLOWED = 1.3
#: A batch size is large enough if a larger one saves less than this share.
WORTHWHILE = 0.1


@dataclass(frozen=True, slots=True)
class Machine:
    """What there is to run on.

    ``whole`` tells whether the worker may use all cores of the machine, so that idle ones are its
    to use; ``brokers_here`` whether Kafka runs on it too.
    """

    cores: float
    whole: bool
    intra_op_threads: int
    brokers_here: bool


def limit_of(throughput: Throughput, machine: Machine) -> Limit:
    """Return what limits the rate, by the rules above."""
    total, stages = throughput.micros, throughput.stages
    if stages["infer"] >= MODEL_SHARE * total:
        return "model"
    if throughput.busy is not None and throughput.busy.loop < BUSY_SHARE * total:
        idle = throughput.busy.idle_cores
        if machine.whole and idle < IDLE_SHARE * machine.cores:
            return "machine"
        return "commits" if stages["commit"] > stages["poll"] else "supply"
    own: dict[Limit, float] = {
        "model": stages["infer"],
        "avro": stages["decode"] + stages["encode"],
        "client": stages["poll"] + stages["commit"] + throughput.rest,
    }
    return max(own, key=lambda name: own[name])


def sentences(throughput: Throughput, alone: Alone, machine: Machine) -> Iterator[str]:
    """Yield what limits it and what would help, then what else the numbers say."""
    yield _limit_in_words(throughput, machine)
    yield from _slowed(throughput, alone, machine)
    yield from _aborts(throughput)
    yield from _batches(alone)


def _limit_in_words(throughput: Throughput, machine: Machine) -> str:
    total, stages, busy = throughput.micros, throughput.stages, throughput.busy
    waiting = "" if busy is None else f"{1 - min(1.0, busy.loop / total):.0%} of its time"
    match limit_of(throughput, machine):
        case "model":
            return (
                f"The model limits it: inference takes {stages['infer'] / total:.0%} of the "
                f"loop's time, with {_threads(machine.intra_op_threads)}. {_for_a_model(machine)}"
            )
        case "machine":
            whose = (
                "its own thread and Kafka, which runs here too" if machine.brokers_here else "it"
            )
            return (
                f"The machine limits it: its {machine.cores:g} cores are all busy, and the loop "
                f"waits {waiting} until there is one for {whose}. More cores would help first."
            )
        case "commits":
            return (
                f"Commits limit it: one takes {throughput.commit_seconds * 1e3:.0f} ms, and the "
                f"loop waits {waiting} while cores are idle. A longer batching.commit_interval "
                "makes them rarer, brokers that answer sooner make them shorter, and more workers "
                "wait at the same time."
            )
        case "supply":
            return (
                f"The brokers or the network limit it: the loop waits {waiting}, most of that for "
                "events. More partitions, brokers or bandwidth would help, and more workers fetch "
                "at the same time."
            )
        case "avro":
            share = (stages["decode"] + stages["encode"]) / total
            return (
                f"Reading and writing Avro limits it: {share:.0%} of the loop's time. Fewer "
                "fields in output.pass_through and smaller events would help, and more workers "
                "share the rest."
            )
        case "client":
            share = (stages["poll"] + stages["commit"] + throughput.rest) / total
            return (
                f"The Kafka client's own work limits it: {share:.0%} of the loop's time goes "
                "into taking events from it and handing scores to it. A faster model would change "
                "little; more workers (and as many partitions) would."
            )


def _threads(count: int) -> str:
    return f"{count} intra-op thread{'s'[: count != 1]}"


def _for_a_model(machine: Machine) -> str:
    if machine.intra_op_threads < machine.cores:
        return "More model.intra_op_threads, a smaller model, or more workers would help."
    return "A smaller model, or more workers on more cores, would help."


def _slowed(throughput: Throughput, alone: Alone, machine: Machine) -> Iterator[str]:
    at = alone.at(int(throughput.batch_rows))
    before = at.decode + at.infer + at.encode
    now = sum(throughput.stages[stage] for stage in ("decode", "infer", "encode"))
    if before > 0 and now >= SLOWED * before:
        others = "the client's threads" + (" and Kafka" if machine.brokers_here else "")
        yield (
            f"Scoring takes {now / before:.1f} times as long as alone ({now:.2f} µs an event, "
            f"{before:.2f} alone): {others} share the cores with it."
        )


def _aborts(throughput: Throughput) -> Iterator[str]:
    if throughput.aborts:
        yield (
            f"{throughput.aborts:.0f} transactions were aborted and scored again, so the rate is "
            "lower than it could be."
        )


def _batches(alone: Alone) -> Iterator[str]:
    """Say from which batch size on an event costs about as little as it can."""
    least = min(size.total for size in alone.sizes)
    enough = next(size for size in alone.sizes if size.total <= (1 + WORTHWHILE) * least)
    one = alone.sizes[0]
    if enough is one:
        yield f"An event takes {one.total:,.0f} µs to score, alone or among others."
        return
    yield (
        f"An event alone takes {one.total:,.0f} µs to score; from {enough.rows:,} at a time on it "
        f"is {enough.total:.2f} µs, and larger batches gain less than {WORTHWHILE:.0%}."
    )
