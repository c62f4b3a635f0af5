"""Random schemas, what became of them in a reader, and events, well formed and not.

Schemas are drawn by Hypothesis, so that a failure shrinks to a small one. Events are written here,
byte by byte, from a seeded generator: no writer of a library would produce sized blocks, several
blocks, overlong varints, any NaN, or text that is not UTF-8.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any

from hypothesis import reject
from hypothesis import strategies as st

from stream_scorer.avro.schema import parse
from stream_scorer.avro.strict import least_width
from stream_scorer.avro.types import Array, Enum, Fixed, Map, Primitive, Record, Type, Union
from stream_scorer.errors import ConfigError

PRIMITIVES = ("null", "boolean", "int", "long", "float", "double", "bytes", "string")
SIMPLE = (*PRIMITIVES[1:], *PRIMITIVES[1:], "double", "double", "long", "string")
PROMOTED = {
    "int": ("long", "float", "double"),
    "long": ("float", "double"),
    "float": ("double",),
    "string": ("bytes",),
    "bytes": ("string",),
}
DEFAULTS: tuple[tuple[Any, Any], ...] = (
    ("boolean", True),
    ("int", -7),
    ("long", 1 << 40),
    ("float", 0.1),
    ("double", 3),
    ("string", "grün"),
    ("bytes", "\u00ff\u0000"),
    ({"type": "bytes", "logicalType": "decimal", "precision": 6, "scale": 2}, "\u0001\u0000"),
    (["null", "double"], None),
    (["long", "null"], 12),
    (["null", "string"], "second branch"),
    ({"type": "array", "items": "double"}, [1, 2.5]),
    ({"type": "array", "items": ["null", "string"]}, [None, "x"]),
    ({"type": "map", "values": "long"}, {"k": 1}),
)

Draw = Any


@dataclass
class _Names:
    """Names that are new, and named types that are complete and may be referred to."""

    count: int = 0
    complete: list[str] = field(default_factory=list)

    def new(self, prefix: str) -> str:
        self.count += 1
        return f"{prefix}{self.count}"


@st.composite
def writers(draw: Draw) -> dict[str, Any]:
    """Draw a writer's schema: a record."""
    schema = _record(draw, _Names(), 0)
    try:
        parse(schema)
    except ConfigError:  # a union's branch that was dropped held a definition
        reject()
    return schema


def _record(draw: Draw, names: _Names, depth: int) -> dict[str, Any]:
    name = names.new("R")
    count = draw(st.integers(0 if depth else 1, 6 if depth == 0 else 3))
    fields = [{"name": names.new("f"), "type": _type(draw, names, depth + 1)} for _ in range(count)]
    if draw(st.integers(0, 24)) == 0:
        fields.append({"name": names.new("f"), "type": ["null", name]})
    names.complete.append(name)
    return {"type": "record", "name": name, "fields": fields}


def _type(draw: Draw, names: _Names, depth: int) -> Any:
    kinds = ["simple"] * 4 + ["nullable"] * 3 + ["decimal", "enum", "fixed", "null"]
    if depth < 4:
        kinds += ["record", "array", "array", "map", "union", "nullable record"]
    if names.complete:
        kinds.append("reference")
    kind = draw(st.sampled_from(kinds))
    match kind:
        case "simple":
            return draw(st.sampled_from(SIMPLE))
        case "null":
            return "null"
        case "decimal":
            scale = draw(st.sampled_from([0, 2, 30]))
            return {"type": "bytes", "logicalType": "decimal", "precision": 38, "scale": scale}
        case "enum":
            symbols = list("abcde"[: draw(st.integers(1, 5))])
            names.complete.append(names.new("E"))
            return {"type": "enum", "name": names.complete[-1], "symbols": symbols}
        case "fixed":
            names.complete.append(names.new("F"))
            size = draw(st.sampled_from([0, 1, 3, 16, 70]))
            return {"type": "fixed", "name": names.complete[-1], "size": size}
        case "reference":
            return draw(st.sampled_from(names.complete))
        case "record":
            return _record(draw, names, depth)
        case "array":
            return {"type": "array", "items": _type(draw, names, depth + 1)}
        case "map":
            return {"type": "map", "values": _type(draw, names, depth + 1)}
    inner = _record(draw, names, depth) if kind == "nullable record" else _type(draw, names, depth)
    return _union(draw, names, depth, inner, more=kind == "union")


