"""HTTP server: reads requests, passes them to ``routes`` and writes the responses as JSON.

Each connection has a thread and is kept open between requests.
"""

from __future__ import annotations

import json
import logging
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from local.search_server import errors
from local.search_server.api import routes
from local.search_server.index.catalog import Catalog

MAX_BODY_BYTES = 10 * 1024 * 1024  # quota of OpenSearch Serverless
_IDLE_SECONDS = 300

_log = logging.getLogger(__name__)


class SearchServer(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, host: str, port: int, catalog: Catalog) -> None:
        """With port 0 the system chooses one; ``port`` returns it. Raises OSError for a port in use."""
        super().__init__((host, port), _Handler)
        self.catalog = catalog

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def handle_error(self, request: Any, client_address: Any) -> None:
        _log.debug("connection of %s broke", client_address, exc_info=True)


class _TooLarge(Exception):
    pass


class _Handler(BaseHTTPRequestHandler):
    server: SearchServer
    protocol_version = "HTTP/1.1"
    server_version = "search"
    disable_nagle_algorithm = True
    timeout = _IDLE_SECONDS
    wbufsize = -1

    def _serve(self) -> None:
        try:
            request = routes.Request(self.command, self.path, self._read())
            response = routes.respond(self.server.catalog, request)
            status, body = response.status, response.body
        except _TooLarge:
            self.close_connection = True  # the rest of the body is not read
            status, body = 413, {"Message": f"Request size exceeded {MAX_BODY_BYTES} bytes"}
        except errors.Refusal as refusal:
            status, body = refusal.status, refusal.body()
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException:  # a panic in tantivy is not an Exception
            _log.exception("%s %s failed", self.command, self.path)
            status, body = (
                500,
                {"error": {"type": "internal_error", "reason": "the search server failed; see its log"}, "status": 500},
            )
        self._write(status, body)

    def _read(self) -> bytes:
        for name in ("Transfer-Encoding", "Content-Encoding"):
            if name in self.headers:
                self.close_connection = True  # the body is not read
                raise errors.not_offered(f"a request with the header [{name}]")
        length = int(self.headers.get("Content-Length") or 0)
        if length > MAX_BODY_BYTES:
            raise _TooLarge
        return self.rfile.read(length)

    def _write(self, status: int, body: Any) -> None:
        content = b"" if body is None else json.dumps(body, ensure_ascii=False).encode()
        self.send_response(status)
        if body is not None:
            self.send_header("Content-Type", "application/json; charset=UTF-8")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)
        self.wfile.flush()

    do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = do_PATCH = do_OPTIONS = _serve

    def log_message(self, format: str, *args: Any) -> None:
        """Logs nothing: requests contain ids and words of documents."""
