"""Sentences about the limit of a scorer and about what would help."""

from __future__ import annotations

from collections.abc import Iterator

from stream_scorer.bench.alone import Alone
from stream_scorer.bench.backlog import Throughput
from stream_scorer.bench.limits import Machine, limit_of

#: A stage that takes this many times its time alone shares its cores with others.
SLOWED = 1.3
#: A batch size is large enough if a larger one saves less than this share.
WORTHWHILE = 0.1


def sentences(throughput: Throughput, alone: Alone, machine: Machine) -> Iterator[str]:
    """Yield what limits the scorer and what would help, then other findings."""
    yield _limit_in_words(throughput, machine)
    yield from _slowed(throughput, alone, machine)
    yield from _aborts(throughput)
    yield from _batches(alone)


def _limit_in_words(throughput: Throughput, machine: Machine) -> str:
    match limit_of(throughput, machine):
        case "model":
            return _of_model(throughput, machine)
        case "machine":
            return _of_machine(throughput, machine)
        case "commits":
            return _of_commits(throughput)
        case "supply":
            return (
                f"The brokers or the network limit it: the loop waits {_waiting(throughput)}, most "
                "of that for events. More partitions, brokers or bandwidth would help, or more "
                "workers, which fetch in parallel."
            )
        case "avro":
            return (
                f"Reading and writing Avro limits it: {_share(throughput, 'decode', 'encode')} of "
                "the loop's time. Fewer fields in output.pass_through, smaller events or more "
                "workers would help."
            )
        case "client":
            return (
                "The Kafka client's own work limits it: "
                f"{_share(throughput, 'poll', 'commit', rest=True)} of the loop's time is spent on "
                "receiving events and sending scores. A faster model would change little; more "
                "workers (and as many partitions) would help."
            )


def _of_model(throughput: Throughput, machine: Machine) -> str:
    threads = machine.intra_op_threads
    way_out = (
        "More model.intra_op_threads, a smaller model, or more workers would help."
        if threads < machine.cores
        else "A smaller model, or more workers on more cores, would help."
    )
    return (
        f"The model limits it: inference takes {_share(throughput, 'infer')} of the loop's time, "
        f"with {threads} intra-op thread{'s'[: threads != 1]}. {way_out}"
    )


def _of_machine(throughput: Throughput, machine: Machine) -> str:
    its = 0.0 if throughput.busy is None else throughput.busy.total / throughput.micros
    others = f"{'Kafka and ' if machine.brokers_here else ''}whatever else runs on it"
    return (
        f"The machine limits it: its {machine.cores:g} cores are all busy, {its:.1f} of them with "
        f"the worker, the others with {others}, and the loop waits {_waiting(throughput)}. More "
        "cores would help most."
    )


def _of_commits(throughput: Throughput) -> str:
    return (
        f"Commits limit it: one takes {throughput.commit_seconds * 1e3:.0f} ms, and the loop waits "
        f"{_waiting(throughput)}. A longer batching.commit_interval makes them less frequent, "
        "faster brokers make them shorter, and more workers wait in parallel."
    )


def _waiting(throughput: Throughput) -> str:
    busy = throughput.busy
    share = 0.0 if busy is None else 1 - min(1.0, busy.loop / throughput.micros)
    return f"{share:.0%} of its time"


def _share(throughput: Throughput, *stages: str, rest: bool = False) -> str:
    micros = sum(throughput.stages[stage] for stage in stages) + rest * throughput.rest
    return f"{micros / throughput.loop_micros:.0%}"


def _slowed(throughput: Throughput, alone: Alone, machine: Machine) -> Iterator[str]:
    at = alone.at(int(throughput.batch_rows))
    before = at.decode + at.infer + at.encode
    now = sum(throughput.stages[stage] for stage in ("decode", "infer", "encode"))
    if before > 0 and now >= SLOWED * before:
        others = "the client's threads" + (" and Kafka" if machine.brokers_here else "")
        yield (
            f"Scoring takes {now / before:.1f} times as long as alone ({now:.2f} µs per event, "
            f"{before:.2f} alone): {others} share the cores with it."
        )


def _aborts(throughput: Throughput) -> Iterator[str]:
    if throughput.aborts:
        yield (
            f"{throughput.aborts:.0f} transactions were aborted and scored again, so the rate is "
            "lower than it could be."
        )


def _batches(alone: Alone) -> Iterator[str]:
    """Report the batch size from which an event costs about as little as possible."""
    least = min(size.total for size in alone.sizes)
    enough = next(size for size in alone.sizes if size.total <= (1 + WORTHWHILE) * least)
    one = alone.sizes[0]
    if enough is one:
        yield f"An event takes {one.total:,.0f} µs to score, alone or in a batch."
        return
    says = f"A single event takes {one.total:,.0f} µs to score"
    if enough is alone.sizes[-1]:
        yield f"{says}, {enough.total:.2f} µs in batches of {enough.rows:,}, the largest tried."
        return
    yield (
        f"{says}; in batches of {enough.rows:,} or more it takes {enough.total:.2f} µs, and larger "
        f"batches gain less than {WORTHWHILE:.0%}."
    )
