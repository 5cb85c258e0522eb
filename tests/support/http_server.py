"""A platform as a WSGI application (PEP 3333), for test suites with their own client."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any
from urllib.parse import parse_qsl

STAYS_DISABLED = "check_remove_attribute: PATCH modify() did not remove attribute 'active'"
"""What the suite of scim2-tester says where we differ. It fills ``active`` at random. Removing it lets a disabled user stay
disabled, and the answer says so: nobody gets access back because somebody says nothing about it."""

Ask = Callable[[str, str, dict[str, str], dict[str, str], str], tuple[int, Mapping[str, str], bytes]]
"""Method, path, query, headers and body → status, headers and body."""


def application(ask: Ask) -> Callable[..., Iterable[bytes]]:
    def serve(environ: dict[str, Any], start_response: Callable[..., object]) -> list[bytes]:
        headers = {name[5:].replace("_", "-"): value for name, value in environ.items() if name.startswith("HTTP_")}
        headers.pop("HOST", None)
        if environ.get("CONTENT_TYPE"):
            headers["Content-Type"] = environ["CONTENT_TYPE"]
        query = dict(parse_qsl(environ["QUERY_STRING"]))
        sent = environ["wsgi.input"].read().decode()
        status, told, body = ask(environ["REQUEST_METHOD"], environ["PATH_INFO"], query, headers, sent)
        hop_by_hop = {
            "content-length",
            "connection",
            "transfer-encoding",
            "date",
            "server",
        }  # PEP 3333, RFC 9110 §7.6.1
        kept = [(name, value) for name, value in told.items() if name.lower() not in hop_by_hop]
        start_response(f"{status} -", [*kept, ("Content-Length", str(len(body)))])
        return [body]

    return serve
