"""``make audit``: a known vulnerability fails, a database that is away does not."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

AUDIT = Path(__file__).parents[2] / ".ci" / "audit"
KNOWN = {
    "id": "PYSEC-1-1",
    "modified": "2026-01-01T00:00:00Z",
    "published": "2026-01-01T00:00:00Z",
    "details": "It is bad.",
    "affected": [
        {
            "package": {"name": "unlucky", "ecosystem": "PyPI"},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "1.0.1"}]}],
        }
    ],
}


@pytest.fixture
def database() -> Iterator[str]:
    """The address of a database that speaks OSV's API and knows one vulnerability."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            known = [KNOWN] if asked["package"]["name"] == "unlucky" else []
            content = json.dumps({"vulns": known} if known else {}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}/v1/query"
        server.shutdown()
        thread.join()


def audit(folder: Path, database: str, *pins: str) -> tuple[int, str]:
    """The exit code and what was said."""
    pinned = folder / "pins.txt"
    pinned.write_text("\n".join(pins))
    ran = subprocess.run(  # noqa: S603 - our own words
        [sys.executable, str(AUDIT), str(pinned), *("-s", "osv"), *("--osv-url", database)],
        capture_output=True,
        text=True,
        check=False,
    )
    return ran.returncode, ran.stdout


def test_a_known_vulnerability_fails_and_is_named(tmp_path: Path, database: str) -> None:
    """With the version that has it no more."""
    code, said = audit(tmp_path, database, "lucky==2.0", "unlucky==1.0.0")
    assert code == 1
    assert "unlucky 1.0.0: PYSEC-1-1, fixed in 1.0.1" in said


def test_packages_without_one_pass(tmp_path: Path, database: str) -> None:
    """And it is said how many were looked up."""
    code, said = audit(tmp_path, database, "lucky==2.0", "lucky-too==1.0")
    assert (code, said) == (0, "audit: 2 of 2 pinned packages audited, 0 vulnerable.\n")


def test_a_database_that_can_not_be_reached_is_one_line_and_no_failure(tmp_path: Path) -> None:
    """A machine without internet can still run all checks."""
    code, said = audit(tmp_path, "http://127.0.0.1:1/v1/query", "unlucky==1.0.0")
    assert (code, len(said.splitlines())) == (0, 1)
    assert "can't be reached" in said
