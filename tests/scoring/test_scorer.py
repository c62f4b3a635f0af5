"""A batch in, every event's one trace out, with a real model and real schemas."""

from __future__ import annotations

import io
import json
import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import fastavro
import numpy as np
import pytest
from onnx import helper, numpy_helper

from stream_scorer.avro.framing import ById, SchemaKey, Unframed
from stream_scorer.avro.schema import Schema, parse
from stream_scorer.config import load
from stream_scorer.errors import Broken, ContractError, SchemaGone, TooManyDeadLetters, Unanswered
from stream_scorer.pipeline.contract import make_contract, open_model
from stream_scorer.pipeline.pipeline import Pipeline, make_scorer
from stream_scorer.pipeline.sources import Schemas
from stream_scorer.records import (
    Batch,
    Cause,
    Headers,
    Held,
    Problem,
    Reason,
    ScoredBatch,
    Stage,
    TopicLimits,
    TopicPartition,
)
from stream_scorer.scoring.holding import Lacking, lacks_nothing
from stream_scorer.scoring.scorer import Scorer
from tests.model.making import value, write_model
from tests.scorers import event as event_schema
from tests.scorers import scorer

P3 = TopicPartition("cards", 3)
CONFLUENT = {"schemas": {"framing": "confluent", "registry": {"url": "http://unused"}}}
NULLABLE: Mapping[str, Any] = {
    "type": "record",
    "name": "Event",
    "fields": [
        {"name": "event_id", "type": "string"},
        {"name": "a", "type": ["null", "double"]},
        {"name": "b", "type": "double"},
    ],
}


@dataclass
class Source:
    """Schemas by key; an exception is what the source answers instead."""

    schemas: dict[SchemaKey, Schema | Exception] = field(default_factory=dict)
    asked: list[SchemaKey] = field(default_factory=list)

    def find(self, key: SchemaKey) -> Schema | None:
        """Return the schema, if there is one."""
        self.asked.append(key)
        found = self.schemas.get(key)
        if isinstance(found, Exception):
            raise found
        return found


@dataclass
class Made:
    """A scorer, and how to read what it writes."""

    scorer: Scorer
    scored_schema: Any

    def read(self, scored: ScoredBatch) -> list[Any]:
        """Decode the scored events; ``None`` is a forwarded tombstone."""
        return [
            None
            if each is None
            else fastavro.schemaless_reader(io.BytesIO(each), self.scored_schema, None)
            for each in scored.scored.values
        ]

    def ids(self, scored: ScoredBatch) -> list[str]:
        """Return the scored events' ids."""
        return [each["event_id"] for each in self.read(scored)]


Make = Callable[..., Made]


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Make:
    """Make a scorer whose score is the features ``a`` and ``b``, with settings on top."""
    monkeypatch.chdir(tmp_path)

    def made(
        settings: Mapping[str, Any] | None = None,
        *,
        source: Source | None = None,
        schema: Mapping[str, Any] | None = None,
        limits: Callable[[], TopicLimits] = TopicLimits,
        lacking: Lacking = lacks_nothing,
    ) -> Made:
        reader = parse(json.dumps(schema or event_schema()))
        loaded = load(scorer(tmp_path, settings), [], {}, need_kafka=False)
        contract = make_contract(loaded, open_model(loaded.model), reader)
        schemas = source or Source({Unframed(): reader})
        framing = loaded.schemas.framing
        where = Schemas(framing, reader, "", schemas, lambda _: b"")
        built = make_scorer(Pipeline(loaded, contract, where), limits, lacking=lacking)
        return Made(built, fastavro.parse_schema(json.loads(contract.scored.text)))

    return made


def avro(schema: Mapping[str, Any], **fields: Any) -> bytes:
    """Encode one event as fastavro does."""
    out = io.BytesIO()
    fastavro.schemaless_writer(out, fastavro.parse_schema(dict(schema)), fields)
    return out.getvalue()


def event(number: int, a: float = 1.0) -> bytes:
    """Encode the event ``e<number>``."""
    return avro(event_schema(), event_id=f"e{number}", a=a, b=2.0)


