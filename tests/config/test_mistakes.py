"""What is wrong with a configuration: one sentence a mistake, with where it stands."""

from __future__ import annotations

import pytest

from stream_scorer.errors import ConfigError
from tests.config.conftest import SMALL, Loader


def complaint(loaded: Loader, *overrides: str) -> str:
    """What the small configuration, with these changes, is refused for."""
    with pytest.raises(ConfigError) as error:
        loaded(overrides=overrides)
    return str(error.value)


@pytest.mark.parametrize(
    ("override", "meant"),
    [
        ("batching.max_record=5", "did you mean batching.max_records?"),
        ("kafka.bootstrap_server=x", "did you mean kafka.bootstrap_servers?"),
        ("kafka.bootstrap.servers=x", "did you mean kafka.bootstrap_servers?"),
        ("kafka.max_records=5", "did you mean batching.max_records?"),
        ("max_wait=5ms", "did you mean batching.max_wait?"),
        ("outptu.record=x", "did you mean output?"),
        ("schemas.registry.urls=x", "did you mean schemas.registry.url?"),
        ("logging.zzzz=x", "there are level, format"),
        ("dead_letters.budget.window_seconds=5", "did you mean dead_letters.budget.window?"),
    ],
)
def test_an_unknown_key_names_the_nearest_known_one(
    loaded: Loader, override: str, meant: str
) -> None:
    """In the same section, in another, or all there are."""
    assert meant in complaint(loaded, override)


@pytest.mark.parametrize(
    ("override", "sentence"),
    [
        ("batching.max_records=many", "batching.max_records must be a whole number, not 'many'."),
        ("batching.max_records=1.5", "batching.max_records must be a whole number, not 1.5."),
        ("batching.max_records=true", "batching.max_records must be a number, not true."),
        ("dead_letters.budget.ratio=true", "dead_letters.budget.ratio must be a number, not true."),
        ("batching.max_records=0", "batching.max_records must be more than 0, not 0."),
        ("batching.max_records=", "batching.max_records must be a whole number, but it is empty."),
        ("batching.max_wait=5", "must be a duration with its unit, such as 5ms, 2s or 1m, not 5."),
        ("batching.transaction_max_bytes=5", "must be a size with its unit"),
        ("batching=5", "batching must be a section with keys of its own, not 5."),
        ("kafka.input_topics=t", "kafka.input_topics must be a list, not 't'."),
        ("kafka.input_topics=[]", "kafka.input_topics must have at least one entry."),
        ("kafka.input_topics=[[a]]", "kafka.input_topics.0 must be a text, not a list."),
        ("kafka.group_id=", "kafka.group_id must be a text, but it is empty."),
        ('kafka.group_id=""', "kafka.group_id must not be empty"),
        ('schemas.registry.subject=""', "registry.subject must not be empty"),
        ("kafka.group_id=true", "kafka.group_id must be a text, not true."),
        (
            "kafka.delivery=exactly-once",
            "kafka.delivery must be exactly_once or at_least_once, not 'exactly-once'.",
        ),
        ("kafka.common={security: {protocol: SSL}}", "the dots are part of the key"),
        ("kafka.common.debug=", "kafka.common.debug must be a text, a number, true or false"),
        ("schemas.registry.url=registry:8081", "must be an address such as http://registry:8081."),
        ("schemas.registry.timeout=0s", "schemas.registry.timeout must be more than 0"),
        ("model.path=", "model.path must be a path, but it is empty."),
        ("model.providers=[]", "model.providers must have at least one entry."),
        ("model.providers=[{device_id: 0}]", "must be a provider's name, or {name: ..."),
        ("model.intra_op_threads=0", "must be auto or a number of threads from 1 to 1024, not 0."),
        ("model.missing.default=[1]", "must be nan, reject, or the value to use"),
        ("output.pass_through=[{a: b, c: d}]", "must be a field, or one `new_name: field`"),
        ("output.record=Scored-Event", "must be a full Avro name, such as com.example"),
        ("output.provenance=maybe", "output.provenance must be true or false, not 'maybe'."),
        ("dead_letters.budget.ratio=2", "dead_letters.budget.ratio must be at most 1, not 2."),
        ("server.port=70000", "server.port must be at most 65535, not 70000."),
        ("server.port=http", "server.port must be a whole number, not 'http'."),
        ("logging.level=loud", "logging.level must be debug, info, warning or error, not 'loud'."),
    ],
)
def test_a_value_of_the_wrong_kind_says_what_it_must_be(
    loaded: Loader, override: str, sentence: str
) -> None:
    """And what it is."""
    assert sentence in complaint(loaded, override)


@pytest.mark.parametrize("key", ["bootstrap_servers", "group_id", "input_topics", "output_topic"])
def test_what_is_required_is_named(loaded: Loader, key: str) -> None:
    """With the line of the section that lacks it."""
    lines = [line for line in SMALL.splitlines() if not line.strip().startswith(key)]
    with pytest.raises(ConfigError, match=rf"scorer\.yaml:1: kafka\.{key} is required\.$"):
        loaded("\n".join(lines))


def test_each_mistake_says_where_it_was_written(loaded: Loader) -> None:
    """The line of the file, the variable, or the option."""
    with pytest.raises(ConfigError) as error:
        loaded(
            SMALL + "batching:\n  max_record: 5\n",
            environ={"STREAM_SCORER__OUTPUT__PARTITION": "sorce"},
            overrides=["server.port=-1"],
        )
    text = str(error.value)
    assert "scorer.yaml:11: batching.max_record is not a setting" in text
    assert "STREAM_SCORER__OUTPUT__PARTITION: output.partition must be source or key" in text
    assert "--set server.port: server.port must be at least 0, not -1." in text
    assert text.startswith("3 settings are wrong:\n- ")
    assert text.count("\n- ") == 3


def test_a_mistake_is_told_once(loaded: Loader) -> None:
    """One sentence for one thing to mend."""
    assert complaint(loaded, "batching.max_records=0").count("\n") == 0
