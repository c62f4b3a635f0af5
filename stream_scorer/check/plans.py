"""Can the events be read, and at what cost: writers' schemas against the reader's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from stream_scorer.avro.framing import SchemaKey
from stream_scorer.avro.names import legal_names
from stream_scorer.avro.plan import compile_plan
from stream_scorer.avro.schema import Schema, type_at
from stream_scorer.avro.types import Fixed, Primitive, Record, types_within, unqualified
from stream_scorer.check.findings import Finding, error, ok, warning
from stream_scorer.check.wording import counted, some
from stream_scorer.errors import ConfigError, ContractError

_COST = "That costs about a hundred times what columns cost; leave the field out if you can."


def judge_names(reader: Schema) -> Iterator[Finding]:
    """Say which names of types are none by the specification, and what becomes of them."""
    legal = legal_names(reader.root)
    if legal:
        name, instead = next(iter(legal.items()))
        rest = "" if len(legal) == 1 else f" and {counted(len(legal) - 1, 'more name')}"
        yield warning(
            f"schemas.reader: {name}{rest} {'is' if len(legal) == 1 else 'are'} not valid in Avro "
            "(letters, digits and _ between dots, no digit first), though Java and registries take "
            f"such names. Events are read as they are; a copy in a scored event is named {instead}."
        )


def judge_logical_types(reader: Schema, wanted: Sequence[str]) -> Iterator[Finding]:
    """Name the fields that are read as what a logical type annotates, since it is not valid."""
    found: dict[tuple[str, str], list[str]] = {}
    for path in wanted:
        of = type_at(reader, path)[0]
        for each in (of, *types_within(of)):
            if isinstance(each, Primitive | Fixed) and each.ignored:
                found.setdefault((each.kind, each.ignored), []).append(path)
    for (kind, ignored), within in found.items():
        paths = list(dict.fromkeys(within))
        are = "is" if len(paths) == 1 else "are"
        instead = ", not as a number" if ignored.startswith("decimal ") else ""
        yield warning(
            f"schemas.reader: {some(paths)} {are} read as {kind}{instead}, since the logical type "
            f"{ignored} is not valid and so ignored."
        )


def judge_reader(
    reader: Schema, wanted: Sequence[str], copied: Sequence[str] = ()
) -> Iterator[Finding]:
    """Judge events that were written with the reader's own schema, which any scorer may meet."""
    try:
        plan = compile_plan(reader, reader, wanted, copied)
    except ConfigError as refused:
        yield error(f"schemas.reader: {refused}", ConfigError)
        return
    except ContractError as refused:
        yield error(f"schemas.reader: {refused}", ContractError)
        return
    if plan.fallback is None:
        fields = counted(len({*wanted, *copied}), "field")
        yield ok(f"Events of the reader's schema are read as columns ({fields}).")
    else:
        yield warning(f"schemas.reader: {plan.fallback} {_COST}")


def judge_writers(
    subject: str,
    versions: Mapping[int, Schema | ContractError],
    reader: Schema,
    wanted: Sequence[str],
    copied: Sequence[str] = (),
) -> Iterator[Finding]:
    """Judge the versions of an input's subject, oldest first, against the reader's schema.

    Events of the last version are what comes next, so the reader must be able to read them. Older
    ones may still be in the topic.
    """
    if not versions:
        yield warning(
            f"The registry has no subject {subject}, so whether the input's events can be read "
            "was not looked at."
        )
        return
    judged = [
        _judged(f"Version {number} of {subject}", writer, reader, wanted, copied)
        for number, writer in versions.items()
    ]
    *older, latest = judged
    if isinstance(latest, ContractError):
        # Where the registry's schema itself is no good, no other reader's schema helps.
        is_avro = isinstance(versions[max(versions)], Schema)
        cure = ": change schemas.reader, or give its new fields a default." if is_avro else "."
        yield error(
            f"{latest} It is the latest, so every new event would be a dead letter{cure}",
            ContractError,
        )
    for refused in older:
        if isinstance(refused, ContractError):
            yield warning(f"{refused} Its events, if the topic still holds any, are dead letters.")
    yield from (warning(sentence) for sentence in judged if isinstance(sentence, str))
    if all(each is None for each in judged):
        yield ok(
            f"{counted(len(versions), 'version')} of {subject} can be read as schemas.reader, "
            "as columns."
        )


def judge_listed(
    listed: Mapping[SchemaKey, Schema],
    reader: Schema,
    wanted: Sequence[str],
    copied: Sequence[str] = (),
) -> Iterator[Finding]:
    """Judge the schemas of a directory that have the reader's name, so that they may be writers'.

    Others, the scored event's for one, are none of the input's. Which one comes next is not known,
    so none that can't be read is an error.
    """
    for key, schema in listed.items():
        if _name(schema) != _name(reader):
            continue
        judged = _judged(f"In schemas.directory, {key}", schema, reader, wanted, copied)
        if isinstance(judged, ContractError):
            yield warning(f"{judged} Its events, if there are any, are dead letters.")
        elif judged is not None:
            yield warning(judged)


def _name(schema: Schema) -> str:
    root = schema.root
    return unqualified(root.name) if isinstance(root, Record) else root.kind


def _judged(
    version: str,
    writer: Schema | ContractError,
    reader: Schema,
    wanted: Sequence[str],
    copied: Sequence[str],
) -> ContractError | str | None:
    """Return why no event of the version can be read, or what slows it, or ``None``."""
    if isinstance(writer, ContractError):
        return writer
    try:
        fallback = compile_plan(writer, reader, wanted, copied).fallback
    except ContractError as refused:
        return ContractError(f"{version} can't be read as schemas.reader: {refused}")
    return None if fallback is None else f"{version}: {fallback} {_COST}"