def _union(draw: Draw, names: _Names, depth: int, inner: Any, *, more: bool) -> Any:
    branches = [] if isinstance(inner, list) or inner == "null" else [inner]
    if more:
        others = [draw(st.sampled_from(SIMPLE)), _type(draw, names, depth + 1)]
        branches += [each for each in others if not isinstance(each, list)]
    if not more or not branches or draw(st.booleans()):
        branches.insert(draw(st.integers(0, len(branches))), "null")
    return [each for i, each in enumerate(branches) if _key(each) not in map(_key, branches[:i])]


def _key(of: Any) -> Any:
    return of if isinstance(of, str) else of.get("name", of["type"])


@st.composite
def readers(draw: Draw, writer: Any) -> Any:
    """Draw what became of a schema: most often something that can still read it."""
    return _evolved(draw, writer, _Names(1000))


def _evolved(draw: Draw, of: Any, names: _Names) -> Any:
    if isinstance(of, list):
        return _evolved_union(draw, of, names)
    same = draw(st.integers(0, 2)) > 0
    if isinstance(of, str):
        return of if same or of not in PROMOTED else draw(st.sampled_from(PROMOTED[of]))
    match of["type"]:
        case "record":
            return {**of, "fields": _evolved_fields(draw, of["fields"], names)}
        case "array":
            return {**of, "items": _evolved(draw, of["items"], names)}
        case "map":
            return {**of, "values": _evolved(draw, of["values"], names)}
        case "enum" if not same:
            symbols = draw(st.permutations([*of["symbols"][1:], "z"]))
            default = {"default": "z"} if draw(st.booleans()) else {}
            return {**of, "symbols": symbols, **default}
    if draw(st.integers(0, 9)) == 0:
        return ["null", of] if draw(st.booleans()) else [of, "null"]
    return of


def _evolved_union(draw: Draw, of: list[Any], names: _Names) -> Any:
    branches = [_evolved(draw, each, names) for each in of]
    branches = [each for each in branches if not isinstance(each, list)] or ["null"]
    fate = draw(st.integers(0, 5))
    if fate == 0:
        return draw(st.sampled_from(branches))
    if fate == 1:
        branches = draw(st.permutations(branches))
    if fate == 2:
        branches = [each for each in branches if each == "null"][:1] + branches[-1:]
    return [each for i, each in enumerate(branches) if _key(each) not in map(_key, branches[:i])]


def _evolved_fields(draw: Draw, fields: list[Any], names: _Names) -> list[Any]:
    kept = []
    for each in fields:
        fate = draw(st.integers(0, 9))
        evolved = {**each, "type": _evolved(draw, each["type"], names)}
        if fate == 0:
            continue
        if fate == 1:
            evolved |= {"name": names.new("g"), "aliases": [each["name"]]}
        kept.append(evolved)
    for _ in range(draw(st.sampled_from([0, 0, 0, 1, 2]))):
        of, default = draw(st.sampled_from(DEFAULTS))
        kept.append({"name": names.new("d"), "type": of, "default": default})
    return list(draw(st.permutations(kept)))


