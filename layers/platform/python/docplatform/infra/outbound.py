"""Requests to URLs that a tenant's admin has entered: TLS, public addresses only, no redirects, at most five seconds,
at most one megabyte.

One deadline covers everything: resolution of the name, connection, TLS handshake, headers and body. A thread of its own
makes the request, and the caller waits until the deadline and no longer; then the connection is cut. A thread that
cannot be stopped (a resolver that does not answer) keeps its place in the tenant's lane until it ends, so that one
provider never holds more than ``MOST_AT_ONCE`` threads.

The host name is resolved once. The addresses are checked, and the connection goes to one of these addresses. So a name
that resolves to another address later (DNS rebinding) has no effect (OWASP, Server-Side Request Forgery Prevention).
"""

from __future__ import annotations

import contextlib
import http.client
import ipaddress
import json
import socket
import ssl
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import SplitResult, urlencode, urlsplit

TIMEOUT = 5.0  # seconds for the whole request, from the resolution of the name to the last byte
MOST_AT_ONCE = 4  # requests of one lane in this process
LONGEST_URL = 2_000  # characters
LARGEST = 1_000_000  # bytes
_LOOPBACK_NAMES = ("localhost", "127.0.0.1", "::1")
# IPv6 networks whose addresses contain an IPv4 address (NAT64, 6to4, Teredo)
_TUNNELS = tuple(map(ipaddress.ip_network, ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32")))

# Ports of other protocols, which a request must not reach (WHATWG Fetch §2.9), and those of databases. Below 1,024 only
# 443 is used.
_OTHER_PROTOCOLS = frozenset(
    {1719, 1720, 1723, 2049, 3306, 3659, 4045, 4190, 5060, 5061, 5432, 6000, 6379, 6566, 6679, 6697, 9200, 10080, 11211, 27017}
) | frozenset(range(6665, 6670))  # fmt: skip

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class OutboundFailed(Exception):
    """The request was not sent, or the answer cannot be used. The text tells the admin who entered the URL why."""


@dataclass(frozen=True, slots=True)
class OutboundResponse:
    status: int
    body: bytes

    def json(self) -> dict[str, Any]:
        """The body as a JSON object. Raises OutboundFailed if it is something else."""
        try:
            value = json.loads(self.body)
        except (ValueError, RecursionError):
            value = None
        if not isinstance(value, dict):
            raise OutboundFailed("what it answered is not a JSON object")
        return value


class OutboundHttp:
    """``loopback``: whether requests may go to this machine, also without TLS (for trials only). ``timeout`` in seconds
    for the whole request, ``largest`` in bytes of the answer. ``lane``: the tenant whose provider this is. ``wait``
    waits for an event for some seconds, and returns whether it has come."""

    def __init__(
        self,
        *,
        loopback: bool,
        timeout: float = TIMEOUT,
        largest: int = LARGEST,
        lane: str = "",
        wait: Callable[[threading.Event, float], bool] = threading.Event.wait,
    ) -> None:
        self._loopback, self._timeout, self._largest = loopback, timeout, largest
        self._lane, self._wait = lane, wait

    def get(self, url: str, headers: Mapping[str, str] | None = None) -> OutboundResponse:
        """Raises OutboundFailed."""
        return self._request("GET", url, b"", headers or {})

    def post_form(
        self, url: str, form: Mapping[str, str], headers: Mapping[str, str] | None = None
    ) -> OutboundResponse:
        """Raises OutboundFailed."""
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        return self._request("POST", url, urlencode(form).encode(), {**(headers or {}), **kind})

    def check_url(self, url: str) -> SplitResult:
        """The parts of a valid URL. Sends nothing and resolves no name. Raises OutboundFailed."""
        try:
            parts = urlsplit(url if len(url) <= LONGEST_URL else "")
            host, port = parts.hostname or "", parts.port
        except ValueError:
            raise OutboundFailed("an address cannot be understood") from None
        local = self._loopback and host in _LOOPBACK_NAMES
        if not (parts.scheme == "https" or (parts.scheme == "http" and local)):
            raise OutboundFailed("an address does not begin with https://")
        if not host or parts.username is not None or not url.isascii() or any(sign <= " " for sign in url):
            raise OutboundFailed("an address cannot be understood")
        if not local and port is not None and (port in _OTHER_PROTOCOLS or (port < 1024 and port != 443)):
            raise OutboundFailed(f"{host}:{port} is not a public address of the web")
        return parts

    def _request(self, method: str, url: str, body: bytes, headers: Mapping[str, str]) -> OutboundResponse:
        parts = self.check_url(url)
        request = _Request(method, parts, body, headers, self._largest, self._timeout)
        lane = _lane(self._lane)
        if not lane.acquire(blocking=False):
            raise OutboundFailed(f"{request.host} is slow, and other requests wait for it")

        def run() -> None:
            try:
                request.run(self._resolve)
            finally:
                lane.release()

        threading.Thread(target=run, daemon=True).start()
        if not self._wait(request.done, self._timeout):
            request.cut()
            raise OutboundFailed(f"{request.host} does not answer")
        return request.result()

    def _resolve(self, host: str, port: int) -> list[str]:
        """The addresses of the host. Raises OutboundFailed if the name is unknown or one address is not public."""
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            raise OutboundFailed(f"the name {host} is unknown") from None
        addresses = list(dict.fromkeys(str(each[4][0]) for each in found))
        for address in addresses:
            parsed = ipaddress.ip_address(address.partition("%")[0])
            if not is_public(parsed) and not (self._loopback and parsed.is_loopback):
                raise OutboundFailed(f"{host} is not a public address")
        return addresses


def is_public(address: Address) -> bool:
    """Whether an address is public: not private, link-local, multicast or reserved, and not a tunnel's IPv6 address."""
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped:
            return is_public(address.ipv4_mapped)
        if any(address in tunnel for tunnel in _TUNNELS):
            return False
        if address.is_site_local:  # fec0::/10, deprecated and still routed in private networks (RFC 3879)
            return False
    return address.is_global and not address.is_multicast and not address.is_reserved


@cache
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()


@cache
def _lane(name: str) -> threading.BoundedSemaphore:
    return threading.BoundedSemaphore(MOST_AT_ONCE)


class _Request:
    """One request, made in a thread of its own. ``cut`` ends its connection, at any moment."""

    def __init__(
        self, method: str, parts: SplitResult, body: bytes, headers: Mapping[str, str], largest: int, timeout: float
    ) -> None:
        self.host, self.done = parts.hostname or "", threading.Event()
        self._method, self._parts, self._body, self._headers = method, parts, body, headers
        self._largest, self._timeout = largest, timeout
        self._line: socket.socket | None = None
        self._is_cut = False
        self._lock = threading.Lock()
        self._answer: OutboundResponse | None = None
        self._error: Exception = OutboundFailed(f"{self.host} does not answer")

    def run(self, resolve: Callable[[str, int], list[str]]) -> None:
        try:
            self._answer = self._exchange(resolve)
        except ssl.SSLCertVerificationError:
            self._error = OutboundFailed(f"{self.host} has no certificate that is trusted")
        except (OSError, http.client.HTTPException, ValueError):
            pass  # it does not answer
        except Exception as error:
            self._error = error
        finally:
            if self._line is not None:
                self._line.close()
            self.done.set()

    def result(self) -> OutboundResponse:
        """Raises OutboundFailed."""
        if self._answer is None:
            raise self._error
        return self._answer

    def cut(self) -> None:
        with self._lock:
            self._is_cut = True
            self._shut_down()

    def connected(self, raw: socket.socket) -> None:
        """Keep a second handle of the connection: TLS takes the first one, also in the middle of its handshake."""
        with self._lock:
            self._line = raw.dup()
            if self._is_cut:
                self._shut_down()

    def _shut_down(self) -> None:
        if self._line is not None:
            with contextlib.suppress(OSError):
                self._line.shutdown(socket.SHUT_RDWR)

    def _exchange(self, resolve: Callable[[str, int], list[str]]) -> OutboundResponse:
        tls, parts = self._parts.scheme == "https", self._parts
        port = parts.port or (443 if tls else 80)
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        headers = {"Accept": "*/*", "User-Agent": "docplatform", **self._headers}
        connection = _Connection(
            self.host, port, resolve(self.host, port), tls=tls, timeout=self._timeout, connected=self.connected
        )
        with contextlib.closing(connection):
            connection.request(self._method, target, self._body or None, headers)
            with connection.getresponse() as answer:
                content = answer.read(self._largest + 1)
                status, missing = answer.status, answer.length
        if len(content) > self._largest:
            raise OutboundFailed(f"{self.host} answered with more than {self._largest:,} bytes")
        if missing:
            raise OutboundFailed(f"{self.host} does not answer to the end")
        return OutboundResponse(status, content)


class _Connection(http.client.HTTPConnection):
    """A connection to one of the addresses that were checked. It does not resolve the name again and uses no proxy."""

    def __init__(
        self,
        host: str,
        port: int,
        addresses: list[str],
        *,
        tls: bool,
        timeout: float,
        connected: Callable[[socket.socket], None],
    ) -> None:
        super().__init__(host, port, timeout=timeout)
        if tls:
            self.default_port = 443  # so that the Host header needs no port
        self._addresses, self._wraps, self._timeout, self._connected = addresses, tls, timeout, connected

    def connect(self) -> None:
        last: OSError = OSError("no address")
        for address in self._addresses[:2]:
            try:
                raw = socket.create_connection((address, self.port), self._timeout / 2)
                break
            except OSError as error:
                last = error
        else:
            raise last
        raw.settimeout(self._timeout)
        self._connected(raw)
        self.sock = _tls().wrap_socket(raw, server_hostname=self.host) if self._wraps else raw
