"""The manifests are about this program: its config, ports, paths, and how long things take."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import CollectorRegistry

from stream_scorer.app.stopping import BOUND_SECONDS
from stream_scorer.app.watchdog import ANSWER_SECONDS, LAST_WORDS_SECONDS, LOOK_EVERY_SECONDS
from stream_scorer.cli.main import main
from stream_scorer.config.transactional_id import render
from stream_scorer.demo.stories import CARD_FRAUD
from stream_scorer.kafka.cluster import PATIENCE_SECONDS
from stream_scorer.observe.routes import routes_of
from tests.deploy.manifests import K8S, OVERLAYS, ROOT, container, of_kind, overlay, pod
from tests.deploy.settings import MODELS, SECRETS, lay_out
from tests.deploy.test_kubernetes import combined

# ------------------------------------------------------------------ the config


@pytest.mark.parametrize("name", OVERLAYS)
def test_the_config_is_accepted(
    name: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """`check --offline` finds no error in what the container gets, its environment included."""
    laid_out = lay_out(overlay(name), tmp_path)
    for variable, value in laid_out.environ.items():
        monkeypatch.setenv(variable, value)
    code = main(["check", "--offline", "-c", str(laid_out.config)])
    assert (code, capsys.readouterr().out.splitlines()[-1][:9]) == (0, "0 errors,")


def test_a_mistake_in_the_config_is_found(tmp_path: Path) -> None:
    """The test above looks at what the manifest holds."""
    found = combined(tmp_path)
    [config] = of_kind(found, "ConfigMap")
    config["data"]["scorer.yaml"] += "serve: {}\n"
    laid_out = lay_out(found, tmp_path / "container")
    assert main(["check", "--offline", "-c", str(laid_out.config)]) == 2


@pytest.mark.parametrize("name", OVERLAYS)
def test_the_example_is_the_demos(name: str, tmp_path: Path) -> None:
    """Who has seen the demo finds its model, its fields and its schema again."""
    laid_out = lay_out(overlay(name), tmp_path)
    ours, demos = (
        yaml.safe_load(each.read_text()) for each in (laid_out.config, CARD_FRAUD.config)
    )
    for settings in (ours, demos):
        settings["model"].pop("path")
    assert (ours["model"], ours["output"]) == (demos["model"], demos["output"])
    reader = laid_out.config.parent / ours["schemas"]["reader"]
    assert reader.read_text() == CARD_FRAUD.reader.read_text()


@pytest.mark.parametrize("name", OVERLAYS)
def test_the_command_is_one_of_ours(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the options that it takes, and a config that is mounted."""
    found = overlay(name)
    assert container(found)["command"] == ["stream-scorer"]
    assert main([*container(found)["args"], "--help"]) == 0
    assert "-c" in capsys.readouterr().out
    assert lay_out(found, tmp_path).config.exists()


@pytest.mark.parametrize("name", OVERLAYS)
def test_what_the_config_reads_is_mounted(name: str) -> None:
    """Credentials and the folder of the config; /models only where the image lacks the model."""
    [config] = of_kind(overlay(name), "ConfigMap")
    mounts = {each["mountPath"] for each in container(overlay(name))["volumeMounts"]}
    text = config["data"]["scorer.yaml"]
    for folder in re.findall(r"(/[\w./-]+)/[\w.-]+", text):
        assert folder in mounts | {MODELS}
    assert (SECRETS in text) == (SECRETS in mounts)


def test_members_of_a_static_fleet_keep_their_names(tmp_path: Path) -> None:
    """The pod's name is the member's id and part of the producer's: each has its own."""
    ids = set()
    for pod_name in ("stream-scorer-0", "stream-scorer-1"):
        kafka = lay_out(overlay("static"), tmp_path / pod_name, pod_name).settings().kafka
        assert kafka is not None
        assert kafka.consumer["group.instance.id"] == pod_name
        for random in ("before", "after a restart"):
            ids.add(
                render(
                    kafka.transactional_id,
                    group_id=kafka.group_id,
                    hostname=pod_name,
                    random=random,
                )
            )
    assert ids == {"card-fraud-stream-scorer-0", "card-fraud-stream-scorer-1"}


def test_members_of_a_fleet_that_scales_have_no_fixed_names(tmp_path: Path) -> None:
    """A member that is taken away leaves the group, instead of keeping its partitions waiting."""
    kafka = lay_out(overlay("keda"), tmp_path).settings().kafka
    assert kafka is not None
    assert "group.instance.id" not in kafka.consumer
    assert kafka.transactional_id is None


@pytest.mark.parametrize("base", ["base", "static"])
def test_the_gpu_component_asks_for_a_gpu_and_its_provider(tmp_path: Path, base: str) -> None:
    """The device for the container, and the setting that uses it, beside what was set before."""
    found = combined(tmp_path, "gpu", base=base)
    assert container(found)["resources"]["limits"]["nvidia.com/gpu"] == "1"
    model = lay_out(found, tmp_path / "container").settings().model
    assert [each.name for each in model.providers] == [
        "CUDAExecutionProvider",
        "CPUExecutionProvider",
    ]
    assert container(found)["image"].endswith("-gpu")