@dataclass
class Writer:
    """Writes events; ``odd`` tells whether the last one has what only few writers write."""

    random: random.Random
    odd: bool = False
    usual: dict[Type, int] = field(default_factory=dict)

    def event(self, of: Type) -> bytes:
        """Return one well-formed event, but for text that may be no UTF-8."""
        self.odd = False
        return self._value(of, 0)

    def _value(self, of: Type, depth: int) -> bytes:
        match of:
            case Record():
                return b"".join(self._value(each.type, depth + 1) for each in of.fields)
            case Union():
                branches = range(len(of.branches))
                small = [i for i in branches if isinstance(of.branches[i], Primitive | Enum)]
                index = self.random.choice(small if depth > 6 and small else branches)
                return self._varint(index) + self._value(of.branches[index], depth + 1)
            case Array():
                return self._blocks(of, depth)
            case Map():
                return self._blocks(of, depth)
            case Enum():
                return self._varint(self.random.randrange(len(of.symbols)))
            case Fixed():
                return self.random.randbytes(of.size)
            case Primitive():
                return self._primitive(of)

    def _primitive(self, of: Primitive) -> bytes:
        match of.kind:
            case "boolean":
                return bytes([self.random.randrange(2)])
            case "int":
                return self._varint(self._whole(31))
            case "long":
                return self._varint(self._whole(63))
            case "float":
                return self.random.choice([self.random.randbytes(4), b"\0\0\xa0\x7f"])
            case "double":
                return self.random.randbytes(8)
            case "bytes":
                octets = self.random.randbytes(self.random.choice([0, 1, 2, 5, 7, 8, 9, 20, 70]))
                return self._varint(len(octets)) + octets
            case "string":
                return self._text()
        return b""

    def _whole(self, bits: int) -> int:
        bits = self.random.choice([0, 3, 6, 7, 13, 14, bits - 1, bits])
        return self.random.choice([-(1 << bits), (1 << bits) - 1, self.random.getrandbits(bits)])

    def _text(self) -> bytes:
        letters = self.random.choice(["abc", "abc", "abc", "añ✓😀"])
        size = self.random.choice([0, 2, 2, 5, 5, 31, 64, 100])
        octets = "".join(self.random.choices(letters, k=size)).encode()
        if self.random.random() < 0.02:
            octets += b"\xff"
        return self._varint(len(octets)) + octets

    def _blocks(self, of: Array | Map, depth: int) -> bytes:
        usual = self.usual.setdefault(of, self.random.choice([0, 1, 2, 3, 12 if depth < 3 else 1]))
        rare = self.random.choice([0, 1, 2, 5, 20 if depth < 3 else 3])
        left = usual if self.random.random() < 0.8 else rare
        left = 0 if depth > 6 else left
        self.odd |= left > 16 or (left > 0 and isinstance(of, Array) and not least_width(of.items))
        out = b""
        while left:
            count = left if self.random.random() < 0.7 else self.random.randint(1, left)
            left -= count
            body = b"".join(self._item(of, depth + 1) for _ in range(count))
            if self.random.random() < 0.3:
                out += self._varint(-count) + self._varint(len(body)) + body
            else:
                out += self._varint(count) + body
        return out + self._varint(0)

    def _item(self, of: Array | Map, depth: int) -> bytes:
        if isinstance(of, Array):
            return self._value(of.items, depth)
        return self._text() + self._value(of.values, depth)

    def _varint(self, number: int) -> bytes:
        zigzag = (number << 1) ^ (number >> 63)
        out = []
        while zigzag > 0x7F:
            out.append(zigzag & 0x7F | 0x80)
            zigzag >>= 7
        out.append(zigzag)
        if self.random.random() < 0.003 and len(out) < 9:
            self.odd = True
            out[-1] |= 0x80
            out += [0x80] * self.random.randrange(9 - len(out)) + [0]
        return bytes(out)


def broken(rng: random.Random, event: bytes) -> bytes:
    """Return an event with something wrong in it, most often."""
    at = rng.randrange(len(event) + 1)
    before, after = event[:at], event[at:]
    match rng.randrange(7):
        case 0:
            return before
        case 1:
            return event + rng.randbytes(rng.choice([1, 1, 8]))
        case 2:
            return before + rng.randbytes(1) + after[1:]
        case 3:
            return before + bytes([rng.choice([0, 1, 2, 3, 4, 0x7F, 0x80])]) + after[1:]
        case 4:  # -2^63, or 2^63 - 1, or 2^60, or more than 64 bits
            tail = rng.choice([b"\xff" * 9 + b"\x01", b"\xfe" + b"\xff" * 8 + b"\x01"])
            return before + rng.choice([tail, b"\x80" * 8 + b"\x20", b"\xff" * 9 + b"\x03"]) + after
        case 5:
            return before + b"\xff" * rng.choice([1, 2, 5, 11]) + after
    return before + after[1:]
