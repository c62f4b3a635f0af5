"""The Kubernetes manifests as a cluster would get them, and schemas to hold them to."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate
import yaml

from tests.tools import system_tool

ROOT = Path(__file__).parents[2]
K8S = ROOT / "k8s"
CRDS = Path(__file__).parent / "crds"
#: The oldest minor version that the manifests are for, and the newest that there is a schema of.
VERSIONS = ("1.29", str(kubernetes_validate.latest_version()))

Resource = dict[str, Any]


def _folders(kind: str) -> list[str]:
    """The folders of ``k8s/`` that hold a kustomization of a kind."""
    files = sorted(K8S.rglob("kustomization.yaml"))
    found = [file for file in files if yaml.safe_load(file.read_text())["kind"] == kind]
    return [file.parent.relative_to(K8S).as_posix() for file in found]


OVERLAYS = _folders("Kustomization")
COMPONENTS = _folders("Component")


def build(folder: Path) -> list[Resource]:
    """Return what ``kubectl apply -k`` would send; raise with what kustomize says if it can't."""
    kubectl = system_tool("kubectl")
    built = subprocess.run(  # noqa: S603 - our own manifests
        [kubectl, "kustomize", str(folder)], capture_output=True, text=True, check=False
    )
    assert built.returncode == 0, built.stderr
    return list(yaml.safe_load_all(built.stdout))


@cache
def overlay(name: str) -> tuple[Resource, ...]:
    """Return the resources of a folder of ``k8s/``."""
    return tuple(build(K8S / name))


def of_kind(resources: Sequence[Resource], *kinds: str) -> list[Resource]:
    """Return the resources of these kinds."""
    return [each for each in resources if each["kind"] in kinds]


def workload(resources: Sequence[Resource]) -> Resource:
    """Return the one resource that runs the workers."""
    [found] = of_kind(resources, "Deployment", "StatefulSet")
    return found


def pod(resources: Sequence[Resource]) -> dict[str, Any]:
    """Return the specification of a worker's pod."""
    spec: dict[str, Any] = workload(resources)["spec"]["template"]["spec"]
    return spec


def container(resources: Sequence[Resource]) -> dict[str, Any]:
    """Return the container that scores."""
    [found] = pod(resources)["containers"]
    assert isinstance(found, dict)
    return found


@dataclass(frozen=True)
class Mounted:
    """What a worker's container sees: files by their path, and its environment."""

    files: Mapping[str, str]
    environ: Mapping[str, str]


def mounted(resources: Sequence[Resource], pod_name: str) -> Mounted:
    """Return what the config's volume brings and the environment of the pod of this name."""
    maps = {each["metadata"]["name"]: each["data"] for each in of_kind(resources, "ConfigMap")}
    volumes = {
        each["name"]: maps.get(each.get("configMap", {}).get("name"), {})
        for each in pod(resources)["volumes"]
    }
    files = {
        f"{mount['mountPath']}/{name}": text
        for mount in container(resources)["volumeMounts"]
        for name, text in volumes[mount["name"]].items()
    }
    environ: dict[str, str] = {}
    for each in container(resources)["env"]:
        value = each.get("value", pod_name)
        for known, known_value in environ.items():
            value = value.replace(f"$({known})", known_value)
        environ[each["name"]] = value
    return Mounted(files, environ)


def mistakes(resource: Resource, version: str) -> list[str]:
    """Return what is wrong with a resource: unknown fields, wrong types, missing ones."""
    schema = custom_schemas().get((resource["apiVersion"], resource["kind"]))
    try:
        if schema is None:
            kubernetes_validate.validate(resource, version, strict=True)
        else:
            jsonschema.Draft202012Validator(schema).validate(resource)
    except (kubernetes_validate.ValidationError, jsonschema.ValidationError) as error:
        return [f"{resource['kind']} {resource['metadata']['name']}: {error.message}"]
    return []


@cache
def custom_schemas() -> dict[tuple[str, str], dict[str, Any]]:
    """Return the schemas of the custom kinds, by apiVersion and kind, closed to unknown fields."""
    found = {}
    for file in CRDS.glob("*.yaml"):
        spec = yaml.safe_load(file.read_text())["spec"]
        for version in spec["versions"]:
            of = (f"{spec['group']}/{version['name']}", spec["names"]["kind"])
            found[of] = dict(_closed(version["schema"]["openAPIV3Schema"]))
    return found


def _closed(schema: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield the schema's parts such that what a cluster would silently drop is a mistake."""
    for key, value in schema.items():
        if key == "properties":
            yield key, {name: dict(_closed(inner)) for name, inner in value.items()}
        elif key in {"items", "additionalProperties"} and isinstance(value, dict):
            yield key, dict(_closed(value))
        else:
            yield key, value
    keeps_unknown = schema.get("x-kubernetes-preserve-unknown-fields", False)
    if "properties" in schema and "additionalProperties" not in schema and not keeps_unknown:
        yield "additionalProperties", False
