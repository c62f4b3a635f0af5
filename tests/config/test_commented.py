"""A configuration as a file to begin with: complete, and read back as it was meant."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from stream_scorer.config import Settings, load
from stream_scorer.config.commented import Draft, written
from stream_scorer.config.document import parse
from stream_scorer.config.json_schema import json_schema

MODEL: dict[tuple[str, ...], Any] = {("model", "path"): "m.onnx", ("model", "name"): "m"}
KAFKA: dict[tuple[str, ...], Any] = {
    ("kafka", "bootstrap_servers"): "localhost:9092",
    ("kafka", "group_id"): "g",
    ("kafka", "input_topics"): ["in"],
    ("kafka", "output_topic"): "out",
}


def loaded(tmp_path: Path, draft: Draft) -> Settings:
    """The settings that the written file gives."""
    file = tmp_path / "scorer.yaml"
    file.write_text(written(draft, ()))
    return load(file, (), {}, need_kafka=False)


def test_the_file_is_the_defaults_and_what_was_set(tmp_path: Path) -> None:
    """Whether a setting stands there or not makes no difference."""
    short = tmp_path / "short.yaml"
    short.write_text("model: {path: m.onnx, name: m}\nbatching: {max_records: 7}\n")
    draft = Draft({**MODEL, ("batching", "max_records"): 7})
    assert loaded(tmp_path, draft) == load(short, (), {}, need_kafka=False)


def test_every_setting_stands_in_the_file() -> None:
    """With all its sections set, none is missing."""
    values = {**MODEL, **KAFKA, ("schemas", "registry", "url"): "http://localhost:8081"}
    settings = parse(written(Draft(values), ()), "file").values

    def missing(schema: Any, here: Any, path: str) -> list[str]:
        found = []
        for key, of in schema["properties"].items():
            name = f"{path}.{key}"
            reference = [each["$ref"] for each in (of, *of.get("anyOf", [])) if "$ref" in each]
            if key not in here:
                found.append(name)
            elif reference:
                inner = json_schema()["$defs"][reference[0].rpartition("/")[2]]
                found += missing(inner, here[key], name)
        return found

    assert missing(json_schema(), settings, "") == []


def test_every_setting_has_its_meaning_above_it() -> None:
    """As it stands in the reference."""
    lines = written(Draft(MODEL), ()).splitlines()
    keys = [n for n, line in enumerate(lines) if line and not line.strip().startswith("#")]
    assert all(lines[number - 1].strip().startswith("#") for number in keys)
    assert "  # Most events in one inference call." in lines


@pytest.mark.parametrize(
    "text",
    [
        "plain", "43", "1.10", "true", "null", "~", "", "a: b", "a #b", "-", "{x}", "[x]", "*x",
        "&x", "!x", "%x", "'x'", '"x"', "ünï", "a\nb", "x:", "?", "a, b", "^cards-.*$", "nan",
        "0x1f", ".5",
    ],
)  # fmt: skip
def test_a_text_is_read_back_as_it_was(text: str) -> None:
    """Quoted where it would be something else without."""
    draft = Draft(
        {
            **MODEL,
            ("model", "version"): text,
            ("model", "inputs"): {text: [text, "a"]},
            ("output", "pass_through"): [{text: text}],
        }
    )
    values = parse(written(draft, ()), "file").values
    assert values["model"]["version"] == text
    assert values["model"]["inputs"] == {text: [text, "a"]}
    assert values["output"]["pass_through"] == [{text: text}]


def test_a_long_list_has_a_line_an_entry(tmp_path: Path) -> None:
    """So that it can be put in another order."""
    names = [f"feature_number_{number}" for number in range(20)]
    draft = Draft({**MODEL, ("model", "inputs"): {"x": names, "y": ["short"]}})
    assert "      - feature_number_0\n      - feature_number_1\n" in written(draft, ())
    assert loaded(tmp_path, draft).model.inputs == {"x": tuple(names), "y": ("short",)}


def test_notes_stand_above_their_setting_and_are_told_from_its_meaning() -> None:
    """By another mark; long ones are wrapped."""
    draft = Draft(MODEL, {("model", "path"): ["Inferred.", "word " * 40]})
    lines = written(draft, ["Hello."]).splitlines()
    assert lines[0] == "# Hello."
    above = lines[: lines.index("  path: m.onnx")]
    assert next(line for line in above if line.startswith("  #! ")) == "  #! Inferred."
    assert max(map(len, lines)) <= 100
