"""Text models run on machines that lack the locale they were exported with."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from onnx import helper

from stream_scorer.errors import ContractError
from stream_scorer.model.session import load_model
from tests.model.making import value, write_model


def lowercasing(path: Path, locale: str) -> Path:
    """Write a model that lowercases text by the rules of a locale."""
    node = helper.make_node(
        "StringNormalizer", ["x"], ["y"], case_change_action="LOWER", locale=locale
    )
    return write_model(path, [node], [value("x", "string", "N")], [value("y", "string", "N")])


@pytest.mark.parametrize("locale", ["en_US.UTF-8", "xx_YY.UTF-8", "C.UTF-8"])
def test_text_is_lowercased_whatever_locales_the_machine_has(tmp_path: Path, locale: str) -> None:
    """Slim containers have none but C.UTF-8, and converters write en_US.UTF-8."""
    model = load_model(lowercasing(tmp_path / "m.onnx", locale))

    texts = model.run({"x": np.array(["WIN Money", "GRÖSSE Ñ"], dtype=object)}, ["y"])

    assert texts["y"].tolist() == ["win money", "grösse ñ"]


@pytest.mark.parametrize("locale", ["tr_XX.UTF-8", "az_XX.UTF-8", "lt_XX.UTF-8"])
def test_a_language_with_rules_of_its_own_needs_its_locale(tmp_path: Path, locale: str) -> None:
    """The Turkish I is lowercased to a dotless one; another locale would score other words."""
    with pytest.raises(ContractError, match=rf"rules of the locale {locale}.*locale-gen"):
        load_model(lowercasing(tmp_path / "m.onnx", locale))
