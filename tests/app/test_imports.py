"""What a worker imports is memory and a slower start, for as long as it lives."""

from __future__ import annotations

import subprocess
import sys

_AS_RUN_DOES = """\
import sys
import stream_scorer.__main__, stream_scorer.app.run
from stream_scorer.cli import main
main.build()
print(*sorted({name.partition(".")[0] for name in sys.modules}))
"""


def test_a_worker_imports_nothing_that_only_draws_on_a_terminal_or_builds_models() -> None:
    """Nor a registry's client or a training library; those come when something asks for them."""
    done = subprocess.run(  # noqa: S603 - ours
        [sys.executable, "-c", _AS_RUN_DOES], capture_output=True, text=True, check=True
    )
    avoidable = {"rich", "pygments", "httpx", "authlib", "sklearn", "pandas", "matplotlib"}
    assert not avoidable & set(done.stdout.split())
