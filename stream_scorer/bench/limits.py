"""Determines what limits a scorer, from the measurements alone.

The loop of a worker is one thread: it polls, decodes, infers, encodes and commits in sequence. Its
time per event is therefore the sum of its stages and a rest, and the rate is the inverse. The first
rule that applies decides:

1. *The model* if inference takes half of the time or more.
2. *Waiting* if the loop's thread was on a CPU less than two thirds of the time:
   the *machine* if less than a tenth of its cores was idle, because the thread waited for a core;
   else the *commits* if they take longer than polling, because their CPU work is small;
   else the *supply of events*: the brokers and the network.
3. *The loop's own work*: the largest of the model, Avro (decode and encode), and the client (poll,
   commit and the rest: the cost of taking events from librdkafka and of passing scores to it).

Without the kernel's CPU accounting (no ``/proc``), rule 2 is skipped.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from stream_scorer.bench.backlog import Throughput

Limit = Literal["model", "machine", "commits", "supply", "avro", "client"]

MODEL_SHARE = 0.5
BUSY_SHARE = 2 / 3
IDLE_SHARE = 0.1


@dataclass(frozen=True, slots=True)
class Machine:
    """The machine that the worker runs on.

    ``whole`` tells whether the worker may use all cores of the machine, so that idle cores are
    available to it; ``brokers_here`` whether Kafka runs on it too.
    """

    cores: float
    whole: bool
    intra_op_threads: int
    brokers_here: bool


def limit_of(throughput: Throughput, machine: Machine) -> Limit:
    """Return what limits the rate, by the rules above."""
    total, stages = throughput.micros, throughput.stages
    if stages["infer"] >= MODEL_SHARE * throughput.loop_micros:
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
