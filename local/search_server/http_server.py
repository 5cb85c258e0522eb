"""The HTTP front: reads a request, asks ``routes`` and writes the answer as JSON. A thread for each connection, kept alive."""

from __future__ import annotations

import json
import logging
import zlib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from local.search_server import routes
from local.search_server.catalog import Catalog
from local.search_server.errors import Refusal

LARGEST_BODY = 10 * 1024 * 1024  # bytes of a request, the quota of OpenSearch Serverless
_LARGEST_UNPACKED = 10 * LARGEST_BODY
_IDLE_SECONDS = 300

_log = logging.getLogger(__name__)


class SearchServer(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, host: str, port: int, catalog: Catalog) -> None:
        """Port 0 takes a free one; ``port`` says which. Raises OSError when it is taken."""
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
        pretty = False
        try:
            request = routes.Request(self.command, self.path, self._read())
            response = routes.answer(self.server.catalog, request)
            status, body, pretty = response.status, response.body, response.pretty
        except _TooLarge:
            self.close_connection = True  # the rest of the body is not read
            status, body = 413, {"Message": f"Request size exceeded {LARGEST_BODY} bytes"}
        except Refusal as refusal:
            status, body = refusal.status, refusal.body()
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException:  # a panic in tantivy is none of Exception
            _log.exception("%s %s failed", self.command, self.path)
            status, body = (
                500,
                {"error": {"type": "internal_error", "reason": "the search server failed; see its log"}, "status": 500},
            )
        self._write(status, body, pretty)

    def _read(self) -> bytes:
        if "chunked" in self.headers.get("Transfer-Encoding", "").lower():
            raw = self._read_chunks()
        else:
            length = int(self.headers.get("Content-Length") or 0)
            if length > LARGEST_BODY:
                raise _TooLarge
            raw = self.rfile.read(length)
        if self.headers.get("Content-Encoding", "").lower() != "gzip":
            return raw
        unpacker = zlib.decompressobj(wbits=31)
        try:
            plain = unpacker.decompress(raw, _LARGEST_UNPACKED)
        except zlib.error:
            plain = b""
        if unpacker.unconsumed_tail:
            raise _TooLarge
        return plain

    def _read_chunks(self) -> bytes:
        chunks, total = [], 0
        while size := int(self.rfile.readline().split(b";")[0], 16):
            total += size
            if total > LARGEST_BODY:
                raise _TooLarge
            chunks.append(self.rfile.read(size))
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass
        return b"".join(chunks)

    def _write(self, status: int, body: Any, pretty: bool) -> None:
        content = b"" if body is None else json.dumps(body, ensure_ascii=False, indent=2 if pretty else None).encode()
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
        """Requests are not logged: documents' ids and words would be."""
