"""docker-compose.yml: by the Compose Specification, by rules of ours, and against the code."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path, PurePosixPath
from typing import Any

import jsonschema
import pytest
import yaml

from stream_scorer.app.stopping import BOUND_SECONDS
from stream_scorer.config.settings import ServerConfig
from stream_scorer.demo.stories import CARD_FRAUD
from stream_scorer.local import downloads
from tests.deploy.compose import COMPOSE, FOLDER, Service, kafka_properties, services
from tests.deploy.containers import ended
from tests.deploy.dockerfile import ROOT, stages
from tests.tools import system_tool

SCHEMA = Path(__file__).parent / "schemas/compose-spec.json"
SERVICES = services()
SCORERS = [service for service in SERVICES.values() if service.name.startswith("scorer-")]
every_service = pytest.mark.parametrize("service", SERVICES.values(), ids=SERVICES)
SECRET = re.compile(r"password|secret(?!s)|token|credential", re.IGNORECASE)


def yaml_of(path: Path) -> Any:
    """What a YAML file says."""
    return yaml.safe_load(path.read_text("utf-8"))


# ------------------------------------------------------------------ is it valid


def test_it_is_valid_by_the_compose_specification() -> None:
    """Every key is known and every value is of its kind."""
    schema = json.loads(SCHEMA.read_text("utf-8"))
    jsonschema.Draft202012Validator(schema).validate(yaml_of(COMPOSE))


@pytest.mark.parametrize("change", [{"cap_drop": "ALL"}, {"read_onyl": True}, {"ports": 80}])
def test_the_specification_notices_a_slip(change: dict[str, Any]) -> None:
    """The schema is the whole one, and strict."""
    broken = yaml_of(COMPOSE)
    broken["services"]["scorer-1"] |= change
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(broken, json.loads(SCHEMA.read_text("utf-8")))


def test_docker_compose_takes_it() -> None:
    """Where its plugin is installed, which asks no engine."""
    docker = shutil.which("docker")
    if docker is None or ended([docker, "compose", "version"]).returncode != 0:
        pytest.skip("the compose plugin of docker is not installed")
    asked = ended([docker, "compose", "--file", COMPOSE, "config", "--quiet"])
    assert asked.returncode == 0, asked.stderr


# ------------------------------------------------------------------ is it tame


@every_service
def test_a_service_gets_no_more_than_it_needs(service: Service) -> None:
    """No capability, no way to more rights, a bound on memory and processors."""
    assert service.given["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in service.given["security_opt"]
    assert set(service.given["deploy"]["resources"]["limits"]) == {"cpus", "memory"}
    assert not {"privileged", "cap_add", "network_mode", "pid", "user"} & set(service.given)


@every_service
def test_only_kafka_and_the_registry_write_to_their_root(service: Service) -> None:
    """Their images write beside their programs; ours writes nowhere, the others to a volume."""
    writes = service.name in ("kafka", "registry")
    assert service.given.get("read_only", False) is not writes


@every_service
def test_ports_are_on_this_machine_only(service: Service) -> None:
    """Nothing here asks for a password, so nobody else may come in."""
    ports = service.given.get("ports", ())
    assert [each for each in ports if not each.startswith("127.0.0.1:")] == []


def test_no_two_services_want_the_same_port() -> None:
    """Of this machine."""
    published = [port for service in SERVICES.values() for port in service.published]
    assert len(set(published)) == len(published)


@every_service
def test_what_is_mounted_is_there_and_stays_as_it_is(service: Service) -> None:
    """A missing source would become an empty folder without a word."""
    assert [str(path) for path in service.mounts.values() if not path.exists()] == []
    bound = [each for each in service.given.get("volumes", ()) if ":" in each]
    assert [each for each in bound if not each.endswith(":ro")] == []


@every_service
def test_images_are_of_a_fixed_version(service: Service) -> None:
    """What worked goes on working; ours is built here, by one service alone."""
    image = service.given["image"]
    assert service.ours or re.fullmatch(r"[\w./-]+:v?\d+\.\d+\.\d+", image)
    builds = service.name == "set-up"
    assert ("build" in service.given) is builds
    assert service.given.get("pull_policy") == (
        ("build" if builds else "never") if service.ours else None
    )


def test_nothing_in_it_is_a_secret() -> None:
    """Who copies it copies no password."""
    variables = [name for each in SERVICES.values() for name in each.environment]
    assert [name for name in variables if SECRET.search(name)] == []
    files = [COMPOSE, *(path for path in FOLDER.rglob("*") if path.is_file())]
    stated = re.compile(r"(password|secret|token)[\w.]*\s*[:=]\s*\S", re.IGNORECASE)
    assert [path.name for path in files if stated.search(path.read_text("utf-8"))] == []


# ------------------------------------------------------------------ does it fit together


@every_service
def test_a_service_waits_for_what_can_be_waited_for(service: Service) -> None:
    """For the end of what ends, and for the health of what has a health check."""
    for name, wait in service.given.get("depends_on", {}).items():
        other = SERVICES[name]
        match wait["condition"]:
            case "service_completed_successfully":
                assert other.given["restart"] == "no"
            case "service_healthy":
                assert other.tested_by is not None
            case condition:
                assert condition == "service_started"


@every_service
def test_every_service_that_can_be_asked_has_a_health_check(service: Service) -> None:
    """The scorers have the image's; what serves nothing has none."""
    disabled = service.given.get("healthcheck", {}).get("disable", False)
    serves_nothing = service.name in ("set-up", "generator")
    assert disabled is serves_nothing
    assert service.ours or service.tested_by is not None


