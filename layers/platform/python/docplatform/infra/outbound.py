"""Requests to URLs that a tenant's admin has entered: TLS, public addresses only, no redirects, at most five seconds,
at most one megabyte.

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
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import SplitResult, urlencode, urlsplit

TIMEOUT = 5.0  # seconds for the whole request, from the connection to the last byte
LARGEST = 1_000_000  # bytes
_LOOPBACK_NAMES = ("localhost", "127.0.0.1", "::1")
# IPv6 networks whose addresses contain an IPv4 address (NAT64, 6to4, Teredo)
_TUNNELS = tuple(map(ipaddress.ip_network, ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32")))

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
    for the whole request, ``largest`` in bytes of the answer."""

    def __init__(self, *, loopback: bool, timeout: float = TIMEOUT, largest: int = LARGEST) -> None:
        self._loopback, self._timeout, self._largest = loopback, timeout, largest

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
            parts = urlsplit(url)
            host, _ = parts.hostname or "", parts.port
        except ValueError:
            raise OutboundFailed("an address cannot be understood") from None
        local = self._loopback and host in _LOOPBACK_NAMES
        if not (parts.scheme == "https" or (parts.scheme == "http" and local)):
            raise OutboundFailed("an address does not begin with https://")
        if not host or parts.username is not None or not url.isascii() or any(sign <= " " for sign in url):
            raise OutboundFailed("an address cannot be understood")
        return parts

    def _request(self, method: str, url: str, body: bytes, headers: Mapping[str, str]) -> OutboundResponse:
        parts = self.check_url(url)
        host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        try:
            connection = _Connection(
                host, port, self._resolve(host, port), tls=parts.scheme == "https", timeout=self._timeout
            )
            with contextlib.closing(connection), connection.closed_after(self._timeout):
                connection.request(
                    method, target, body or None, {"Accept": "*/*", "User-Agent": "docplatform", **headers}
                )
                with connection.getresponse() as answer:
                    content = answer.read(self._largest + 1)
                    status, missing = answer.status, answer.length
        except ssl.SSLCertVerificationError as error:
            raise OutboundFailed(f"{host} has no certificate that is trusted") from error
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise OutboundFailed(f"{host} does not answer") from error
        if len(content) > self._largest:
            raise OutboundFailed(f"{host} answered with more than {self._largest:,} bytes")
        if missing:
            raise OutboundFailed(f"{host} does not answer to the end")
        return OutboundResponse(status, content)

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
    return address.is_global and not address.is_multicast and not address.is_reserved


@cache
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()


class _Connection(http.client.HTTPConnection):
    """A connection to one of the addresses that were checked. It does not resolve the name again and uses no proxy."""

    def __init__(self, host: str, port: int, addresses: list[str], *, tls: bool, timeout: float) -> None:
        super().__init__(host, port, timeout=timeout)
        if tls:
            self.default_port = 443  # so that the Host header needs no port
        self._addresses, self._wraps, self._timeout = addresses, tls, timeout
        self._raw: socket.socket | None = None
        self._is_cut = False

    def connect(self) -> None:
        last: OSError = OSError("no address")
        for address in self._addresses[:2]:
            try:
                self._raw = socket.create_connection((address, self.port), self._timeout / 2)
                break
            except OSError as error:
                last = error
        else:
            raise last
        self._raw.settimeout(self._timeout)
        self.sock = _tls().wrap_socket(self._raw, server_hostname=self.host) if self._wraps else self._raw

    @contextlib.contextmanager
    def closed_after(self, seconds: float) -> Any:
        """Close the connection after ``seconds``. The socket's own time-out applies to each read only, so a server that
        sends a byte each second would never exceed it. Raises TimeoutError."""
        timer = threading.Timer(seconds, self._cut)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
        if self._is_cut:  # http.client takes the end of the connection for the end of the headers
            raise TimeoutError

    def _cut(self) -> None:
        self._is_cut = True
        open_socket = self.sock or self._raw
        if open_socket is not None:
            with contextlib.suppress(OSError):
                open_socket.shutdown(socket.SHUT_RDWR)
