"""The Kubernetes manifests: they build, a cluster would take them, and Pod Security, too."""

from __future__ import annotations

import copy
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deploy.manifests import (
    COMPONENTS,
    K8S,
    OVERLAYS,
    VERSIONS,
    Resource,
    build,
    container,
    mistakes,
    of_kind,
    overlay,
    pod,
    workload,
)


def combined(folder: Path, *components: str, base: str = "base", **more: Any) -> list[Resource]:
    """Build an overlay of one's own, as the documentation says: beside a copy of `k8s/`."""
    shutil.copytree(K8S, folder / "k8s", dirs_exist_ok=True)
    own = folder / "own"
    own.mkdir(exist_ok=True)
    kustomization = {
        "resources": [f"../k8s/{base}"],
        "components": [f"../k8s/{name}" for name in components],
        **more,
    }
    (own / "kustomization.yaml").write_text(yaml.safe_dump(kustomization))
    return build(own)


# ------------------------------------------------------------------ they are valid


def test_the_overlays_that_the_documentation_names_are_there() -> None:
    """And the components."""
    assert {"base", "keda", "static", "dev"} == set(OVERLAYS)
    assert {"gpu", "model-from-claim", "model-from-image"} <= set(COMPONENTS)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", OVERLAYS)
def test_a_cluster_takes_the_overlay(name: str, version: str) -> None:
    """Every field is known and of its type, those of KEDA's and Prometheus' kinds included."""
    assert [each for found in overlay(name) for each in mistakes(found, version)] == []


@pytest.mark.parametrize("base", ["base", "static"])
@pytest.mark.parametrize("component", COMPONENTS)
def test_a_cluster_takes_a_component_on_top(tmp_path: Path, component: str, base: str) -> None:
    """On a Deployment and on a StatefulSet."""
    found = combined(tmp_path, component, base=base)
    assert [each for one in found for each in mistakes(one, VERSIONS[-1])] == []


@pytest.mark.parametrize(
    ("name", "kind", "path", "value"),
    [
        ("base", "Deployment", ("spec", "template", "spec", "terminationGraceSeconds"), 40),
        ("base", "PodDisruptionBudget", ("spec", "maxUnavailable"), [1]),
        ("keda", "ScaledObject", ("spec", "coolDownPeriod"), 300),
        ("keda", "ScaledObject", ("spec", "maxReplicaCount"), "twelve"),
        ("keda", "TriggerAuthentication", ("spec", "secretTargetRefs"), []),
    ],
)
def test_a_mistake_is_found(name: str, kind: str, path: tuple[str, ...], value: object) -> None:
    """A field that is misspelt, which a cluster may drop without a word, or of the wrong type."""
    [resource] = of_kind(copy.deepcopy(overlay(name)), kind)
    *way, last = path
    place = resource
    for key in way:
        place = place[key]
    place[last] = value
    [mistake] = mistakes(resource, VERSIONS[-1])
    assert last in mistake or repr(value) in mistake


# ------------------------------------------------------------------ they fit together


@pytest.mark.parametrize("name", OVERLAYS)
def test_no_two_resources_of_an_overlay_have_one_name(name: str) -> None:
    """The later would replace the earlier."""
    names = [(each["kind"], each["metadata"]["name"]) for each in overlay(name)]
    assert sorted(set(names)) == sorted(names)


def selectors(found: Sequence[Resource]) -> list[dict[str, str]]:
    """Every selector of pods that there is."""
    by_labels = [
        workload(found)["spec"]["selector"],
        *[each["labelSelector"] for each in pod(found).get("topologySpreadConstraints", [])],
        *[each["spec"]["podSelector"] for each in of_kind(found, "NetworkPolicy")],
        *[each["spec"]["selector"] for each in of_kind(found, "PodDisruptionBudget", "PodMonitor")],
    ]
    services = [each["spec"]["selector"] for each in of_kind(found, "Service")]
    return [*[each["matchLabels"] for each in by_labels], *services]


@pytest.mark.parametrize("name", OVERLAYS)
@pytest.mark.parametrize("component", [None, "monitoring"])
def test_whatever_selects_pods_selects_the_workers(
    tmp_path: Path, name: str, component: str | None
) -> None:
    """An empty selector selects every pod of the namespace, or none."""
    found = combined(tmp_path, component, base=name) if component else overlay(name)
    labels = workload(found)["spec"]["template"]["metadata"]["labels"]
    assert all(selector and selector.items() <= labels.items() for selector in selectors(found))


def test_a_changed_config_or_schema_is_a_rollout(tmp_path: Path) -> None:
    """The ConfigMap's name holds a hash of it, and the pod's volume follows the name."""
    names = set()
    shutil.copytree(K8S, tmp_path / "k8s")
    for changed in (None, "scorer.yaml", "card_transaction.avsc"):
        if changed:
            with (tmp_path / "k8s" / "base" / changed).open("a") as file:
                file.write("\n")
        found = build(tmp_path / "k8s" / "base")
        [config] = of_kind(found, "ConfigMap")
        names.add(config["metadata"]["name"])
        volumes = [
            each["configMap"]["name"] for each in pod(found)["volumes"] if "configMap" in each
        ]
        assert volumes == [config["metadata"]["name"]]
    assert len(names) == 3


def test_an_image_is_exchanged_in_one_place(tmp_path: Path) -> None:
    """Every container of ours takes the name that an overlay of one's own sets."""
    images = [{"name": "stream-scorer", "newName": "registry.example.com/fraud", "newTag": "7"}]
    found = combined(tmp_path, base="keda", images=images)
    assert container(found)["image"] == "registry.example.com/fraud:7"


# ------------------------------------------------------------------ they are safe


def restricted(resources: list[Resource] | tuple[Resource, ...]) -> None:
    """Hold the pod to the Pod Security Standard `restricted`, and to more."""
    spec = pod(resources)
    assert not {"hostNetwork", "hostPID", "hostIPC"} & set(spec)
    assert spec["automountServiceAccountToken"] is False
    assert spec["enableServiceLinks"] is False
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["runAsUser"] > 0
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    allowed = {"name", "configMap", "secret", "emptyDir", "persistentVolumeClaim"}
    assert {key for volume in spec["volumes"] for key in volume} <= allowed
    for each in (*spec["containers"], *spec.get("initContainers", ())):
        assert each["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert {"cpu", "memory"} <= set(each["resources"]["limits"])
        assert {"cpu", "memory"} <= set(each["resources"]["requests"])


@pytest.mark.parametrize("name", OVERLAYS)
def test_an_overlay_keeps_to_the_restricted_standard(name: str) -> None:
    """And has limits, a read-only root, and no token."""
    restricted(overlay(name))
    for account in of_kind(overlay(name), "ServiceAccount"):
        assert account["automountServiceAccountToken"] is False


@pytest.mark.parametrize("component", COMPONENTS)
def test_a_component_keeps_to_the_restricted_standard(tmp_path: Path, component: str) -> None:
    """Its init container, too."""
    restricted(combined(tmp_path, component))


def test_no_secret_stands_in_a_manifest() -> None:
    """Credentials come from a Secret that somebody else makes."""
    for name in OVERLAYS:
        assert of_kind(overlay(name), "Secret") == []
