"""What ONNX Runtime says when it refuses a model, in one sentence with the way out."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from stream_scorer.errors import ConfigError, ContractError, RefusesToStart

# What stands before the message proper: the code, the file, the function in ONNX Runtime's source.
_PREFIXES = (
    re.compile(r"^\[ONNXRuntimeError\] : \d+ : \w+ : "),
    re.compile(r"^Load model from .*? failed:"),
    re.compile(r"^/\S+\.(?:cc|h|cu):\d+ [^)]*\)(?: const)? "),
)

_Sentence = Callable[[re.Match[str], str], str]

# Pattern in the text of the exception (ONNX Runtime 1.23 to 1.32) to our sentence.
_KNOWN: tuple[tuple[str, _Sentence], ...] = (
    (
        r"IR version: (\d+), max supported IR version: (\d+)",
        lambda m, ort: (
            f"has IR version {m[1]}, and ONNX Runtime {ort} reads up to {m[2]}: "
            f"install a newer onnxruntime, or save the model with ir_version {m[2]}"
        ),
    ),
    (
        r"Opset (\d+) is under development.*domain (\S+) is till opset (\d+)",
        lambda m, ort: (
            f"uses opset {m[1]} of {m[2]}, and ONNX Runtime {ort} knows up to {m[3]}: "
            f"install a newer onnxruntime, or export with opset {m[3]}"
        ),
    ),
    (
        r"No Op registered for (\S+) with domain_version of (\d+)",
        lambda m, ort: (
            f"uses the operator {m[1]}, which ONNX Runtime {ort} does not have in opset {m[2]}: "
            f"install a newer onnxruntime, or export without it"
        ),
    ),
    (
        r"ai\.onnx\.contrib:(\w+)\(-?\d+\) is not a registered function/op",
        lambda m, _ort: (
            f"uses the operator {m[1]} of onnxruntime-extensions, which stream-scorer does not "
            f"load: export the model without this step, and do it where the events are written"
        ),
    ),
    (
        r"(\S+)\(-?\d+\) is not a registered function/op",
        lambda m, ort: (
            f"uses the operator {m[1]}, which ONNX Runtime {ort} does not have: "
            f"install a newer onnxruntime, or export without custom operators"
        ),
    ),
    (
        r"Could not find an implementation for (\S+?)\((\d+)\)",
        lambda m, ort: (
            f"uses the operator {m[1]} (opset {m[2]}) with types for which ONNX Runtime {ort} has "
            f"no kernel on these providers: export with other types, or install a newer onnxruntime"
        ),
    ),
    (
        r"Failed to construct locale with name:([\w.@-]*)",
        lambda m, _ort: (
            f"changes the case of text by the rules of the locale {m[1]}, which this machine does "
            f"not have: install it (Debian: the package locales, then locale-gen)"
        ),
    ),
    (
        r"Protobuf parsing failed",
        lambda _m, _ort: "is not an ONNX model, or is cut off: export or copy it again",
    ),
    (
        r"No graph was found",
        lambda _m, _ort: "has no graph in it, so it is not an ONNX model: export or copy it again",
    ),
)


def explain(error: Exception, path: Path, ort_version: str) -> RefusesToStart:
    """Return the error to raise for what came out of creating a session."""
    text = str(error)
    for pattern, sentence in _KNOWN:
        if match := re.search(pattern, text, re.DOTALL):
            return ContractError(f"The model '{path}' {sentence(match, ort_version)}.")
    if re.search(r"provider option|ExecutionProvider|\bEP\b", text, re.IGNORECASE):
        return ConfigError(f"model.providers: {first_line(error)}")
    return ContractError(
        f"ONNX Runtime {ort_version} refuses the model '{path}': {first_line(error)}"
    )


def first_line(error: Exception) -> str:
    """Return the first line of ONNX Runtime's message without its own source position."""
    line = (str(error).splitlines() or [type(error).__name__])[0]
    for prefix in _PREFIXES:
        line = prefix.sub("", line)
    return line[:500].rstrip()
