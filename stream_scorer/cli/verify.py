"""``stream-scorer verify``."""

from __future__ import annotations

import secrets
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from stream_scorer.cli.interrupts import interruptible
from stream_scorer.cli.options import TopicPrefix, writable


class Protocols(StrEnum):
    """Which group protocols are proven."""

    CLASSIC = "classic"
    CONSUMER = "consumer"
    BOTH = "both"


class Orders(StrEnum):
    """Which values of ``output.partition`` are proven."""

    SOURCE = "source"
    KEY = "key"
    BOTH = "both"


def verify(
    context: typer.Context,
    *,
    duration: Annotated[str, typer.Option(help="How long: 1m, 2h, 1d.")] = "2m",
    workers: Annotated[int, typer.Option(help="How many workers.")] = 3,
    partitions: Annotated[int, typer.Option(help="How many partitions they share.")] = 6,
    rate: Annotated[float, typer.Option(help="Events a second.")] = 300.0,
    faults: Annotated[
        int | None,
        typer.Option(
            help="How many injuries, evenly spread; as many as fit if it is not given.",
            show_default=False,
        ),
    ] = None,
    only: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FAULT", help="Inflict only this one; may be repeated.", show_default=False
        ),
    ] = None,
    load: Annotated[
        list[str] | None,
        typer.Option(
            metavar="LOAD", help="Under this load only; may be repeated.", show_default=False
        ),
    ] = None,
    seed: Annotated[
        int | None, typer.Option(help="Repeats the choices of another run.", show_default=False)
    ] = None,
    group_protocol: Annotated[
        Protocols, typer.Option(help="The protocol of the consumer group.")
    ] = Protocols.BOTH,
    partition: Annotated[Orders, typer.Option(help="The output.partition.")] = Orders.BOTH,
    brokers: Annotated[
        int | None,
        typer.Option(
            help="Brokers of the embedded Kafka, 1 or 3.  [default: 1]", show_default=False
        ),
    ] = None,
    bootstrap_servers: Annotated[
        str | None,
        typer.Option(
            metavar="HOST:PORT,…",
            help="Use this cluster, not an embedded Kafka, and only topics made for it.",
            show_default=False,
        ),
    ] = None,
    property_: Annotated[
        list[str] | None,
        typer.Option(
            "-X",
            metavar="KEY=VALUE",
            help="A librdkafka property for that cluster, such as sasl.username; may be repeated.",
            show_default=False,
        ),
    ] = None,
    properties: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="A file of such properties, one a line.", show_default=False
        ),
    ] = None,
    topic_prefix: TopicPrefix = None,
    folder: Annotated[
        Path | None,
        typer.Option(
            help="Keep logs, histories and an embedded Kafka's data in this new folder.",
            show_default=False,
        ),
    ] = None,
    history: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Write what happened here, as JSON lines.", show_default=False
        ),
    ] = None,
) -> None:
    """Prove it: injure real workers on a real Kafka, and count that nothing is lost or doubled.

    Nothing needs to be installed: Kafka runs on a Java from PyPI. Or name a cluster of your own.
    The exit code is 0 if every invariant held, 1 if one was violated.

    Example:
        stream-scorer verify --brokers 3 --duration 10m
    """
    from rich.console import Console

    from stream_scorer.verify.credentials import properties_of
    from stream_scorer.verify.plan import Plan
    from stream_scorer.verify.run import verify as hold
    from stream_scorer.verify.topics import any_prefix

    plan = Plan(
        bootstrap_servers=bootstrap_servers,
        properties=properties_of(property_ or (), properties),
        brokers=brokers,
        duration_seconds=_seconds("--duration", duration),
        workers=workers,
        partitions=partitions,
        faults=faults,
        events_per_second=rate,
        seed=secrets.randbelow(1_000_000) if seed is None else seed,
        group_protocols=_each(group_protocol, Protocols),
        order_by=_each(partition, Orders),
        folder=folder,
        history=history,
        only=tuple(only or ()),
        loads=tuple(load or ()),
        topic_prefix=any_prefix("verify") if topic_prefix is None else topic_prefix,
    )
    writable("--folder", plan.folder)
    with interruptible(context.obj, "Interrupted: there is no verdict."):
        code = hold(plan, Console())
    if code:
        raise typer.Exit(code)


def _each(chosen: StrEnum, among: type[StrEnum]) -> tuple[Any, ...]:
    """Return what was chosen, as plain texts; ``both`` is all others."""
    return tuple(each.value for each in among if each.value != "both" and chosen in (each, "both"))


def _seconds(option: str, written: str) -> float:
    from stream_scorer.config.units import seconds
    from stream_scorer.errors import ConfigError

    try:
        return float(seconds(written))
    except ValueError as error:
        raise ConfigError(
            f"{option} must be a duration with its unit, such as 30s, 10m or 1d, not {written}."
        ) from error
