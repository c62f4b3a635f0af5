"""docker-compose.yml as values, and a service's files in a folder of this machine."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import yaml

from tests.deploy.dockerfile import ROOT, stages

COMPOSE = ROOT / "docker-compose.yml"
FOLDER = ROOT / "deploy/compose"


@dataclass(frozen=True)
class Service:
    """One service, with what its anchors gave it."""

    name: str
    given: Mapping[str, Any]

    @property
    def ours(self) -> bool:
        """Whether it runs the image that the Dockerfile makes."""
        return str(self.given["image"]) == "stream-scorer"

    @property
    def words(self) -> list[str]:
        """What it runs: the image's entrypoint and command, unless it has its own."""
        final = stages()[-1]
        entrypoint = self.given.get("entrypoint") or final.one("ENTRYPOINT").exec_form
        command = self.given.get("command") or final.one("CMD").exec_form
        return [*entrypoint, *command]

    @property
    def environment(self) -> dict[str, str]:
        """The variables that it is given, as Compose passes them on."""
        given = self.given.get("environment", {})
        return {name: value.replace("$$", "$") for name, value in given.items()}

    @property
    def mounts(self) -> dict[PurePosixPath, Path]:
        """The files and folders of the repository that it sees, by their path inside."""
        found = {}
        for each in self.given.get("volumes", ()):
            source, _, rest = each.partition(":")
            if rest:
                found[PurePosixPath(rest.removesuffix(":ro"))] = (ROOT / source).resolve()
        return found

    @property
    def published(self) -> dict[int, int]:
        """The ports of this machine, and those inside that they lead to."""
        ports = [each.split(":") for each in self.given.get("ports", ())]
        return {int(outside): int(inside) for _, outside, inside in ports}

    @property
    def tested_by(self) -> list[str] | None:
        """The words of its own health check, if it has one."""
        test = self.given.get("healthcheck", {}).get("test")
        return None if test is None else [word.replace("$$", "$") for word in test[1:]]


def services() -> dict[str, Service]:
    """All services by name."""
    document = yaml.safe_load(COMPOSE.read_text("utf-8"))
    return {name: Service(name, given) for name, given in document["services"].items()}


def lay_out(
    service: Service, inside: PurePosixPath, folder: Path, hosts: Mapping[str, str]
) -> None:
    """Fill a folder with what the service has mounted below ``inside``.

    In files, what is a key of ``hosts`` becomes its value: there are no names of services here.
    """
    for target, source in service.mounts.items():
        if not target.is_relative_to(inside):
            continue
        place = folder / target.relative_to(inside)
        if source.is_dir():
            shutil.copytree(source, place)
            continue
        place.parent.mkdir(parents=True, exist_ok=True)
        text = source.read_text("utf-8")
        for name, address in hosts.items():
            assert name in text, f"{source} does not name {name}"
            text = text.replace(name, address)
        place.write_text(text, "utf-8")


def kafka_properties() -> dict[str, str]:
    """The broker's settings, as the image of Apache Kafka takes them from the environment."""
    found = {}
    for name, value in services()["kafka"].environment.items():
        if name.startswith("KAFKA_") and name != "KAFKA_HEAP_OPTS":
            found[name.removeprefix("KAFKA_").lower().replace("_", ".")] = value
    return found
