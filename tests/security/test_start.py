"""``run`` itself, when it is not let in: one line, exit 4, and nothing was taken."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import topics
from tests.end_to_end.workers import Process
from tests.security.certificates import Authority
from tests.security.conftest import config_for
from tests.security.rights import worker_rights
from tests.security.secured import SecuredKafka

pytestmark = pytest.mark.kafka


def test_run_ends_before_it_joins_when_it_is_not_let_in(
    tmp_path: Path, secured: SecuredKafka
) -> None:
    """A wrong password, an unknown authority, a missing right; a restart would find the same."""
    another = Authority(tmp_path, "another").file
    wrong = {
        "password": (secured.login(password="hunter2"), "refuses the credentials"),  # noqa: S106
        "authority": (
            {**secured.login(), "ssl.ca.location": str(another)},
            "an authority that this worker does not know",
        ),
        "right": (secured.login(), "may not WRITE the topic out,"),
    }
    rights = [right for right in worker_rights() if right.name != "out"]
    with secured.may(rights, "scorer"):
        processes = {}
        for name, (common, _) in wrong.items():
            folder = tmp_path / name
            folder.mkdir()
            config = config_for(folder, secured.servers, common)
            processes[name] = Process(config, folder / "log", ())
        codes = {name: process.exit_code() for name, process in processes.items()}
    assert codes == {"password": 4, "authority": 4, "right": 4}
    for name, (_, words) in wrong.items():
        said = processes[name].words().splitlines()
        (sentence,) = [line for line in said if not line.startswith("{")]
        assert words in sentence
        assert "hunter2" not in sentence
    assert topics.committed(secured.kafka.internal_servers, "out-group", "in") == {}