def batch(
    values: Sequence[bytes | None],
    *,
    headers: Sequence[Headers | None] | None = None,
    sources: Sequence[TopicPartition] = (P3,),
    first: int = 100,
) -> Batch:
    """Return a batch whose rows come from the sources in turn."""
    rows = len(values)
    index = np.arange(rows) % len(sources)
    return Batch(
        list(values),
        [b"k%d" % row for row in range(rows)],
        headers or [None] * rows,
        np.arange(rows, dtype=np.int64) + 1_700_000_000_000,
        tuple(sources),
        index.astype(np.int64),
        np.arange(first, first + rows, dtype=np.int64),
    )


def reasons(scored: ScoredBatch) -> dict[int, Reason]:
    """Return the dead letters' reasons by offset."""
    return {letter.offset: letter.problem.reason for letter in scored.dead_letters}


# ------------------------------------------------------------------ scored events


def test_every_event_is_scored_in_order_with_its_provenance(make: Make) -> None:
    """The passed-through fields, the output, the model, where it came from, and when."""
    made = make({"model": {"name": "passing", "version": "7"}})
    scored = made.scorer.score(batch([event(0, 0.5), event(1, 1.5)]))
    first, second = made.read(scored)
    assert (first["event_id"], first["score"]) == ("e0", [0.5, 2.0])
    assert (second["event_id"], second["score"]) == ("e1", [1.5, 2.0])
    assert (first["model"]["name"], first["model"]["version"]) == ("passing", "7")
    assert len(first["model"]["sha256"]) == 64
    assert second["source"] == {"topic": "cards", "partition": 3, "offset": 101}
    assert scored.next_offsets == {P3: 102}
    assert scored.dead_letters == ()


