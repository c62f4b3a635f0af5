"""The one door to ONNX Runtime: telemetry is off before the library is there."""

from __future__ import annotations

import os
from importlib import metadata
from typing import Any

_PACKAGES = (
    "onnxruntime",
    "onnxruntime-gpu",
    "onnxruntime-directml",
    "onnxruntime-migraphx",
    "onnxruntime-openvino",
    "onnxruntime-qnn",
    "onnxruntime-rocm",
    "onnxruntime-training",
)


def onnxruntime() -> Any:
    """Return the ``onnxruntime`` module, imported with its telemetry off.

    Since 1.29 the official wheels report to Microsoft unless ``ORT_DISABLE_TELEMETRY=1`` stands in
    the environment when the library initialises (Privacy.md of the wheel); its own switch,
    ``disable_telemetry_events``, comes too late for the first event. Nothing else in this package
    imports ``onnxruntime``.
    """
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    import onnxruntime as module  # noqa: PLC0415 - the environment must be set first

    return module


def conflicting_packages() -> str | None:
    """Return a sentence if several builds of ONNX Runtime are installed, else None.

    They share one folder, so that the one installed last wins and a GPU build silently becomes a
    CPU build.
    """
    found = sorted(
        {
            name
            for distribution in metadata.distributions(name=None)
            if (name := (distribution.metadata["Name"] or "").lower()) in _PACKAGES
        }
    )
    if len(found) < 2:  # noqa: PLR2004 - one is right, none is a build of one's own
        return None
    return (
        f"{' and '.join(found)} are both installed and overwrite each other's files: uninstall "
        f"all of them, then install the one that you need."
    )
