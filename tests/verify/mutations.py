"""What a wrong implementation leaves behind, done to what a correct one left."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace

from stream_scorer.records import Reason, TopicPartition
from stream_scorer.verify.values import Entry, Invariant, Trace
from tests.verify.simulation import Observed, Telling

NEW = "new"


@dataclass(frozen=True)
class Mutation:
    """A change, the invariant that it violates, and those that it may violate besides."""

    change: Callable[[Observed, random.Random], None]
    violates: Invariant
    perhaps: frozenset[Invariant] = frozenset()

    def __str__(self) -> str:
        return self.change.__name__


def lose_an_event(observed: Observed, dice: random.Random) -> None:
    """Its trace is not there, though its offset is committed."""
    _replace(observed, dice.choice(observed.final), None)


def double_an_event(observed: Observed, dice: random.Random) -> None:
    """A later transaction writes it again."""
    trace = dice.choice(observed.final)
    _append(observed, trace)


def score_what_is_no_event(observed: Observed, dice: random.Random) -> None:
    """A control marker or an aborted event gets a trace."""
    trace = dice.choice(observed.final)
    used = {each.offset for call in observed.tellings if call.call == "expect" for each in call.what
            if each.source == trace.source}  # fmt: skip
    gap = max(set(range(max(used))) - used, default=None)
    if gap is None:
        gap = max(used) + 1
        observed.committed[trace.source] = gap + 1  # a marker that was passed over at the end
    _append(observed, replace(trace, source_offset=gap))


def give_a_wrong_reason(observed: Observed, dice: random.Random) -> None:
    """A dead letter says something else than what is wrong."""
    trace = dice.choice([each for each in observed.final if each.reason is not None])
    _replace(observed, trace, replace(trace, reason=Reason.TOO_LARGE))


def dead_letter_a_good_event(observed: Observed, dice: random.Random) -> None:
    """It is found among the dead letters instead of being scored."""
    trace = dice.choice([each for each in observed.final if each.reason is None])
    _replace(observed, trace, replace(trace, reason=Reason.INFERENCE_FAILED, score=None))


def give_a_wrong_score(observed: Observed, dice: random.Random) -> None:
    """The last bit is wrong."""
    trace = dice.choice([each for each in observed.final if each.score is not None])
    _replace(observed, trace, replace(trace, score=(trace.score or 0.0) + 2**-40))


def swap_two_events(observed: Observed, dice: random.Random) -> None:
    """Two neighbours of a source, or of a key, stand in each other's place."""
    pairs = [
        (one, other)
        for one, other in zip(observed.final, observed.final[1:], strict=False)
        if (one.place, one.source, one.key) == (other.place, other.source, other.key)
    ]
    if not pairs:
        pairs = [_two_of_a_source(observed)]
    one, other = dice.choice(pairs)
    _replace(observed, other, _moved(one, other))
    _replace(observed, one, _moved(other, one))


def tear_a_transaction(observed: Observed, dice: random.Random) -> None:
    """One of its records is not visible."""
    name = dice.choice([name for name, count in _sizes(observed).items() if count > 1])
    torn = [trace for trace in observed.final if trace.transaction == name]
    _replace(observed, dice.choice(torn), None)


def show_what_was_aborted(observed: Observed, dice: random.Random) -> None:
    """The client said aborted, and all is visible."""
    name = dice.choice(sorted(_names(observed, "committed") & set(_sizes(observed))))
    _change_entries(observed, name, lambda entry: (
        replace(entry, what="aborted") if entry.what == "committed" else entry
    ))  # fmt: skip


def hide_what_was_committed(observed: Observed, dice: random.Random) -> None:
    """The client said committed, and nothing is visible; another transaction did its work."""
    del dice
    details = {"transaction": NEW, "records": 2}
    entries = [Entry(0.0, "w", what, details) for what in ("begun", "sent", "committed")]
    observed.tellings.append(Telling("told", entries))


def show_what_was_never_sent(observed: Observed, dice: random.Random) -> None:
    """A worker died before it had handed over everything, and what it had done is visible."""
    name = dice.choice(list(_sizes(observed)))
    _change_entries(observed, name, lambda entry: entry if entry.what == "begun" else None)


def take_an_offset_back(observed: Observed, dice: random.Random) -> None:
    """A sample is lower than the one before."""
    source = dice.choice(sorted(observed.committed))
    before = {source: observed.committed[source]}
    observed.tellings.append(Telling("sampled", before))
    observed.tellings.append(Telling("sampled", {source: before[source] - 1}))


def commit_less_than_is_visible(observed: Observed, dice: random.Random) -> None:
    """Traces become visible before their offsets are committed, and only for a while."""
    trace = dice.choice(observed.final)
    for number, telling in enumerate(observed.tellings):
        if telling.call == "seen" and trace in telling.what:
            early = Telling("sampled", {trace.source: trace.source_offset})
            observed.tellings.insert(number + 1, early)


def commit_too_little_in_the_end(observed: Observed, dice: random.Random) -> None:
    """The offset of the last trace was never committed."""
    trace = dice.choice([each for each in observed.final if _is_last(observed, each)])
    observed.committed[trace.source] = trace.source_offset
    for telling in observed.tellings:
        if telling.call == "sampled" and trace.source in telling.what:
            before = telling.what[trace.source]
            telling.what[trace.source] = min(before, trace.source_offset)