def test_kafka_and_the_registry_are_those_of_the_tests() -> None:
    """What is shown here was tested with the same versions."""
    version = downloads._KAFKA.rpartition(":")[2]
    assert SERVICES["kafka"].given["image"] == f"apache/kafka:{version}"
    assert SERVICES["registry"].given["image"] == (
        f"apicurio/apicurio-registry:{downloads._REGISTRY[2]}"
    )


def test_clients_find_the_broker_where_it_says_it_is() -> None:
    """From services by its name, from this machine by the port that is published."""
    properties = kafka_properties()
    listens = dict(each.split("://") for each in properties["listeners"].split(","))
    advertised = dict(each.split("://") for each in properties["advertised.listeners"].split(","))
    config = yaml_of(FOLDER / "scorer.yaml")
    assert (
        config["kafka"]["bootstrap_servers"] == advertised["CLIENT"] == f"kafka{listens['CLIENT']}"
    )
    (outside,) = SERVICES["kafka"].published.items()
    assert advertised["HOST"] == f"localhost:{outside[0]}"
    assert listens["HOST"] == f":{outside[1]}"
    protocols = properties["listener.security.protocol.map"].split(",")
    assert {each.partition(":")[0] for each in protocols} == set(listens)
    assert properties["controller.quorum.voters"] == f"1@kafka{listens['CONTROLLER']}"
    assert f"/{listens['CLIENT'][1:]}" in " ".join(SERVICES["kafka"].tested_by or ())


def test_scorers_are_seen_at_the_port_that_they_listen_on() -> None:
    """By this machine and by Prometheus."""
    port = ServerConfig().port
    assert port is not None
    assert "server" not in yaml_of(FOLDER / "scorer.yaml")
    assert [list(each.published.values()) for each in SCORERS] == [[port], [port]]
    jobs = {each["job_name"]: each for each in yaml_of(FOLDER / "prometheus.yml")["scrape_configs"]}
    (targets,) = jobs["stream-scorer"]["static_configs"]
    assert targets["targets"] == [f"{each.name}:{port}" for each in SCORERS]


def test_a_scorer_has_the_time_to_stop() -> None:
    """Longer than it takes at most."""
    for each in SCORERS:
        assert float(each.given["stop_grace_period"].removesuffix("s")) > BOUND_SECONDS


def test_scorers_run_what_the_image_runs_by_itself() -> None:
    """With the config mounted where the image looks for it."""
    for each in SCORERS:
        assert not {"command", "entrypoint"} & set(each.given)
        assert PurePosixPath(stages()[-1].one("CMD").exec_form[-1]) in each.mounts


def test_the_scorers_config_scores_the_story_of_the_demo() -> None:
    """The same model, schema, inputs and outputs; schemas come from the registry."""
    ours, story = yaml_of(FOLDER / "scorer.yaml"), yaml_of(CARD_FRAUD.config)
    assert ours["model"] == story["model"]
    assert ours["output"] == story["output"]
    assert ours["schemas"]["reader"] == story["schemas"]["reader"]
    assert ours["kafka"].items() >= {**story["kafka"], "bootstrap_servers": "kafka:9092"}.items()


# ------------------------------------------------------------------ Prometheus and Grafana


def test_promtool_takes_the_config_of_prometheus(tmp_path: Path) -> None:
    """With the alert rules that are mounted beside it."""
    for target, source in SERVICES["prometheus"].mounts.items():
        shutil.copy(source, tmp_path / target.name)
    config = tmp_path / "prometheus.yml"
    text = config.read_text("utf-8")
    assert "/etc/prometheus/alerts.yaml" in text
    config.write_text(text.replace("/etc/prometheus", str(tmp_path)), "utf-8")
    checked = ended([system_tool("promtool"), "check", "config", config])
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert "rules found" in checked.stdout


def test_grafana_finds_prometheus_and_the_dashboard() -> None:
    """The datasource by its service and port, the dashboard where it is looked for."""
    folder = FOLDER / "grafana/provisioning"
    (source,) = yaml_of(folder / "datasources/prometheus.yaml")["datasources"]
    (inside,) = SERVICES["prometheus"].published.values()
    assert source["url"] == f"http://prometheus:{inside}"
    (provider,) = yaml_of(folder / "dashboards/stream-scorer.yaml")["providers"]
    home = SERVICES["grafana"].environment["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert PurePosixPath(home).parent == PurePosixPath(provider["options"]["path"])
    assert SERVICES["grafana"].mounts[PurePosixPath(home)] == (
        ROOT / "k8s/monitoring/dashboard.json"
    )


def test_the_dashboard_asks_a_datasource_that_is_there() -> None:
    """The provisioned one by its id, or whichever the reader picks."""
    (source,) = yaml_of(FOLDER / "grafana/provisioning/datasources/prometheus.yaml")["datasources"]
    text = (ROOT / "k8s/monitoring/dashboard.json").read_text("utf-8")
    asked = set(re.findall(r'"datasource":\s*\{[^}]*"uid":\s*"([^"]+)"', text))
    assert asked
    fixed = {uid for uid in asked if not uid.startswith(("$", "-- "))}
    assert fixed <= {source["uid"]}
