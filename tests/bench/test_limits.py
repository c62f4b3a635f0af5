"""What limits a scorer: the rules, at both sides of each, and the words."""

from __future__ import annotations

import pytest

from stream_scorer.bench.backlog import Throughput
from stream_scorer.bench.limits import Limit, Machine, limit_of
from stream_scorer.bench.words import sentences
from tests.bench.measured import alone, machine, throughput, waiting

TWO_CORES = machine(cores=2.0)


@pytest.mark.parametrize(
    ("limit", "measured", "on"),
    [
        ("model", throughput(infer=4.0), TWO_CORES),
        ("model", waiting(0.5, infer=4.0), TWO_CORES),  # a device computes, the loop waits for it
        ("model", throughput(infer=3.5), TWO_CORES),  # not half, but the largest part
        ("machine", waiting(0.5, idle_cores=0.1), TWO_CORES),
        ("commits", waiting(0.5, commit=3.0), TWO_CORES),
        ("commits", waiting(0.5, idle_cores=0.1, commit=3.0), machine(cores=2.0, whole=False)),
        ("supply", waiting(0.5, poll=3.0), TWO_CORES),
        ("avro", throughput(decode=3.0), TWO_CORES),
        ("client", throughput(poll=2.0), TWO_CORES),
        ("client", throughput(rest=1.0), TWO_CORES),
        ("client", waiting(0.3, commit=3.0), TWO_CORES),  # too little waiting to be the reason
        ("commits", waiting(0.35, commit=3.0), TWO_CORES),
        ("client", throughput(commit=3.0, busy=None), TWO_CORES),  # nobody knows of the waiting
    ],
)
def test_the_first_rule_that_holds_names_the_limit(
    limit: Limit, measured: Throughput, on: Machine
) -> None:
    """As the module's description has them."""
    assert limit_of(measured, on) == limit


@pytest.mark.parametrize(
    ("measured", "on", "said"),
    [
        (throughput(infer=6.0), TWO_CORES, "inference takes 60% of the loop's time, with 1 intra"),
        (throughput(infer=6.0), TWO_CORES, "More model.intra_op_threads"),
        (throughput(infer=6.0), machine(cores=1.0), "A smaller model, or more workers on more"),
        (
            waiting(0.5, idle_cores=0.0),
            TWO_CORES,
            "its 2 cores are all busy, 0.8 of them with the worker, the others with what",
        ),
        (
            waiting(0.5, 0.0),
            machine(brokers_here=True),
            "the others with Kafka and whatever else runs on it",
        ),
        (waiting(0.5, commit=3.0), TWO_CORES, "one takes 20 ms, and the loop waits 50% of its"),
        (waiting(0.5, commit=3.0), TWO_CORES, "batching.commit_interval"),
        (waiting(0.5, poll=3.0), TWO_CORES, "The brokers or the network limit it"),
        (throughput(encode=5.0), TWO_CORES, "67% of the loop's time. Fewer fields in output.pass"),
        (throughput(poll=5.0), TWO_CORES, "client's own work limits it: 67% of the loop's time"),
    ],
)
def test_the_first_sentence_says_it_with_the_numbers(
    measured: Throughput, on: Machine, said: str
) -> None:
    """And what would help."""
    assert said in next(sentences(measured, alone((1024, 3.0)), on))


def test_a_scorer_that_is_slower_than_alone_shares_its_cores() -> None:
    """By a third and more; a little is noise."""
    slow, little = throughput(decode=2.0), throughput(decode=1.2)
    said = list(sentences(slow, alone((1024, 3.0)), machine(brokers_here=True)))
    assert any("1.3 times as long as alone" in each and "and Kafka" in each for each in said)
    assert not any("alone (" in each for each in sentences(little, alone((1024, 3.0)), machine()))


def test_aborted_transactions_are_told() -> None:
    """They were scored twice."""
    said = list(sentences(throughput(aborts=3.0), alone(), machine()))
    assert any(each.startswith("3 transactions were aborted") for each in said)


def test_the_smallest_batch_that_is_as_good_as_any_is_named() -> None:
    """Within a tenth."""
    [*_, said] = sentences(
        throughput(), alone((1, 90.0), (16, 6.0), (256, 3.2), (1024, 3.0)), TWO_CORES
    )
    assert said.startswith(
        "A single event takes 90 µs to score; in batches of 256 or more it takes 3.20 µs"
    )
    [*_, said] = sentences(throughput(), alone((1, 90.0), (16, 6.0), (64, 3.0)), TWO_CORES)
    assert said.endswith("90 µs to score, 3.00 µs in batches of 64, the largest tried.")
    [*_, said] = sentences(throughput(), alone((1, 90.0), (16, 89.0)), TWO_CORES)
    assert said == "An event takes 90 µs to score, alone or in a batch."
