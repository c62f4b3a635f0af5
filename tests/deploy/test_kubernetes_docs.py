"""What docs/kubernetes.md and k8s/README.md say is so."""

from __future__ import annotations

import copy
import re
import shutil
from pathlib import Path

import yaml

from tests.deploy.manifests import (
    COMPONENTS,
    K8S,
    OVERLAYS,
    ROOT,
    VERSIONS,
    build,
    container,
    mistakes,
    of_kind,
    overlay,
    pod,
)
from tests.deploy.settings import SECRETS
from tests.deploy.test_kubernetes import combined
from tests.test_docs import first_cells, text_of

PAGE = text_of("docs/kubernetes.md")
_BLOCK = re.compile(r"^```yaml\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def test_every_folder_is_listed_and_no_other() -> None:
    """Overlays in the one table, components in the other."""
    assert sorted(first_cells(text_of("k8s/README.md"))) == sorted([*OVERLAYS, *COMPONENTS])


def test_the_overlay_to_copy_builds_and_is_valid(tmp_path: Path) -> None:
    """As it stands on the page, beside a copy of the manifests."""
    [own] = [block for block in _BLOCK.findall(PAGE) if "kind: Kustomization" in block]
    shutil.copytree(K8S, tmp_path / "k8s")
    folder = tmp_path / "fraud"
    folder.mkdir()
    for file in ("scorer.yaml", "card_transaction.avsc"):
        shutil.copy(K8S / "base" / file, folder)
    (folder / "kustomization.yaml").write_text(own)
    found = build(folder)
    assert [each for one in found for each in mistakes(one, VERSIONS[-1])] == []
    assert container(found)["image"] == "registry.example.com/fraud-scorer:2026-11"
    [scaled] = of_kind(found, "ScaledObject")
    assert scaled["spec"]["triggers"][0]["metadata"]["consumerGroup"] == "fraud-scorer"
    assert {each["metadata"]["namespace"] for each in found} == {"fraud"}


def test_other_manifests_to_copy_are_valid() -> None:
    """Whole ones, and a list is one of further triggers."""
    [scaled] = copy.deepcopy(of_kind(overlay("keda"), "ScaledObject"))
    found = [scaled]
    for block in _BLOCK.findall(PAGE):
        for one in yaml.safe_load_all(block):
            if isinstance(one, list):
                scaled["spec"]["triggers"] += one
            elif one["kind"] != "Kustomization":
                found.append(one)
    assert len(scaled["spec"]["triggers"]) == 2
    assert [each["kind"] for each in found] == ["ScaledObject", "HorizontalPodAutoscaler"]
    assert [each for one in found for each in mistakes(one, VERSIONS[-1])] == []


def test_the_secret_to_make_holds_what_is_read() -> None:
    """The config's keys, and KEDA's, and no other."""
    made = set(
        re.findall(r"--from-(?:literal|file)=([\w.-]+)=", PAGE.partition("secret generic")[2])
    )
    [config] = of_kind(overlay("base"), "ConfigMap")
    read = set(re.findall(rf"{SECRETS}/([\w.-]+)", config["data"]["scorer.yaml"]))
    [authentication] = of_kind(overlay("keda"), "TriggerAuthentication")
    asked = {each["key"] for each in authentication["spec"]["secretTargetRef"]}
    assert made == read | asked


def test_the_numbers_of_the_page_are_those_of_the_manifests() -> None:
    """The grace period, the time to start, and the partitions."""
    assert f"give it {pod(overlay('base'))['terminationGracePeriodSeconds']} s" in PAGE
    startup = container(overlay("base"))["startupProbe"]
    minutes = startup["periodSeconds"] * startup["failureThreshold"] / 60
    assert f"after {minutes:.0f} minutes the container" in PAGE
    [scaled] = of_kind(overlay("keda"), "ScaledObject")
    assert f"--partitions {scaled['spec']['maxReplicaCount']}" in PAGE


def test_ones_own_tag_wins_over_that_of_the_gpu_component(tmp_path: Path) -> None:
    """Who sets an image knows which."""
    images = [{"name": "stream-scorer", "newTag": "mine"}]
    assert container(combined(tmp_path, "gpu", images=images))["image"] == "stream-scorer:mine"


def test_the_image_starts_as_the_manifests_say() -> None:
    """The same user, command and port; what the manifests don't repeat may be left to the image."""
    image = (ROOT / "Dockerfile").read_text()
    [user] = re.findall(r"^USER (\d+):(\d+)$", image, re.MULTILINE)
    security = pod(overlay("base"))["securityContext"]
    assert user == (str(security["runAsUser"]), str(security["runAsGroup"]))
    command = container(overlay("base"))["command"] + container(overlay("base"))["args"]
    words = re.findall(r'^(?:ENTRYPOINT|CMD) \["(.*)"\]$', image, re.MULTILINE)
    assert '", "'.join(command) == '", "'.join(words)
    assert f"\nEXPOSE {container(overlay('base'))['ports'][0]['containerPort']}\n" in image
