"""Requests to URLs that an admin has entered: no internal address is reached, and no slow server delays the
platform."""

from __future__ import annotations

import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from docplatform.infra import outbound
from docplatform.infra.outbound import OutboundFailed, OutboundHttp, is_public

Talk = Callable[[socket.socket], None]


@contextmanager
def listening(talk: Talk, wrap: ssl.SSLContext | None = None) -> Iterator[int]:
    """The port of a server that sends ``talk`` to each client."""
    server = socket.create_server(("127.0.0.1", 0))
    server.settimeout(10)

    def serve() -> None:
        while True:
            try:
                link, _ = server.accept()
                link.settimeout(10)
                with wrap.wrap_socket(link, server_side=True) if wrap else link as spoken:
                    talk(spoken)
            except (ssl.SSLError, ConnectionError):
                continue
            except OSError:
                return

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield server.getsockname()[1]
    finally:
        server.close()


def says(answer: bytes, heard: list[bytes] | None = None) -> Talk:
    def talk(link: socket.socket) -> None:
        request = link.recv(65_536)
        if heard is not None:
            heard.append(request)
        link.sendall(answer)

    return talk


def http(body: bytes, status: str = "200 OK", *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def resolves(monkeypatch: pytest.MonkeyPatch, *answers: list[str]) -> list[str]:
    """Makes each look-up of a name return the next answer. Returns the names that were looked up."""
    asked: list[str] = []

    def lookup(host: str, port: int, **_: Any) -> list[Any]:
        asked.append(host)
        return [(0, 0, 0, "", (address, port)) for address in answers[min(len(asked), len(answers)) - 1]]

    monkeypatch.setattr(socket, "getaddrinfo", lookup)
    return asked


# -- where to


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.8.8.8",
        "0.0.0.0",
        "10.0.0.1",
        "172.16.0.1",
        "172.31.255.255",
        "192.168.1.1",
        "169.254.169.254",  # credentials of an instance
        "169.254.170.2",  # credentials of a container
        "100.64.0.1",
        "192.0.0.1",
        "198.18.0.1",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "fe80::1",
        "fc00::1",
        "fd00:ec2::254",
        "fec0::1",
        "feff::1",
        "::10.0.0.1",
        "ff02::1",
        "::ffff:10.0.0.1",
        "::ffff:169.254.169.254",
        "64:ff9b::a9fe:a9fe",
        "2002:a9fe:a9fe::1",
        "2001::1",
        "2001:db8::1",
    ],
)
def test_what_is_not_public(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    assert not is_public(ipaddress.ip_address(address))
    resolves(monkeypatch, [address])
    with pytest.raises(OutboundFailed, match="^idp.example is not a public address$"):
        OutboundHttp(loopback=False).get("https://idp.example/")


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700:4700::1111", "::ffff:8.8.8.8"])
def test_what_is_public(address: str) -> None:
    assert is_public(ipaddress.ip_address(address))


def test_one_inner_address_among_public_ones_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    resolves(monkeypatch, ["8.8.8.8", "10.0.0.1"])
    with pytest.raises(OutboundFailed, match="not a public address"):
        OutboundHttp(loopback=False).get("https://idp.example/")


@pytest.mark.parametrize("host", ["127.1", "2130706433", "0x7f000001", "017700000001", "[::1]", "[::ffff:127.0.0.1]"])
def test_other_ways_to_write_this_machine(host: str) -> None:
    with pytest.raises(OutboundFailed, match="not a public address|is unknown"):
        OutboundHttp(loopback=False).get(f"https://{host}/")


@pytest.mark.parametrize(
    "url",
    [
        "http://idp.example/",
        "ftp://idp.example/",
        "file:///etc/passwd",
        "gopher://idp.example/",
        "//idp.example/",
        "idp.example",
        "",
        "https://",
        "https:///x",
        "https://user@idp.example/",
        "https://user:secret@idp.example/",
        "https://idp.example/\r\nX: y",
        "https://idp.example/a b",
        "https://idp.example:99999/",
        "https://idp.éxample/",
        "https://[::1",
        "https://idp.example/" + "x" * 2_000,
    ],
)
def test_what_is_no_address_for_us(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    asked = resolves(monkeypatch, ["8.8.8.8"])
    for trial in (OutboundHttp(loopback=False), OutboundHttp(loopback=True)):
        with pytest.raises(OutboundFailed, match=r"cannot be understood|does not begin with https://"):
            trial.get(url)
    assert asked == []


@pytest.mark.parametrize("port", [0, 22, 25, 53, 80, 111, 389, 445, 636, 993, 1023, 2049, 3306, 5432, 6379, 6667, 9200])
def test_ports_of_other_protocols_are_refused(monkeypatch: pytest.MonkeyPatch, port: int) -> None:
    asked = resolves(monkeypatch, ["8.8.8.8"])
    with pytest.raises(OutboundFailed, match="not a public address of the web"):
        OutboundHttp(loopback=True).get(f"https://idp.example:{port}/")
    assert asked == []


@pytest.mark.parametrize("port", [443, 1024, 8080, 8443, 9443, 65535])
def test_ports_of_the_web_are_accepted(port: int) -> None:
    assert OutboundHttp(loopback=False).check_url(f"https://idp.example:{port}/").port == port


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/", "http://localhost:9/", "https://127.0.0.1:9/"])
def test_this_machine_only_where_the_setting_says_so(url: str) -> None:
    with pytest.raises(OutboundFailed, match=r"does not begin with https://|not a public address"):
        OutboundHttp(loopback=False).get(url)


def test_a_name_that_changes_its_mind_gains_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """DNS rebinding: the connection goes to the address that was checked."""
    asked = resolves(monkeypatch, ["8.8.8.8"], ["127.0.0.1"])
    connected: list[Any] = []

    def connects(address: Any, *_: Any) -> socket.socket:
        connected.append(address)
        raise ConnectionRefusedError

    monkeypatch.setattr(socket, "create_connection", connects)
    with pytest.raises(OutboundFailed, match="^idp.example does not answer$"):
        OutboundHttp(loopback=False).get("https://idp.example/")
    assert (asked, connected) == (["idp.example"], [("8.8.8.8", 443)])


def test_a_proxy_of_the_environment_is_passed_by(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with listening(says(http(b"{}"))) as port:
        assert OutboundHttp(loopback=True).get(f"http://127.0.0.1:{port}/").json() == {}


# -- what comes back


def test_a_redirect_is_an_answer_and_not_followed() -> None:
    heard: list[bytes] = []
    elsewhere = http(b"", "302 Found", "Location: http://169.254.169.254/latest/meta-data/")
    with listening(says(elsewhere, heard)) as port:
        assert OutboundHttp(loopback=True).get(f"http://127.0.0.1:{port}/").status == 302
    assert len(heard) == 1


@pytest.mark.parametrize("length", ["Content-Length: 2000000", "X-No-Length: yes"])
def test_more_than_a_megabyte_is_refused(length: str) -> None:
    answer = f"HTTP/1.1 200 OK\r\n{length}\r\nConnection: close\r\n\r\n".encode() + b"x" * 1_000_001
    with listening(says(answer)) as port, pytest.raises(OutboundFailed, match="more than 1,000,000 bytes"):
        OutboundHttp(loopback=True).get(f"http://127.0.0.1:{port}/")


def drips(link: socket.socket) -> None:
    link.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n")
    for _ in range(100):
        link.sendall(b"x")
        time.sleep(0.1)


def drips_headers(link: socket.socket) -> None:
    link.sendall(b"HTTP/1.1 200 OK\r\n")
    for number in range(100):
        link.sendall(f"X-{number}: x\r\n".encode())
        time.sleep(0.1)


def keeps_silent(link: socket.socket) -> None:
    link.recv(65_536)
    time.sleep(15)


@pytest.mark.parametrize("talk", [drips, drips_headers, keeps_silent])
def test_whoever_is_slow_is_cut_off(talk: Talk) -> None:
    with listening(talk) as port:
        begun = time.monotonic()
        with pytest.raises(OutboundFailed, match=r"^127\.0\.0\.1 does not answer$"):
            OutboundHttp(loopback=True, timeout=0.5).get(f"http://127.0.0.1:{port}/")
        assert time.monotonic() - begun < 8


# -- the deadline, by a clock that the test sets


class Deadline:
    """The caller's wait: it lasts until ``reached`` is set, and then the time is over."""

    def __init__(self) -> None:
        self.reached, self.waits = threading.Event(), list[float]()

    def __call__(self, done: threading.Event, seconds: float) -> bool:
        self.waits.append(seconds)
        assert self.reached.wait(20), "the request never came as far as this"
        return done.is_set()


@pytest.fixture
def lane() -> Iterator[str]:
    """A lane of its own, which must be empty again at the end."""
    name = f"lane-{time.monotonic_ns()}"
    yield name
    places = outbound._lane(name)
    for _ in range(outbound.MOST_AT_ONCE):
        assert places.acquire(timeout=20), "a place was kept"


def _hangs_in(phase: str, deadline: Deadline, free: threading.Event) -> Talk:
    """A server that stays in a phase until the connection is cut; then it sets ``free``."""

    def talk(link: socket.socket) -> None:
        link.recv(65_536)  # the request, or the first message of the handshake
        link.sendall({"headers": b"HTTP/1.1 200 OK\r\nX: ", "body": http(b"ab")[:-1], "handshake": b""}[phase])
        deadline.reached.set()
        while link.recv(65_536):
            continue
        free.set()

    return talk


@pytest.mark.parametrize("phase", ["handshake", "headers", "body"])
def test_the_deadline_cuts_the_connection_in_every_phase(lane: str, phase: str) -> None:
    deadline, free = Deadline(), threading.Event()
    with listening(_hangs_in(phase, deadline, free)) as port:
        scheme = "https" if phase == "handshake" else "http"
        client = OutboundHttp(loopback=True, timeout=600, lane=lane, wait=deadline)  # of no help: only the cut ends it
        with pytest.raises(OutboundFailed, match="does not answer$"):
            client.get(f"{scheme}://127.0.0.1:{port}/")
        assert free.wait(20), "the server still has the connection"
    assert deadline.waits == [600]


@pytest.mark.parametrize("phase", ["resolution", "connection"])
def test_the_deadline_holds_where_nothing_can_be_cut(monkeypatch: pytest.MonkeyPatch, lane: str, phase: str) -> None:
    deadline, free = Deadline(), threading.Event()

    def hangs(*_: Any, **__: Any) -> Any:
        deadline.reached.set()
        assert free.wait(20)
        raise OSError

    resolves(monkeypatch, ["8.8.8.8"])
    monkeypatch.setattr(socket, "getaddrinfo" if phase == "resolution" else "create_connection", hangs)
    with pytest.raises(OutboundFailed, match="does not answer$"):
        OutboundHttp(loopback=False, lane=lane, wait=deadline).get("https://idp.example/")
    free.set()


def test_one_provider_holds_a_few_threads_and_no_other_tenants(monkeypatch: pytest.MonkeyPatch, lane: str) -> None:
    deadline, free, asked = Deadline(), threading.Event(), list[str]()

    def hangs(host: str, *_: Any, **__: Any) -> Any:
        asked.append(host)
        assert free.wait(20)
        raise OSError

    monkeypatch.setattr(socket, "getaddrinfo", hangs)
    deadline.reached.set()  # nobody waits
    client = OutboundHttp(loopback=False, lane=lane, wait=deadline)
    for _ in range(outbound.MOST_AT_ONCE + 3):
        with pytest.raises(OutboundFailed):
            client.get("https://slow.example/")
    with pytest.raises(OutboundFailed, match="slow.example is slow"):
        client.get("https://slow.example/")
    other = OutboundHttp(loopback=False, lane=f"{lane}-other", wait=deadline)
    with pytest.raises(OutboundFailed, match="other.example does not answer"):
        other.get("https://other.example/")
    free.set()
    assert asked.count("slow.example") <= outbound.MOST_AT_ONCE


@pytest.mark.parametrize(
    "answer", [b"", b"SSH-2.0-x\r\n", b"HTTP/1.1 abc\r\n\r\n", b"HTTP/1.1 200 OK\r\n" + b"x" * 99_999]
)
def test_what_is_no_http(answer: bytes) -> None:
    with listening(says(answer)) as port, pytest.raises(OutboundFailed, match="does not answer"):
        OutboundHttp(loopback=True).get(f"http://127.0.0.1:{port}/")


def test_what_breaks_off() -> None:
    with listening(says(http(b"{}").replace(b"Length: 2", b"Length: 3"))) as port:
        with pytest.raises(OutboundFailed, match="does not answer"):
            OutboundHttp(loopback=True).get(f"http://127.0.0.1:{port}/")


@pytest.mark.parametrize("body", [b"", b"[]", b"null", b"<html>", b"\xff", b"[" * 100_000])
def test_what_is_no_json_object(body: bytes) -> None:
    with listening(says(http(body))) as port:
        answer = OutboundHttp(loopback=True).get(f"http://127.0.0.1:{port}/")
        with pytest.raises(OutboundFailed, match="not a JSON object"):
            answer.json()


# -- TLS


def certificate(folder: Path, name: str) -> ssl.SSLContext:
    """A server with a self-signed certificate for that name, which is in ``folder``."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "server.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(private)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem", folder / "key.pem")
    return context


def test_a_certificate_that_nobody_vouches_for(tmp_path: Path) -> None:
    with listening(says(http(b"{}")), certificate(tmp_path, "localhost")) as port:
        with pytest.raises(OutboundFailed, match="^localhost has no certificate that is trusted$"):
            OutboundHttp(loopback=True).get(f"https://localhost:{port}/")


@pytest.mark.parametrize(("name", "trusted"), [("localhost", True), ("idp.example", False)])
def test_a_certificate_is_of_the_name_that_was_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, trusted: bool
) -> None:
    server, heard = certificate(tmp_path, name), []
    monkeypatch.setattr(outbound, "_tls", lambda: ssl.create_default_context(cafile=tmp_path / "server.pem"))
    with listening(says(http(b'{"a": 1}'), heard), server) as port:
        if not trusted:
            with pytest.raises(OutboundFailed, match="certificate"):
                OutboundHttp(loopback=True).get(f"https://localhost:{port}/x?y=z")
            return
        assert OutboundHttp(loopback=True).get(f"https://localhost:{port}/x?y=z").json() == {"a": 1}
        assert heard[0].startswith(b"GET /x?y=z HTTP/1.1\r\nHost: localhost")