def test_an_event_keeps_its_key_timestamp_partition_and_headers(make: Make) -> None:
    """A W3C trace context among them; not what a schema id or an earlier dead letter says."""
    kept: Headers = [
        ("traceparent", b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
        ("tracestate", None),
        ("twice", b"1"),
        ("twice", b"2"),
        ("__value_schema", b"x"),
    ]
    gone: Headers = [
        ("__value_schema_id", b"\x00\x00\x00\x00\x07"),
        ("__streams.errors.message", b"x"),
        ("stream_scorer.replays", b"1"),
    ]
    scored = make().scorer.score(batch([event(0), event(1)], headers=[kept + gone, None])).scored
    assert scored.headers == [kept, None]
    assert scored.keys == [b"k0", b"k1"]
    assert scored.timestamps.tolist() == [1_700_000_000_000, 1_700_000_000_001]
    assert scored.partitions.tolist() == [3, 3]


def test_by_key_the_client_chooses_the_partition(make: Make) -> None:
    """It is told so by -1."""
    scored = make({"output": {"partition": "key"}}).scorer.score(batch([event(0)])).scored
    assert scored.partitions.tolist() == [-1]


def test_events_of_several_topics_name_their_own(make: Make) -> None:
    """In one batch."""
    sources = [P3, TopicPartition("ünï", 0), TopicPartition("cards", 1)]
    made = make()
    scored = made.scorer.score(batch([event(row) for row in range(5)], sources=sources))
    found = [(each["source"]["topic"], each["source"]["partition"]) for each in made.read(scored)]
    assert found == [("cards", 3), ("ünï", 0), ("cards", 1), ("cards", 3), ("ünï", 0)]
    assert scored.scored.partitions.tolist() == [3, 0, 1, 3, 0]
    assert scored.next_offsets == {sources[0]: 104, sources[1]: 105, sources[2]: 103}


def test_without_provenance_there_are_only_the_fields_that_were_asked_for(make: Make) -> None:
    """And nothing that differs from run to run."""
    made = make({"output": {"provenance": False}})
    assert made.read(made.scorer.score(batch([event(4)]))) == [
        {"event_id": "e4", "score": [1.0, 2.0]}
    ]


CREATED, DELETED = (
    {"type": "record", "name": f"shop.{name}", "fields": [{"name": "id", "type": "long"}]}
    for name in ("Created", "Deleted")
)


def test_a_copied_field_is_the_event_s_own_bytes(make: Make) -> None:
    """A union's branch, the form of an array and of a number included."""
    schema = event_schema(
        {"name": "change", "type": [CREATED, DELETED]},
        {"name": "history", "type": {"type": "array", "items": ["shop.Created", "shop.Deleted"]}},
        {"name": "price", "type": {"type": "bytes", "logicalType": "decimal", "precision": 9}},
    )
    copied = [
        b"\x02\x0e",
        b"\x02\x00\x02" + b"\x01\x08\x82\x00\x86\x00" + b"\x00",
        b"\x06\x00\x00\x07",
    ]
    made = make(
        {"output": {"pass_through": ["price", "history", "change"], "provenance": False}},
        schema=schema,
    )
    values = [event(row) + b"".join(copied) for row in range(20)]
    for rows in (values, values[:1]):
        scored = made.scorer.score(batch(rows))
        assert not scored.dead_letters
        score = b"\x04" + struct.pack("<ff", 1.0, 2.0) + b"\x00"
        assert scored.scored.values == [b"".join(reversed(copied)) + score] * len(rows)


def test_a_copied_field_of_another_writer_is_as_the_reader_has_it(make: Make) -> None:
    """The branch of the reader's union, though it stands elsewhere."""
    older = event_schema({"name": "change", "type": [CREATED, DELETED]})
    newer = event_schema({"name": "change", "type": ["null", DELETED, CREATED], "default": None})
    source = Source({Unframed(): parse(json.dumps(older))})
    made = make(
        {"output": {"pass_through": ["change"], "provenance": False}}, schema=newer, source=source
    )
    scored = made.scorer.score(batch([event(row) + b"\x02\x0e" for row in range(20)]))
    (change,) = {value[:2] for value in scored.scored.values if value is not None}
    assert change == b"\x02\x0e"
    scored = made.scorer.score(batch([event(row) + b"\x00\x0e" for row in range(20)]))
    (change,) = {value[:2] for value in scored.scored.values if value is not None}
    assert change == b"\x04\x0e"


def test_the_stages_are_timed(make: Make) -> None:
    """Each that a batch goes through."""
    seconds = make().scorer.score(batch([event(0)])).seconds
    assert set(seconds) == {Stage.DECODE, Stage.INFER, Stage.ENCODE}
    assert all(each >= 0 for each in seconds.values())


# ------------------------------------------------------------------ schemas


def test_events_of_two_writers_come_back_in_the_input_s_order(make: Make) -> None:
    """They are decoded in groups, one for each schema."""
    newer = event_schema({"name": "c", "type": "int", "default": 0})
    source = Source({ById(1): parse(json.dumps(event_schema())), ById(2): parse(json.dumps(newer))})
    made = make(CONFLUENT, source=source)
    one, two = b"\x00\x00\x00\x00\x01", b"\x00\x00\x00\x00\x02"
    values = [
        two + avro(newer, event_id=f"e{row}", a=0.0, b=0.0, c=1) if row % 3 else one + event(row)
        for row in range(8)
    ]
    assert made.ids(made.scorer.score(batch(values))) == [f"e{row}" for row in range(8)]
    made.scorer.score(batch(values))
    assert source.asked == [ById(1), ById(2)], "a plan is compiled once"


def test_an_unknown_schema_makes_dead_letters_until_it_is_registered(make: Make) -> None:
    """How long that is remembered is the source's to say."""
    source = Source()
    made = make(CONFLUENT, source=source)
    framed = [b"\x00\x00\x00\x00\x09" + event(0), b"no framing"]
    first = made.scorer.score(batch(framed))
    assert reasons(first) == {100: Reason.NO_SCHEMA, 101: Reason.NO_SCHEMA}
    assert "schema id 9 is not known" in first.dead_letters[0].problem.message
    source.schemas[ById(9)] = parse(json.dumps(event_schema()))
    assert reasons(made.scorer.score(batch(framed))) == {101: Reason.NO_SCHEMA}


ONE, TWO, THREE = (b"\x00\x00\x00\x00" + bytes([number]) for number in (1, 2, 3))


def test_an_event_whose_schema_can_not_be_had_holds_what_is_behind_it(make: Make) -> None:
    """In its partition; dead letters and tombstones behind it too. The others are scored."""
    source = Source(
        {
            ById(1): parse(json.dumps(event_schema())),
            ById(2): Unanswered("the registry refuses", 7.0),
            ById(3): Unanswered("the registry is away", 8.0),
        }
    )
    made = make(CONFLUENT, source=source)
    p4 = TopicPartition("cards", 4)
    p5 = TopicPartition("cards", 5)
    values = [
        *(ONE + event(0), b"", THREE + event(2)),
        *(TWO + event(3), ONE + event(4), ONE + event(5)),
        *(THREE + event(6), None, ONE + event(8)),
        *(b"bad", TWO + event(10), ONE + event(11)),
    ]
    found = made.scorer.score(batch(values, sources=[P3, p4, p5], first=0))
    assert made.ids(found) == ["e0", "e4"]
    assert reasons(found) == {1: Reason.NO_SCHEMA, 7: Reason.TOMBSTONE}
    assert found.rows.tolist() == [0, 4, 1, 7]
    assert found.next_offsets == {P3: 1, p4: 8}
    assert found.held == {
        P3: Held(3, "the registry refuses", 7.0),
        p4: Held(10, "the registry refuses", 7.0),
        p5: Held(2, "the registry is away", 8.0),
    }
    assert len(found) == 4
    source.schemas[ById(2)] = source.schemas[ById(3)] = source.schemas[ById(1)]
    assert made.scorer.score(batch(values)).held == {}


def test_a_batch_of_which_nothing_can_be_scored_leaves_no_trace(make: Make) -> None:
    """Nor a place to go on."""
    made = make(CONFLUENT, source=Source({ById(2): Unanswered("the registry is away")}))
    found = made.scorer.score(batch([TWO + event(0), None], first=0))
    assert (len(found), found.next_offsets, list(found.held)) == (0, {}, [P3])


def test_a_partition_that_the_output_lacks_is_held_from_its_first_event_on(make: Make) -> None:
    """Dead letters and tombstones too; the others are scored, and asked for is the largest."""
    asked: list[int] = []

    def lacking(partitions: int) -> tuple[str, float] | None:
        asked.append(partitions)
        return ("it has 4", 5.0) if partitions > 4 else None

    made = make(lacking=lacking)
    p4, p7 = TopicPartition("cards", 4), TopicPartition("cards", 7)
    values = [event(0), None, b"", event(3), event(4), event(5)]
    found = made.scorer.score(batch(values, sources=[P3, p4, p7], first=0))
    assert made.ids(found) == ["e0", "e3"]
    assert (found.next_offsets, found.rows.tolist()) == ({P3: 4}, [0, 3])
    assert found.held == {
        p4: Held(1, "it has 4", 5.0, Cause.OUTPUT_PARTITION),
        p7: Held(2, "it has 4", 5.0, Cause.OUTPUT_PARTITION),
    }
    asked.clear()
    assert made.scorer.score(batch(values[3:], sources=[P3])).held == {}
    assert asked == [4], "once a batch"


def test_by_key_the_number_of_the_outputs_partitions_does_not_matter(make: Make) -> None:
    """As long as there is one."""
    there = [0]

    def lacking(partitions: int) -> tuple[str, float] | None:
        return ("it is gone", 5.0) if partitions > there[0] else None

    made = make({"output": {"partition": "key"}}, lacking=lacking)
    assert list(made.scorer.score(batch([event(0)])).held) == [P3]
    there[0] = 1
    found = made.scorer.score(batch([event(0)]))
    assert (made.ids(found), found.held) == (["e0"], {})


@pytest.mark.parametrize(
    "writer",
    [
        {"type": "record", "name": "Event", "fields": [{"name": "other", "type": "int"}]},
        ContractError("schema id 5 is JSON Schema, not Avro"),
    ],
)
def test_a_schema_that_does_not_fit_makes_its_events_undecodable(
    make: Make, writer: Mapping[str, Any] | ContractError
) -> None:
    """The worker goes on with the events of others."""
    good = parse(json.dumps(event_schema()))
    unfit = writer if isinstance(writer, ContractError) else parse(json.dumps(writer))
    made = make(CONFLUENT, source=Source({ById(1): good, ById(5): unfit}))
    values = [b"\x00\x00\x00\x00\x05" + b"\x02", b"\x00\x00\x00\x00\x01" + event(1)]
    scored = made.scorer.score(batch(values))
    assert reasons(scored) == {100: Reason.UNDECODABLE}
    assert made.ids(scored) == ["e1"]


def test_a_schema_of_which_a_part_is_gone_is_no_schema(make: Make) -> None:
    """The words say what is missing; it may be registered again, so it is asked for again."""
    gone = SchemaGone("schema id 5 refers to version 1 of subject money, which is not there.")
    source = Source({ById(5): gone})
    made = make(CONFLUENT, source=source)
    for _ in range(2):
        scored = made.scorer.score(batch([b"\x00\x00\x00\x00\x05" + event(0)]))
        assert reasons(scored) == {100: Reason.NO_SCHEMA}
        assert scored.dead_letters[0].problem.message == str(gone)
    assert source.asked == [ById(5)] * 2


# ------------------------------------------------------------------ dead letters


def test_a_bad_event_does_not_touch_its_neighbours(make: Make) -> None:
    """Truncated, too long, missing a feature, beyond float32: each is itself, in its place."""
    made = make({"model": {"missing": {"default": "reject"}}}, schema=NULLABLE)

    def nullable(number: int, a: float | None) -> bytes:
        return avro(NULLABLE, event_id=f"e{number}", a=a, b=2.0)

    values = [
        nullable(0, 0.0),
        nullable(1, 1.0)[:-1],
        nullable(2, 2.0),
        nullable(3, 3.0) + b"\x00",
        nullable(4, None),
        nullable(5, 1e300),
        nullable(6, 6.0),
    ]
    scored = made.scorer.score(batch(values))
    assert made.ids(scored) == ["e0", "e2", "e6"]
    assert [each["score"][0] for each in made.read(scored)] == [0.0, 2.0, 6.0]
    assert [each["source"]["offset"] for each in made.read(scored)] == [100, 102, 106]
    assert scored.scored.keys == [b"k0", b"k2", b"k6"]
    assert scored.scored.timestamps.tolist() == [1_700_000_000_000 + row for row in (0, 2, 6)]
    assert reasons(scored) == {
        101: Reason.UNDECODABLE,
        103: Reason.UNDECODABLE,
        104: Reason.MISSING_FEATURE,
        105: Reason.NOT_REPRESENTABLE,
    }
    letter = scored.dead_letters[0]
    assert (letter.value, letter.key, letter.source) == (values[1], b"k1", P3)
    assert letter.timestamp == 1_700_000_000_001
    assert len(scored) == 7


def test_a_batch_of_bad_events_only_is_a_batch_of_dead_letters(make: Make) -> None:
    """There is nothing to infer, and offsets go on."""
    scored = make().scorer.score(batch([b"", b"\x02"]))
    assert len(scored.scored) == 0
    assert reasons(scored) == {100: Reason.UNDECODABLE, 101: Reason.UNDECODABLE}
    assert scored.next_offsets == {P3: 102}


@pytest.mark.parametrize(
    ("policy", "scored_ids", "dead"),
    [("dead_letter", ["e0"], {101: Reason.NON_FINITE_SCORE}), ("pass", ["e0", "e1"], {})],
)
def test_a_score_that_is_no_number_is_a_dead_letter_or_passes(
    make: Make, policy: str, scored_ids: list[str], dead: Mapping[int, Reason]
) -> None:
    """As ``model.non_finite`` says."""
    made = make({"model": {"non_finite": policy}})
    scored = made.scorer.score(batch([event(0), event(1, float("nan"))]))
    assert made.ids(scored) == scored_ids
    assert reasons(scored) == dead


def test_a_tombstone_is_a_dead_letter(make: Make) -> None:
    """Unless it is to be forwarded."""
    made = make()
    scored = made.scorer.score(batch([event(0), None, event(2)]))
    assert made.ids(scored) == ["e0", "e2"]
    assert reasons(scored) == {101: Reason.TOMBSTONE}


def test_a_tombstone_is_forwarded_in_its_place(make: Make) -> None:
    """Same key, timestamp and partition, and a null value: a compacted output forgets the key."""
    made = make({"output": {"tombstones": "forward"}})
    scored = made.scorer.score(batch([event(0), None, b"bad", event(3)]))
    assert [each and each["event_id"] for each in made.read(scored)] == ["e0", None, "e3"]
    assert scored.scored.keys == [b"k0", b"k1", b"k3"]
    assert reasons(scored) == {102: Reason.UNDECODABLE}


def test_a_scored_event_that_the_topic_does_not_take_is_a_dead_letter(make: Make) -> None:
    """Its key and headers count; the input event is what is kept."""
    made = make(limits=lambda: TopicLimits(max_bytes=200))
    large = avro(event_schema(), event_id="x" * 150, a=1.0, b=2.0)
    headers: list[Headers | None] = [None, None, [("trace", b"y" * 150)]]
    scored = made.scorer.score(batch([event(0), large, event(2)], headers=headers))
    assert made.ids(scored) == ["e0"]
    assert reasons(scored) == {101: Reason.TOO_LARGE, 102: Reason.TOO_LARGE}
    assert scored.dead_letters[0].value == large
    assert "the output topic takes 200" in scored.dead_letters[0].problem.message


def _lookup(folder: Path) -> None:
    """Write a model that looks a feature up in a table of three, and fails beyond it."""
    node = helper.make_node("Gather", ["table", "x"], ["y"], axis=0)
    table = numpy_helper.from_array(np.array([0.5, 1.5, 2.5], np.float32), "table")
    write_model(
        folder / "model.onnx",
        [node],
        [value("x", "int64", None, 1)],
        [value("y", "float32", None, 1)],
        initializers=[table],
    )


def test_an_event_that_the_model_fails_on_is_found_among_many(make: Make, tmp_path: Path) -> None:
    """The others of its batch are scored."""
    _lookup(tmp_path)
    made = make({"model": {"inputs": {"x": ["a"]}}})
    values = [event(row, 99.0 if row in (3, 17) else float(row % 3)) for row in range(20)]
    scored = made.scorer.score(batch(values))
    assert reasons(scored) == {103: Reason.INFERENCE_FAILED, 117: Reason.INFERENCE_FAILED}
    assert [each["score"] for each in made.read(scored)] == [
        row % 3 + 0.5 for row in range(20) if row not in (3, 17)
    ]


def test_a_model_that_fails_on_its_probe_row_too_is_broken(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No event is to blame, so none becomes a dead letter."""
    _lookup(tmp_path)
    made = make({"model": {"inputs": {"x": ["a"]}}})
    model = made.scorer._model
    assert model._probe is not None
    tensors, names = model._probe
    monkeypatch.setattr(model, "_probe", ({"x": tensors["x"] + 99}, names))
    with pytest.raises(Broken, match="the device"):
        made.scorer.score(batch([event(0, 99.0)]))


# ------------------------------------------------------------------ what the broker refuses


def test_a_rejected_event_is_a_dead_letter_when_it_comes_again(make: Make) -> None:
    """Only that offset of that partition, whatever else is in the batch."""
    made = make()
    made.scorer.reject(P3, 101, "INVALID_TIMESTAMP: Broker: Invalid timestamp", is_letter=False)
    scored = made.scorer.score(batch([event(0), event(1), event(2)]))
    assert made.ids(scored) == ["e0", "e2"]
    assert reasons(scored) == {101: Reason.REJECTED_BY_BROKER}
    assert "INVALID_TIMESTAMP" in scored.dead_letters[0].problem.message
    elsewhere = batch([event(0), event(1)], sources=[TopicPartition("cards", 4)])
    assert reasons(made.scorer.score(elsewhere)) == {}


def test_a_dead_letter_that_is_refused_keeps_its_reason_and_is_told_how_often(make: Make) -> None:
    """An event that can't be read was refused for its time: it still can't be read."""
    made = make()
    events = batch([event(0), b"\xff", event(2)])
    for refusals in (1, 2):
        made.scorer.reject(P3, 101, "INVALID_TIMESTAMP", is_letter=True)
        scored = made.scorer.score(events)
        assert reasons(scored) == {101: Reason.UNDECODABLE}
        assert [letter.refusals for letter in scored.dead_letters] == [refusals]
    assert [letter.refusals for letter in made.scorer.score(batch([b"\xff"])).dead_letters] == [0]


def test_an_event_whose_dead_letter_is_refused_in_any_shape_has_no_place_left(make: Make) -> None:
    """The worker stops, and says which event it is."""
    made = make()
    made.scorer.reject(P3, 101, "INVALID_RECORD", is_letter=False)
    for _ in range(2):
        made.scorer.reject(P3, 101, "INVALID_RECORD", is_letter=True)
    with pytest.raises(TooManyDeadLetters, match=r"cards \[3\] at offset 101") as stopped:
        made.scorer.reject(P3, 101, "INVALID_RECORD", is_letter=True)
    assert stopped.value.exit_code == 5


def test_what_is_committed_need_not_be_remembered(make: Make) -> None:
    """Only what is before the offset, and only of that partition."""
    made, other = make(), TopicPartition("cards", 4)
    for source, offset in ((P3, 100), (P3, 102), (other, 100)):
        made.scorer.reject(source, offset, "INVALID_TIMESTAMP", is_letter=False)
        made.scorer.reject(source, offset, "INVALID_TIMESTAMP", is_letter=True)
    made.scorer.forget({P3: 102})
    known = made.scorer._rejections
    assert {source: list(each) for source, each in known._scores.items()} == {
        P3: [102],
        other: [100],
    }
    made.scorer.forget({P3: 103, other: 101})
    assert (known._scores, known._letters) == ({}, {})


def test_an_event_that_came_with_a_problem_is_a_dead_letter_for_that(make: Make) -> None:
    """A tombstone that would be forwarded too, since nobody has its headers."""
    made = make({"output": {"tombstones": "forward"}})
    problem = Problem(Reason.UNDECODABLE, Stage.POLL, "no headers", headers_lost=True)
    events = replace(batch([event(0), event(1), None, None]), problems={1: problem, 2: problem})
    scored = made.scorer.score(events)
    assert [each and each["event_id"] for each in made.read(scored)] == ["e0", None]
    assert [letter.problem for letter in scored.dead_letters] == [problem] * 2


HOUR = 3_600_000
#: The timestamp of the first event of a batch.
FIRST = 1_700_000_000_000


@pytest.mark.parametrize(
    ("limits", "hours_later", "refused"),
    [
        (TopicLimits(before_max_ms=HOUR), 2.0, "before"),
        (TopicLimits(before_max_ms=HOUR), 0.5, ""),
        (TopicLimits(before_max_ms=HOUR), 1.01, ""),
        (TopicLimits(after_max_ms=HOUR), -2.0, "after"),
        (TopicLimits(after_max_ms=HOUR), -0.5, ""),
        (TopicLimits(after_max_ms=HOUR), -1.01, ""),
        (TopicLimits(after_max_ms=HOUR), 1000.0, ""),
        (TopicLimits(), -1000.0, ""),
    ],
    ids=[
        "too old",
        "old enough",
        "just too old: up to the brokers",
        "of the future",
        "of the near future",
        "just too new: up to the brokers",
        "old, where only the future is refused",
        "nothing is known",
    ],
)
def test_what_the_topic_will_refuse_is_a_dead_letter_before_it_is_sent(
    make: Make, limits: TopicLimits, hours_later: float, refused: str
) -> None:
    """As if the brokers had refused it; within a minute their clock decides."""
    made = make(limits=lambda: limits)
    made.scorer._now_micros = lambda: int((FIRST + hours_later * HOUR) * 1000)
    scored = made.scorer.score(batch([event(0), b"bad"]))
    assert reasons(scored).get(100) == (Reason.REJECTED_BY_BROKER if refused else None)
    assert reasons(scored)[101] == Reason.UNDECODABLE, "it has a reason of its own"
    if refused:
        message = scored.dead_letters[0].problem.message
        assert message.startswith("Invalid timestamp")
        assert f"message.timestamp.{refused}.max.ms" in message


def test_an_event_without_a_timestamp_gets_that_of_its_writing(make: Make) -> None:
    """So it is neither old nor new."""
    made = make(limits=lambda: TopicLimits(before_max_ms=HOUR, after_max_ms=HOUR))
    events = batch([event(0), event(1)])
    events.timestamps[:] = -1
    assert reasons(made.scorer.score(events)) == {}


def test_a_compacted_topic_takes_no_event_without_a_key(make: Make) -> None:
    """An empty key is a key."""
    made = make(limits=lambda: TopicLimits(needs_key=True))
    events = replace(batch([event(0), event(1), event(2)]), keys=[b"", None, b"k"])
    scored = made.scorer.score(events)
    assert reasons(scored) == {101: Reason.REJECTED_BY_BROKER}
    assert scored.dead_letters[0].problem.message.startswith("the event has no key")


def test_limits_hold_as_they_are_known_now(make: Make) -> None:
    """They may be read again between two batches."""
    known = [TopicLimits(), TopicLimits(max_bytes=50)]
    made = make(limits=lambda: known.pop(0))
    assert reasons(made.scorer.score(batch([event(0)]))) == {}
    assert reasons(made.scorer.score(batch([event(0)]))) == {100: Reason.TOO_LARGE}
