"""A small schema registry over real HTTP, by Confluent's API reference, with GUIDs and contexts.

Apicurio, which the other registry tests use, has neither, nor rules; it never answers nonsense on
purpose, and none of its nodes lags behind another.
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
from urllib.parse import parse_qs, unquote, urlsplit

Answer = tuple[int, Any]
Query = dict[str, str]


@dataclass
class ConfluentApi:
    """What is registered, and what was asked; ``instead`` overrides every answer.

    Schemas with an id in ``forbidden`` are not given out; those with an id in ``behind`` have not
    come to this node yet. Versions in ``deleted`` are deleted softly. ``contexts`` are the others
    than the default one, by their names, such as ``.prod``. Schemas that come to a subject in
    ``rules`` get these (``overrideRuleSet`` of its configuration).
    """

    schemas: dict[int, dict[str, Any]] = field(default_factory=dict)
    subjects: dict[str, list[int]] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    queries: list[Query] = field(default_factory=list)
    instead: tuple[int, bytes] | None = None
    forbidden: set[int] = field(default_factory=set)
    behind: set[int] = field(default_factory=set)
    deleted: set[tuple[str, int]] = field(default_factory=set)
    contexts: dict[str, ConfluentApi] = field(default_factory=dict)
    rules: dict[str, Any] = field(default_factory=dict)
    url: str = ""

    def register(self, subject: str, body: dict[str, Any]) -> Answer:
        """POST /subjects/{subject}/versions."""
        if subject in self.rules:
            body = {**body, "ruleSet": self.rules[subject]}
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
        for number in self.subjects[subject]:
            # Rules and metadata are left out of account where the question has none.
            known = {**self.schemas[number], "ruleSet": None, "metadata": None}
            if known == {"ruleSet": None, "metadata": None, **body}:
                return 200, {"id": number, "subject": subject, "version": 1, **body}
        return 404, {"error_code": 40403, "message": "Schema not found"}

    def compatibility(self, subject: str, body: dict[str, Any]) -> Answer:
        """POST /compatibility/subjects/{subject}/versions/latest; only what is there is."""
        status, answer = self.lookup(subject, body)
        if answer.get("error_code") == 40401:
            return status, answer
        return 200, {"is_compatible": status == 200}

    def config(self, subject: str, _: Query) -> Answer:
        """GET /config/{subject}."""
        if subject not in self.rules:
            return 404, {"error_code": 40408, "message": f"Subject '{subject}' has no config."}
        return 200, {"compatibilityLevel": "BACKWARD", "overrideRuleSet": self.rules[subject]}

    def versions(self, subject: str, query: Query) -> Answer:
        """GET /subjects/{subject}/versions."""
        found = [
            version
            for version in range(1, 1 + len(self.subjects.get(subject, [])))
            if (subject, version) not in self.deleted or query.get("deleted") == "true"
        ]
        if not found:
            return 404, {"error_code": 40401, "message": f"Subject '{subject}' not found."}
        return 200, found

    def version(self, subject: str, which: str, query: Query) -> Answer:
        """GET /subjects/{subject}/versions/{version or latest}."""
        status, found = self.versions(subject, query)
        if status != 200:
            return status, found
        version = found[-1] if which == "latest" else int(which)
        if version not in found:
            return 404, {"error_code": 40402, "message": f"Version {which} not found."}
        number = self.subjects[subject][version - 1]
        return 200, {"subject": subject, "version": version, "id": number, **self._shown(number)}

    def by_id(self, number: str, query: Query) -> Answer:
        """GET /schemas/ids/{id}; with a subject, as Confluent's lookup cache does it."""
        if int(number) in self.forbidden:
            return 403, {"error_code": 40301, "message": "User is denied operation Read on Schema"}
        context, subject = self._in(query.get("subject", ""))
        is_there = int(number) in context.schemas and int(number) not in context.behind
        if not is_there or (subject and int(number) not in context.subjects.get(subject, [])):
            return 404, {"error_code": 40403, "message": f"Schema {number} not found"}
        return 200, context._shown(int(number))

    def by_guid(self, guid: str, _: Query) -> Answer:
        """GET /schemas/guids/{guid}."""
        for number in self.schemas:
            if self.guid(number) == uuid.UUID(guid):
                return 200, self._shown(number)
        return 404, {"error_code": 40403, "message": f"Schema {guid} not found"}

    def guid(self, number: int) -> uuid.UUID:
        """Return the GUID of a schema, which its text decides."""
        text = json.dumps(self.schemas[number], sort_keys=True)
        return uuid.UUID(bytes=hashlib.md5(text.encode(), usedforsecurity=False).digest())

    def answer(self, method: str, path: str, query: Query, body: dict[str, Any]) -> Answer:
        """Answer one request."""
        self.requests.append(f"{method} {path}")
        self.queries.append(query)
        if found := re.fullmatch(r"/contexts/([^/]+)(/.*)", path):
            prefix, path = f":{unquote(found[1]).strip(':')}:", found[2]
            if path.startswith("/schemas/ids/") and not query.get("subject", "").startswith(":."):
                query = {**query, "subject": prefix + query.get("subject", "")}
        else:
            prefix = ""
        for verb, pattern, name in (
            ("POST", r"/subjects/([^/]+)/versions", "register"),
            ("POST", r"/subjects/([^/]+)", "lookup"),
            ("POST", r"/compatibility/subjects/([^/]+)/versions/latest", "compatibility"),
            ("GET", r"/config/([^/]+)", "config"),
            ("GET", r"/subjects/([^/]+)/versions", "versions"),
            ("GET", r"/subjects/([^/]+)/versions/([^/]+)", "version"),
            ("GET", r"/schemas/ids/(\d+)", "by_id"),
            ("GET", r"/schemas/guids/([^/]+)", "by_guid"),
        ):
            match = re.fullmatch(pattern, path)
            if match and verb == method:
                context, words = self, [unquote(word) for word in match.groups()]
                if not path.startswith("/schemas/"):
                    qualified = words[0] if words[0].startswith(":.") else prefix + words[0]
                    context, words[0] = self._in(qualified)
                more = (body,) if method == "POST" else (query,)
                found_there: Answer = getattr(context, name)(*words, *more)
                return found_there
        if (method, path) == ("GET", "/schemas/types"):
            return 200, ["AVRO"]
        return 404, {"error_code": 404, "message": "HTTP 404 Not Found"}

    def _in(self, subject: str) -> tuple[ConfluentApi, str]:
        """Return the context of a subject, and the subject without it."""
        found = re.fullmatch(r":(\.[^:]*):?(.*)", subject)
        if found is None or found[1] == ".":
            return self, found[2] if found else subject
        return self.contexts.get(found[1], ConfluentApi()), found[2]

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
            asked = urlsplit(self.path)
            query = {name: values[0] for name, values in parse_qs(asked.query).items()}
            status, answer = api.answer(method, asked.path, query, body)
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
