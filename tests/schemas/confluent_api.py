"""A small schema registry over real HTTP, by Confluent's API reference; it knows GUIDs.

Apicurio, which the other registry tests use, has no GUIDs, and never answers nonsense on purpose.
"""

from __future__ import annotations

import hashlib
import json
import re
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

Answer = tuple[int, Any]


@dataclass
class ConfluentApi:
    """What is registered, and what was asked; ``instead`` overrides every answer.

    Schemas with an id in ``forbidden`` are not given out.
    """

    schemas: dict[int, dict[str, Any]] = field(default_factory=dict)
    subjects: dict[str, list[int]] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    instead: tuple[int, bytes] | None = None
    forbidden: set[int] = field(default_factory=set)
    url: str = ""

    def register(self, subject: str, body: dict[str, Any]) -> Answer:
        """POST /subjects/{subject}/versions."""
        number = self._number(body)
        if number is None:
            number = 100_000 + 7 * len(self.schemas)
            self.schemas[number] = body
        versions = self.subjects.setdefault(subject, [])
        if number not in versions:
            versions.append(number)
        return 200, {"id": number}

    def lookup(self, subject: str, body: dict[str, Any]) -> Answer:
        """POST /subjects/{subject}."""
        if subject not in self.subjects:
            return 404, {"error_code": 40401, "message": f"Subject '{subject}' not found."}
        number = self._number(body)
        if number not in self.subjects[subject]:
            return 404, {"error_code": 40403, "message": "Schema not found"}
        return 200, {"id": number, "subject": subject, "version": 1, **body}

    def versions(self, subject: str) -> Answer:
        """GET /subjects/{subject}/versions."""
        if subject not in self.subjects:
            return 404, {"error_code": 40401, "message": f"Subject '{subject}' not found."}
        return 200, list(range(1, 1 + len(self.subjects[subject])))

    def version(self, subject: str, which: str) -> Answer:
        """GET /subjects/{subject}/versions/{version or latest}."""
        numbers = self.subjects.get(subject)
        if numbers is None:
            return 404, {"error_code": 40401, "message": f"Subject '{subject}' not found."}
        version = len(numbers) if which == "latest" else int(which)
        number = numbers[version - 1]
        return 200, {"subject": subject, "version": version, "id": number, **self._shown(number)}

    def by_id(self, number: str) -> Answer:
        """GET /schemas/ids/{id}."""
        if int(number) in self.forbidden:
            return 403, {"error_code": 40301, "message": "User is denied operation Read on Schema"}
        if int(number) not in self.schemas:
            return 404, {"error_code": 40403, "message": f"Schema {number} not found"}
        return 200, self._shown(int(number))

    def by_guid(self, guid: str) -> Answer:
        """GET /schemas/guids/{guid}."""
        for number in self.schemas:
            if self.guid(number) == uuid.UUID(guid):
                return 200, self._shown(number)
        return 404, {"error_code": 40403, "message": f"Schema {guid} not found"}

    def guid(self, number: int) -> uuid.UUID:
        """Return the GUID of a schema, which its text decides."""
        text = json.dumps(self.schemas[number], sort_keys=True)
        return uuid.UUID(bytes=hashlib.md5(text.encode(), usedforsecurity=False).digest())

    def answer(self, method: str, path: str, body: dict[str, Any]) -> Answer:
        """Answer one request."""
        self.requests.append(f"{method} {path}")
        for verb, pattern, call in (
            ("POST", r"/subjects/([^/]+)/versions", lambda s: self.register(s, body)),
            ("POST", r"/subjects/([^/]+)", lambda s: self.lookup(s, body)),
            ("GET", r"/subjects/([^/]+)/versions", self.versions),
            ("GET", r"/subjects/([^/]+)/versions/([^/]+)", self.version),
            ("GET", r"/schemas/ids/(\d+)", self.by_id),
            ("GET", r"/schemas/guids/([^/]+)", self.by_guid),
            ("GET", r"/schemas/types", lambda: (200, ["AVRO"])),
        ):
            match = re.fullmatch(pattern, path)
            if match and verb == method:
                return call(*map(unquote, match.groups()))
        return 404, {"error_code": 404, "message": "HTTP 404 Not Found"}

    def _number(self, body: dict[str, Any]) -> int | None:
        return next((number for number, each in self.schemas.items() if each == body), None)

    def _shown(self, number: int) -> dict[str, Any]:
        shown = {name: value for name, value in self.schemas[number].items() if value}
        if shown.get("schemaType") == "AVRO":
            del shown["schemaType"]
        return {**shown, "guid": str(self.guid(number))}


@contextmanager
def confluent_api() -> Iterator[ConfluentApi]:
    """Serve an empty registry on a free port of this machine."""
    api = ConfluentApi()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._reply("GET", {})

        def do_POST(self) -> None:
            self._reply("POST", json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

        def _reply(self, method: str, body: dict[str, Any]) -> None:
            status, answer = api.answer(method, urlsplit(self.path).path, body)
            content = json.dumps(answer).encode()
            if api.instead is not None:
                status, content = api.instead
            self.send_response(status)
            self.send_header("Content-Type", "application/vnd.schemaregistry.v1+json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        api.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield api
        finally:
            server.shutdown()
            thread.join()
