"""Where settings come from, and which source wins."""

from __future__ import annotations

from pathlib import Path

import pytest

from stream_scorer.config import load
from stream_scorer.errors import ConfigError
from tests.config.conftest import SMALL, Loader

MAX_RECORDS = "STREAM_SCORER__BATCHING__MAX_RECORDS"


def test_defaults_hold_where_nothing_is_said(loaded: Loader) -> None:
    """A small file is enough."""
    settings = loaded()
    assert settings.batching.max_records == 1024
    assert settings.batching.commit_interval_seconds == 0.1
    assert settings.model.name == "fraud"
    assert settings.server.port == 9400
    assert settings.dead_letters.budget is not None


def test_the_later_source_wins(loaded: Loader) -> None:
    """An option over the environment, the environment over the file, the file over the default."""
    file = SMALL + "batching: {max_records: 2}\n"
    assert loaded(file).batching.max_records == 2
    assert loaded(file, environ={MAX_RECORDS: "3"}).batching.max_records == 3
    override = ["batching.max_records=4"]
    settings = loaded(file, environ={MAX_RECORDS: "3"}, overrides=override)
    assert settings.batching.max_records == 4
    assert loaded(file, overrides=[*override, "batching.max_records=5"]).batching.max_records == 5


def test_a_source_leaves_the_neighbours_of_what_it_sets(loaded: Loader) -> None:
    """Sections are merged, key by key."""
    file = SMALL + "batching: {max_records: 2, max_wait: 5ms}\n"
    settings = loaded(file, environ={MAX_RECORDS: "3"})
    assert settings.batching.max_wait_seconds == 0.005


def test_no_file_is_needed() -> None:
    """A container can be told everything by its environment."""
    environ = {
        "STREAM_SCORER__MODEL__PATH": "/models/fraud.onnx",
        "STREAM_SCORER__OUTPUT__PASS_THROUGH": "[event_id, {device: device.id}]",
        "STREAM_SCORER__MODEL__VERSION": "1.10",
        "PATH": "/bin",
    }
    settings = load(None, [], environ, need_kafka=False)
    assert settings.model.path == Path("/models/fraud.onnx")
    assert settings.model.version == "1.10"
    assert [field.name for field in settings.output.pass_through] == ["event_id", "device"]


def test_a_section_from_a_variable_is_laid_under_its_single_keys(loaded: Loader) -> None:
    """Whatever the order of the variables."""
    settings = loaded(
        environ={
            MAX_RECORDS: "3",
            "STREAM_SCORER__BATCHING": "{max_records: 9, max_wait: 1ms}",
        }
    )
    assert settings.batching.max_records == 3
    assert settings.batching.max_wait_seconds == 0.001


def test_below_the_client_properties_the_rest_is_one_key(loaded: Loader) -> None:
    """Their names contain dots, and in a variable underscores in their place."""
    settings = loaded(
        overrides=["kafka.common.sasl.username=scorer", "model.missing.fields.device.age=0"],
        environ={
            "STREAM_SCORER__KAFKA__COMMON__SASL_PASSWORD": "0123",
            "STREAM_SCORER__KAFKA__CONSUMER__SESSION_TIMEOUT_MS": "10000",
            "STREAM_SCORER__KAFKA__PRODUCER__LINGER_MS": "0.5",
            "STREAM_SCORER__SCHEMAS__REGISTRY__PROPERTIES__CACHE_CAPACITY": "10",
            "STREAM_SCORER__MODEL__SESSION__SESSION_SET_DENORMAL_AS_ZERO": "true",
        },
    )
    assert settings.kafka is not None
    assert settings.kafka.common == {"sasl.username": "scorer", "sasl.password": "0123"}
    assert settings.kafka.consumer == {"session.timeout.ms": "10000"}
    assert settings.kafka.producer == {"linger.ms": "0.5"}
    assert settings.schemas.registry is not None
    assert settings.schemas.registry.properties == {"cache.capacity": 10}
    assert settings.model.session == {"session.set_denormal_as_zero": "1"}
    assert settings.model.missing.fields == {"device.age": 0}


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("STREAM_SCORER__BATCHING__MAX_RECORD", "batching.max_records"),
        ("STREAM_SCORER__BATCHNG__MAX_RECORDS", "batching"),
        ("STREAM_SCORER__KAFKA__COMMON__SASL_PASWORD", "sasl.password"),
        ("STREAM_SCORER__MODEL__SESSION__SESSION_SET_DENORMALS_AS_ZERO", "denormal_as_zero"),
    ],
)
def test_a_variable_that_sets_nothing_is_an_error(loaded: Loader, name: str, nearest: str) -> None:
    """It names the variable and what was probably meant."""
    with pytest.raises(ConfigError, match=nearest) as error:
        loaded(environ={name: "5"})
    assert name in str(error.value)


def test_a_variable_of_one_underscore_is_none_of_ours(loaded: Loader) -> None:
    """Kubernetes makes ``STREAM_SCORER_PORT`` for a service of that name."""
    assert loaded(environ={"STREAM_SCORER_PORT": "tcp://10.0.0.1:80"}).server.port == 9400


@pytest.mark.parametrize("name", ["STREAM_SCORER__", "STREAM_SCORER__A____B"])
def test_a_variable_without_a_name_is_an_error(loaded: Loader, name: str) -> None:
    """Two underscores stand between two names."""
    with pytest.raises(ConfigError, match="does not name a setting"):
        loaded(environ={name: "5"})


@pytest.mark.parametrize("override", ["batching.max_records", "=5", "batching..x=5", ""])
def test_an_option_without_a_setting_or_value_is_an_error(loaded: Loader, override: str) -> None:
    """It says how one looks."""
    with pytest.raises(ConfigError, match=r"--set takes a setting and its value"):
        loaded(overrides=[override])


def test_a_list_is_set_as_a_whole(loaded: Loader) -> None:
    """There is no path into one."""
    with pytest.raises(ConfigError, match=r"set kafka\.input_topics as a whole"):
        loaded(overrides=["kafka.input_topics.0=x"])
    settings = loaded(overrides=["kafka.input_topics=[a, b]"])
    assert settings.kafka is not None
    assert settings.kafka.input_topics == ("a", "b")


def test_paths_in_the_file_are_relative_to_it(loaded: Loader, tmp_path: Path) -> None:
    """Wherever the command is run; elsewhere they are what they are."""
    settings = loaded(SMALL + "batching: {}\n", overrides=["schemas.reader=event.avsc"])
    assert settings.model.path == tmp_path / "fraud.onnx"
    assert settings.schemas.reader == Path("event.avsc")


@pytest.mark.parametrize("text", ["", "# nothing but a comment\n", "---\n"])
def test_an_empty_file_lacks_what_is_required(loaded: Loader, text: str) -> None:
    """And says so."""
    with pytest.raises(ConfigError, match=r"scorer\.yaml: model is required\."):
        loaded(text)


@pytest.mark.parametrize("text", ["just text\n", "- a\n- b\n", "5\n"])
def test_a_file_without_sections_is_an_error(loaded: Loader, text: str) -> None:
    """A configuration is a mapping."""
    with pytest.raises(ConfigError, match="mapping of sections"):
        loaded(text)


def test_a_file_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    """Absent, a folder, or not a text."""
    with pytest.raises(ConfigError, match="No such file"):
        load(tmp_path / "absent.yaml", [], {}, need_kafka=False)
    with pytest.raises(ConfigError, match="directory"):
        load(tmp_path, [], {}, need_kafka=False)
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="not a UTF-8 text"):
        load(tmp_path / "binary.yaml", [], {}, need_kafka=False)
