"""The settings that a worker has in a pod, with the paths of its container put into a folder."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import certifi

from stream_scorer.config import load
from stream_scorer.config.settings import Settings
from stream_scorer.demo.stories import CARD_FRAUD
from tests.deploy.manifests import Resource, container, mounted

SECRETS = "/run/secrets/stream-scorer"
MODELS = "/models"


@dataclass(frozen=True)
class Container:
    """What the container holds, as files below a folder of ours, and its environment."""

    config: Path
    environ: Mapping[str, str]

    def settings(self) -> Settings:
        """Return the settings of the worker in it."""
        return load(self.config, [], self.environ, need_kafka=True)


def lay_out(
    resources: Sequence[Resource], folder: Path, pod_name: str = "stream-scorer-0"
) -> Container:
    """Lay out a worker's container: its config, the demo's model, and secrets made up here."""
    seen = mounted(resources, pod_name)
    for secret in ("username", "password", "registry-user"):
        _write(folder / SECRETS[1:] / secret, f"a:{secret}\n")
    shutil.copy(certifi.where(), folder / SECRETS[1:] / "ca.crt")
    (folder / MODELS[1:]).mkdir(parents=True, exist_ok=True)
    shutil.copy(CARD_FRAUD.model, folder / MODELS[1:])
    for path, text in seen.files.items():
        own = text.replace(f"{SECRETS}/", f"{folder}{SECRETS}/")
        _write(folder / path[1:], own.replace(f" {MODELS}/", f" {folder}{MODELS}/"))
    args = container(resources)["args"]
    return Container(folder / args[args.index("-c") + 1][1:], seen.environ)


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
