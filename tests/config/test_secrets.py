"""Secrets: read from files, given to clients, shown to nobody."""

from __future__ import annotations

from pathlib import Path

import pytest

from stream_scorer.config import Settings
from stream_scorer.errors import ConfigError
from tests.config.conftest import Loader

SECRET = "hunter2"  # noqa: S105 - it is what must not be seen


def common_of(settings: Settings) -> dict[str, str]:
    """The properties of both clients."""
    assert settings.kafka is not None
    return settings.kafka.common


@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_a_text_can_stand_in_a_file(loaded: Loader, tmp_path: Path, end: str) -> None:
    """One newline at its end, as an editor leaves it, is not part of it."""
    (tmp_path / "password").write_text(f"a b\n{SECRET}{end}", newline="")
    settings = loaded(overrides=[f"kafka.common.sasl.password=file:{tmp_path}/password"])
    assert common_of(settings)["sasl.password"] == f"a b\n{SECRET}"


def test_only_one_newline_is_dropped(loaded: Loader, tmp_path: Path) -> None:
    """A second one may belong to the secret."""
    (tmp_path / "password").write_text(f"{SECRET}\n\n")
    settings = loaded(overrides=[f"kafka.common.sasl.password=file:{tmp_path}/password"])
    assert common_of(settings)["sasl.password"] == f"{SECRET}\n"


@pytest.mark.parametrize(
    "setting",
    [
        "kafka.common.sasl.password",
        "kafka.common.ssl.key.password",
        "kafka.common.ssl.key.pem",
        "kafka.common.ssl.keystore.password",
        "kafka.common.sasl.oauthbearer.client.secret",
        "kafka.common.sasl.oauthbearer.client.credentials.client.secret",
        "kafka.common.sasl.oauthbearer.assertion.private.key.passphrase",
        "kafka.common.sasl.oauthbearer.config",
        "schemas.registry.properties.basic.auth.user.info",
        "schemas.registry.properties.bearer.auth.token",
        "schemas.registry.properties.bearer.auth.client.secret",
        "schemas.registry.properties.ssl.key.password",
    ],
)
def test_a_credential_is_hidden_wherever_it_came_from(loaded: Loader, setting: str) -> None:
    """By the name of its property."""
    settings = loaded(overrides=[f"{setting}={SECRET}"])
    assert SECRET not in repr(settings)
    assert SECRET not in str(settings.redacted())


def test_a_credential_that_looks_like_a_number_is_hidden_too(loaded: Loader) -> None:
    """And keeps its leading zero."""
    settings = loaded(overrides=["schemas.registry.properties.ssl.key.password=0123456"])
    assert settings.schemas.registry is not None
    assert settings.schemas.registry.properties == {"ssl.key.password": "0123456"}
    assert "123456" not in repr(settings)


def test_what_comes_from_a_file_is_hidden_whatever_it_is(loaded: Loader, tmp_path: Path) -> None:
    """Who puts a group's name in a secret has a reason."""
    (tmp_path / "group").write_text(SECRET)
    settings = loaded(overrides=[f"kafka.group_id=file:{tmp_path}/group"])
    assert settings.kafka is not None
    assert settings.kafka.group_id == SECRET
    assert SECRET not in repr(settings)
    assert settings.redacted()["kafka"]["group_id"] == "******"


def test_a_password_in_an_address_is_hidden_and_the_rest_is_shown(loaded: Loader) -> None:
    """Where the registry is helps to find a fault."""
    settings = loaded(
        overrides=[
            f"schemas.registry.url=http://me:{SECRET}@registry:8081",
            f"schemas.registry.properties.proxy=http://me:{SECRET}@proxy:3128",
        ]
    )
    assert settings.schemas.registry is not None
    assert settings.schemas.registry.url == f"http://me:{SECRET}@registry:8081"
    assert SECRET not in repr(settings)
    shown = settings.redacted()["schemas"]["registry"]
    assert shown["url"] == "http://******@registry:8081"
    assert shown["properties"]["proxy"] == "http://******@proxy:3128"


@pytest.mark.parametrize(
    "override",
    [
        f"kafka.common.sasl.pasword={SECRET}",
        f"kafka.common=[{SECRET}]",
        f"kafka.sasl.password={SECRET}",
        f"kafka.common.sasl.password={{a: {SECRET}}}",
        f"schemas.registry.url=me:{SECRET}@registry:8081",
        f"kafka.producer.sasl.password={{{SECRET}}}",
        f"kafka.common=sasl.password={SECRET}",
        f"kafka.common='security.protocol=SASL_SSL sasl.password={SECRET}'",
        f"kafka.common={{sasl.password:{SECRET}}}",
        f"kafka.common={{sasl.password={SECRET}: }}",
        f"kafka.common={{sasl.password={SECRET}: x}}",
        f"kafka=sasl.password={SECRET}",
        f"schemas.registry=http://me:{SECRET}@registry:8081",
        f"schemas.registry.properties=basic.auth.user.info=me:{SECRET}",
        f"schemas.registry.properties.proxy=me:{SECRET}@proxy:3128",
        f"schemas.registry.properties.proxy=http://me:1/{SECRET}@proxy:3128",
        f"schemas.registry.url=http://me:1/{SECRET}@registry:8081",
        f"schemas.registry.url=http://me:1?{SECRET}@registry:8081",
        f'schemas.registry.url="http://registry:8081,http://me:1#{SECRET}@registry:8081"',
        f"{SECRET}",
    ],
)
def test_an_error_does_not_repeat_a_credential(loaded: Loader, override: str) -> None:
    """Not even one in the wrong place, or of the wrong kind."""
    with pytest.raises(ConfigError) as error:
        loaded(overrides=[override])
    assert SECRET not in str(error.value)
    assert error.value.__cause__ is None


def test_a_wrong_value_from_a_file_is_not_repeated(loaded: Loader, tmp_path: Path) -> None:
    """Only that it is wrong."""
    (tmp_path / "value").write_text(SECRET)
    with pytest.raises(ConfigError, match=r"batching\.max_records must be a whole number") as error:
        loaded(overrides=[f"batching.max_records=file:{tmp_path}/value"])
    assert SECRET not in str(error.value)


def test_a_secret_that_is_not_there_is_an_error_that_names_setting_and_file(
    loaded: Loader,
) -> None:
    """Both are needed to mend it."""
    with pytest.raises(ConfigError, match=r"kafka\.common\.sasl\.password: the file /absent/pw"):
        loaded(overrides=["kafka.common.sasl.password=file:/absent/pw"])


def test_secrets_for_kafka_need_not_be_there_when_kafka_is_not_used(loaded: Loader) -> None:
    """``score`` with the cluster's configuration works on a laptop."""
    override = "kafka.common.sasl.password=file:/absent/pw"
    settings = loaded(overrides=[override], need_kafka=False)
    assert settings.model.name == "fraud"


def test_a_secret_knows_the_file_that_it_stands_in(loaded: Loader, tmp_path: Path) -> None:
    """A password that changes there can be read again; one in the config has no such place."""
    (tmp_path / "password").write_text(SECRET)
    settings = loaded(
        overrides=[
            f"kafka.common.sasl.password=file:{tmp_path}/password",
            f"kafka.common.ssl.key.password={SECRET}",
        ]
    )
    files = {name: getattr(value, "file", None) for name, value in common_of(settings).items()}
    assert files == {"sasl.password": tmp_path / "password", "ssl.key.password": None}