@pytest.mark.parametrize("component", ["model-from-claim", "model-from-image"])
def test_a_model_that_comes_in_by_a_volume_is_where_the_config_looks(
    tmp_path: Path, component: str
) -> None:
    """The worker can't write there."""
    found = combined(tmp_path, component)
    [mount] = [each for each in container(found)["volumeMounts"] if each["name"] == "model"]
    assert mount == {"name": "model", "mountPath": MODELS, "readOnly": True}
    assert "model" in [each["name"] for each in pod(found)["volumes"]]


def test_the_image_is_of_this_version() -> None:
    """A release moves both tags."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    tag = f"{project['name']}:{project['version']}"
    assert {container(overlay(name))["image"] for name in OVERLAYS} == {tag}
    [image] = yaml.safe_load((K8S / "gpu" / "kustomization.yaml").read_text())["images"]
    assert f"{image['name']}:{image['newTag']}" == f"{tag}-gpu"


# ------------------------------------------------------------------ the network


@pytest.mark.parametrize("name", OVERLAYS)
def test_the_port_is_the_servers(name: str, tmp_path: Path) -> None:
    """Where the worker listens, where the probes knock, and what the network lets in."""
    found = overlay(name)
    [port] = container(found)["ports"]
    server = lay_out(found, tmp_path).settings().server
    assert (port["name"], port["containerPort"]) == ("http", server.port)
    assert server.host == "0.0.0.0"  # noqa: S104 - the kubelet comes from outside of the pod
    ways_in = [
        way["port"]
        for policy in of_kind(found, "NetworkPolicy")
        for rule in policy["spec"]["ingress"]
        for way in rule["ports"]
    ]
    services = [each["spec"]["ports"][0]["targetPort"] for each in of_kind(found, "Service")]
    assert {*ways_in, *services, *(each["httpGet"]["port"] for each in probes(name).values())} == {
        "http"
    }


def test_the_network_lets_out_what_the_config_names(tmp_path: Path) -> None:
    """The brokers' port and the registry's."""
    settings = lay_out(overlay("base"), tmp_path).settings()
    assert settings.kafka is not None
    assert settings.schemas.registry is not None
    [policy] = of_kind(overlay("base"), "NetworkPolicy")
    open_ports = [way for rule in policy["spec"]["egress"] for way in rule["ports"]]
    for address in (settings.kafka.bootstrap_servers, settings.schemas.registry.url):
        wanted = int(address.rpartition(":")[2])
        assert any(way["port"] <= wanted <= way.get("endPort", way["port"]) for way in open_ports)


def test_the_server_answers_where_the_probes_ask() -> None:
    """At each of their paths, well or not well."""
    routes = routes_of(
        CollectorRegistry(),
        why_unhealthy=lambda: None,
        why_not_ready=lambda: "not in the group yet",
        status=lambda: b"{}",
        page=True,
    )
    answers = {kind: routes[probe["httpGet"]["path"]]("") for kind, probe in probes("base").items()}
    assert {kind: answer.status for kind, answer in answers.items()} == {
        "startup": 200,
        "liveness": 200,
        "readiness": 503,
    }


# ------------------------------------------------------------------ how long things take


def probes(name: str) -> dict[str, dict[str, Any]]:
    """The three probes of an overlay."""
    found = container(overlay(name))
    return {each: found[f"{each}Probe"] for each in ("startup", "liveness", "readiness")}


@pytest.mark.parametrize("name", OVERLAYS)
def test_a_worker_may_take_its_time_to_stop(name: str) -> None:
    """It is bounded by itself; what kills it earlier makes others wait for its transaction."""
    assert pod(overlay(name))["terminationGracePeriodSeconds"] >= BOUND_SECONDS + 10


@pytest.mark.parametrize("name", OVERLAYS)
def test_nobody_restarts_a_worker_that_waits_for_brokers(name: str) -> None:
    """While the watchdog asks them whether they are there, `/healthz` fails and must be borne."""
    liveness = probes(name)["liveness"]
    borne_seconds = liveness["periodSeconds"] * (liveness["failureThreshold"] - 1)
    assert borne_seconds > LOOK_EVERY_SECONDS + ANSWER_SECONDS + LAST_WORDS_SECONDS


@pytest.mark.parametrize("name", OVERLAYS)
def test_a_start_may_wait_for_brokers_and_load_a_model_afterwards(name: str) -> None:
    """Nobody listens until then; a worker that can't reach the brokers says so itself, and ends."""
    startup = probes(name)["startup"]
    assert startup["periodSeconds"] * startup["failureThreshold"] >= PATIENCE_SECONDS + 120


@pytest.mark.parametrize("name", OVERLAYS)
def test_brokers_that_are_away_are_no_reason_to_restart(name: str) -> None:
    """They make a worker unready; only its own loop makes it unhealthy."""
    paths = {kind: probe["httpGet"]["path"] for kind, probe in probes(name).items()}
    assert paths == {"startup": "/healthz", "liveness": "/healthz", "readiness": "/readyz"}


@pytest.mark.parametrize("name", ["base", "keda", "static"])
def test_a_version_that_fails_at_its_first_events_stops_the_rollout(name: str) -> None:
    """Ready for a moment is not enough."""
    [found] = of_kind(overlay(name), "Deployment", "StatefulSet")
    assert found["spec"]["minReadySeconds"] >= 10
