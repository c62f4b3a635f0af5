"""Execution providers: what was asked for must be what runs."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from stream_scorer.errors import ConfigError
from stream_scorer.model.runtime import onnxruntime

CPU = "CPUExecutionProvider"
_SUFFIX = "executionprovider"


@dataclass(frozen=True, slots=True)
class Provider:
    """An execution provider and its options, as ONNX Runtime spells both."""

    name: str
    options: Mapping[str, str] = field(default_factory=dict)


def require_available(providers: Sequence[Provider]) -> None:
    """Refuse providers that this build of ONNX Runtime doesn't have.

    ONNX Runtime itself warns and runs on the CPU.

    Raises:
        ConfigError: naming the provider and the ones there are.
    """
    ort = onnxruntime()
    available = list(ort.get_available_providers())
    if not providers:
        raise ConfigError(f"model.providers is empty: choose from {', '.join(available)}.")
    for provider in providers:
        if provider.name not in available:
            raise ConfigError(
                f"model.providers asks for {provider.name}, which this build of ONNX Runtime does "
                f"not have; it has {', '.join(available)}."
                f"{_hint(provider.name, available, list(ort.get_all_providers()))}"
            )


def _hint(name: str, available: list[str], known: list[str]) -> str:
    """Return the way out: the name that was meant, and whether this build has it."""
    meant = name if name in known else _nearest(name, [*available, *known])
    if meant is None:
        return ""
    question = "" if meant == name else f" Did you mean {meant}?"
    if meant in available:
        return question
    has_it = "has it" if meant == name else "has that"
    return (
        f"{question} Another build {has_it}: install that one instead (for CUDA it is "
        "onnxruntime-gpu)."
    )


def _nearest(name: str, known: list[str]) -> str | None:
    """Return the known name that is nearest, whatever its case; ``cuda`` is short for one."""
    by_form = {each.lower(): each for each in known}
    plain = name.lower()
    for form in (plain, f"{plain}{_SUFFIX}"):
        if form in by_form:
            return by_form[form]
    # What they all end with, misspelt or not, would make any two alike.
    shortened = {form.removesuffix(_SUFFIX): each for form, each in by_form.items()}
    close = difflib.get_close_matches(re.sub("exec.*", "", plain), shortened, n=1)
    return shortened[close[0]] if close else None


def require_loaded(providers: Sequence[Provider], in_use: Sequence[str]) -> None:
    """Refuse to go on with fewer providers than were asked for.

    A provider whose driver or library is missing only logs a line and leaves the work to the CPU.

    Raises:
        ConfigError: naming the provider that did not load and the ones that did.
    """
    for provider in providers:
        if provider.name not in in_use:
            raise ConfigError(
                f"model.providers asks for {provider.name}, which is part of this build but did "
                f"not load (a driver or library that it needs is missing); loaded: "
                f"{', '.join(in_use)}. Repair it, or take it off the list."
            )
