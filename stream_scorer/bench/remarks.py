"""Remarks on how reliable the numbers are, and on differences from production."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from stream_scorer.bench.alone import Alone
from stream_scorer.bench.events import Events, FileEvents
from stream_scorer.bench.latency import Latency
from stream_scorer.errors import ContractError

#: A smaller share of dead letters does not affect the results.
MANY_REFUSED = 0.01


def on_events(events: Events, alone: Alone, used: int) -> Iterator[str]:
    """Yield remarks on the events: made up, repeated, or refused."""
    if isinstance(events, FileEvents):
        if events.distinct < used:
            yield (
                f"The file's {events.distinct:,} events were repeated; processors score data that "
                "they have seen before faster."
            )
        if events.cut:
            yield "The file is larger than the part that is kept in memory; its end was not used."
    else:
        yield (
            "The events were made up from the schema, with random values. Real events take other "
            "paths through trees; provide some with --input events.avro."
        )
    refusals = alone.refusals
    if refusals.share >= MANY_REFUSED:
        [(reason, _)] = refusals.reasons.most_common(1)
        given = isinstance(events, FileEvents)
        advice = "" if given else " Provide real ones with --input events.avro."
        yield (
            f"{refusals.share:.0%} of the events become dead letters ({reason}: "
            f"{refusals.example}), which take a different time than scores.{advice}"
        )


def refuse_if_none_is_scored(events: Events, alone: Alone) -> None:
    """Refuse to measure if there is nothing to measure.

    Raises:
        ContractError: every event became a dead letter.
    """
    refusals = alone.refusals
    if refusals.reasons.total() < refusals.events:
        return
    [(reason, _)] = refusals.reasons.most_common(1)
    given = isinstance(events, FileEvents)
    what = "of --input" if given else "that were made up from the schema"
    advice = "" if given else " Provide real ones with --input events.avro."
    raise ContractError(
        f"None of the events {what} can be scored ({reason}: {refusals.example}), so there is "
        f"nothing to measure.{advice}"
    )


def on_latencies(latencies: Sequence[Latency]) -> Iterator[str]:
    """Yield the rates that the worker or the writer could not keep."""
    for each in latencies:
        if not each.written_as_asked:
            yield (
                f"Only {each.written_rate:,.0f} of {each.rate:,.0f} events/s could be written "
                "here, so that line is for the lower rate."
            )
        elif not each.kept_up:
            yield (
                f"At {each.rate:,.0f} events/s the worker falls behind: {each.on_the_way:,} events "
                "were in flight at the end, so that latency grows with time."
            )


def on_the_run(*, embedded: bool) -> Iterator[str]:
    """Yield differences from production."""
    yield (
        "Schema ids come from a folder of this run instead of the registry (each is requested "
        "once), and the dead-letter budget is off; everything else is as configured."
    )
    if embedded:
        yield (
            "Kafka ran on this machine, with one broker and without replication; `--cluster` "
            "measures on the configured one."
        )
