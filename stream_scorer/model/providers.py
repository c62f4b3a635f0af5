"""Execution providers: what was asked for must be what runs."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from stream_scorer.errors import ConfigError
from stream_scorer.model.runtime import onnxruntime

CPU = "CPUExecutionProvider"


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
    if name in known:
        return " Another build has it: install that one instead (for CUDA it is onnxruntime-gpu)."
    close = difflib.get_close_matches(name, available, n=1)
    return f" Did you mean {close[0]}?" if close else ""


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