def show_readers_different_things(observed: Observed, dice: random.Random) -> None:
    """Who reads afterwards misses a record."""
    observed.final.remove(dice.choice(observed.final))


def reorder_the_log(observed: Observed, dice: random.Random) -> None:
    """Who reads afterwards gets another record in a place."""
    number = dice.randrange(len(observed.final))
    observed.final[number] = replace(observed.final[number], transaction="another")


def leave_a_transaction_open(observed: Observed, dice: random.Random) -> None:
    """In the end it holds readers back."""
    place = dice.choice(sorted(observed.ends))
    _, high = observed.ends[place]
    observed.ends[place] = (high, high + 1)


def score_into_another_partition(observed: Observed, dice: random.Random) -> None:
    """With ``partition: source`` an event belongs into the partition with its own number."""
    trace = dice.choice([each for each in observed.final if each.reason is None])
    place = TopicPartition("out", trace.source.partition + 100)
    _replace(observed, trace, replace(trace, place=place))
    observed.final.sort(key=lambda each: each.place)


_LOSS = frozenset({Invariant.ONE_TRACE, Invariant.ATOMIC, Invariant.OUTCOME, Invariant.OFFSETS})
MUTATIONS = [
    Mutation(lose_an_event, Invariant.ONE_TRACE, _LOSS),
    Mutation(double_an_event, Invariant.ONE_TRACE),
    Mutation(score_what_is_no_event, Invariant.ONE_TRACE, frozenset({Invariant.ORDER})),
    Mutation(give_a_wrong_reason, Invariant.ONE_TRACE),
    Mutation(dead_letter_a_good_event, Invariant.ONE_TRACE),
    Mutation(give_a_wrong_score, Invariant.SCORE),
    Mutation(swap_two_events, Invariant.ORDER, frozenset({Invariant.OFFSETS, Invariant.ONE_TRACE})),
    Mutation(tear_a_transaction, Invariant.ATOMIC, _LOSS),
    Mutation(show_what_was_aborted, Invariant.OUTCOME),
    Mutation(hide_what_was_committed, Invariant.OUTCOME),
    Mutation(show_what_was_never_sent, Invariant.ATOMIC),
    Mutation(take_an_offset_back, Invariant.OFFSETS),
    Mutation(commit_less_than_is_visible, Invariant.OFFSETS),
    Mutation(commit_too_little_in_the_end, Invariant.OFFSETS, frozenset({Invariant.ONE_TRACE})),
    Mutation(show_readers_different_things, Invariant.SAME_VIEW),
    Mutation(reorder_the_log, Invariant.SAME_VIEW),
    Mutation(leave_a_transaction_open, Invariant.NOTHING_OPEN),
]


def _replace(observed: Observed, trace: Trace, other: Trace | None) -> None:
    """Let both readers see ``other`` instead, or nothing."""
    seen = [each.what for each in observed.tellings if each.call == "seen" and trace in each.what]
    for traces in (observed.final, *seen):
        at = traces.index(trace)
        traces[at : at + 1] = [] if other is None else [other]


def _append(observed: Observed, trace: Trace) -> None:
    """Let both readers see one more record, of a transaction of its own."""
    end = observed.ends[trace.place][1]
    more = replace(trace, offset=end, transaction=NEW)
    observed.ends[trace.place] = (end + 2, end + 2)
    details = {"transaction": NEW, "records": 1}
    entries = [Entry(0.0, "w", what, details) for what in ("begun", "sent", "committed")]
    observed.tellings += [Telling("told", entries), Telling("seen", [more])]
    observed.final.append(more)


def _moved(trace: Trace, to: Trace) -> Trace:
    """Return the trace in the other's place and transaction."""
    return replace(trace, place=to.place, offset=to.offset, transaction=to.transaction)


def _two_of_a_source(observed: Observed) -> tuple[Trace, Trace]:
    """Return two scored traces of one source and key, one before the other in one place."""
    lanes: dict[object, Trace] = {}
    for trace in observed.final:
        lane = (trace.place, trace.source, trace.key)
        if lane in lanes:
            return lanes[lane], trace
        lanes[lane] = trace
    raise AssertionError("the run is too short")


def _sizes(observed: Observed) -> Counter[str]:
    return Counter(trace.transaction for trace in observed.final)


def _names(observed: Observed, what: str) -> set[str]:
    return {
        entry.details["transaction"]
        for telling in observed.tellings
        if telling.call == "told"
        for entry in telling.what
        if entry.what == what
    }


def _change_entries(observed: Observed, name: str, change: Callable[[Entry], Entry | None]) -> None:
    for telling in observed.tellings:
        if telling.call == "told":
            changed = [
                change(entry) if entry.details["transaction"] == name else entry
                for entry in telling.what
            ]
            telling.what = [entry for entry in changed if entry is not None]


def _is_last(observed: Observed, trace: Trace) -> bool:
    return not any(
        each.source == trace.source and each.source_offset > trace.source_offset
        for each in observed.final
    )
