"""How far the numbers can be trusted, and what was different from production, in sentences."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from stream_scorer.bench.alone import Alone
from stream_scorer.bench.events import Events, FileEvents
from stream_scorer.bench.latency import Latency
from stream_scorer.errors import ContractError

#: Fewer dead letters among the events don't change what is measured.
MANY_REFUSED = 0.01


def on_events(events: Events, alone: Alone, used: int) -> Iterator[str]:
    """Yield what is special about the events: made up, repeated, or refused."""
    if isinstance(events, FileEvents):
        if events.distinct < used:
            yield (
                f"The file's {events.distinct:,} events were repeated; a processor scores what it "
                "has seen before faster."
            )
        if events.cut:
            yield "The file is larger than what is kept in memory; its end was not used."
    else:
        yield (
            "The events were made up from the schema: random values, a different one each. Real "
            "ones take other ways through trees; give them by --input events.avro."
        )
    refusals = alone.refusals
    if refusals.share >= MANY_REFUSED:
        [(reason, _)] = refusals.reasons.most_common(1)
        advice = "" if isinstance(events, FileEvents) else " Give real ones by --input events.avro."
        yield (
            f"{refusals.share:.0%} of the events become dead letters ({reason}: "
            f"{refusals.example}), which cost another time than scores.{advice}"
        )


def refuse_if_none_is_scored(events: Events, alone: Alone) -> None:
    """Say that there is nothing to measure.

    Raises:
        ContractError: every event became a dead letter.
    """
    refusals = alone.refusals
    if refusals.reasons.total() < refusals.events:
        return
    [(reason, _)] = refusals.reasons.most_common(1)
    given = isinstance(events, FileEvents)
    what = "of --input" if given else "that were made up from the schema"
    advice = "" if given else " Give real ones by --input events.avro."
    raise ContractError(
        f"None of the events {what} can be scored ({reason}: {refusals.example}), so there is "
        f"nothing to measure.{advice}"
    )


def on_latencies(latencies: Sequence[Latency]) -> Iterator[str]:
    """Yield which rates were not held, by the worker or by the one who wrote."""
    for each in latencies:
        if not each.written_as_asked:
            yield (
                f"Only {each.written_rate:,.0f} of {each.rate:,.0f} events/s could be written "
                "here, so that line is of the lower rate."
            )
        elif not each.kept_up:
            yield (
                f"At {each.rate:,.0f} events/s the worker falls behind: {each.on_the_way:,} events "
                "were on their way in the end, so that line grows with time."
            )


def on_the_run(*, embedded: bool) -> Iterator[str]:
    """Yield what was different from production."""
    yield (
        "Schema ids come from a folder of this run instead of the registry (both are asked once), "
        "and no budget of dead letters stops the worker; all else is the configuration's."
    )
    if embedded:
        yield (
            "Kafka ran on this machine, one broker without replication; `--cluster` measures on "
            "the configuration's own."
        )
