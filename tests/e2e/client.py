"""Clients of the running platform over HTTP: tenants, members and their sessions, with a method for each thing that they do."""

from __future__ import annotations

import os
import re
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from socket import create_connection
from typing import Any

import requests
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from websockets.sync.client import ClientConnection, connect

from local.testing import Cloud

PASSWORD = "correct horse battery staple"
PROCESSING = 300.0  # seconds until a document is processed, with cold workers on a slow machine
ANSWER = 120.0  # seconds until an answer comes, over HTTP or a WebSocket
VISIBLE = 120.0  # seconds until the index shows a write
FRESH = float(os.environ.get("DOCPLATFORM_FRESH_SECONDS", "240"))
"""Seconds after which a member signs in anew. Access tokens are valid for 900 seconds, and operations that need a recent sign-in accept
one of the last 600: minutes remain for the requests of a test. With 0 a member signs in before every request, which must break no test."""


@dataclass
class Site:
    """A tenant's address in a region. Requests connect to loopback, because not every resolver knows ``*.localhost``."""

    cloud: Cloud
    region: str
    subdomain: str

    def ask(
        self,
        method: str,
        path: str,
        *,
        json: object = None,
        data: bytes | str | None = None,
        params: dict[str, str] | None = None,
        headers: dict[str, str] | None = None,
        token: str = "",
    ) -> requests.Response:
        port = self.cloud.ports[self.region]
        sent = {"Host": f"{self.subdomain}.localhost:{port}", **(headers or {})}
        if token:
            sent["Authorization"] = f"Bearer {token}"
        return requests.request(
            method, f"http://127.0.0.1:{port}{path}", json=json, data=data, params=params, headers=sent, timeout=ANSWER
        )


def create_tenant(cloud: Cloud, region: str, plan: str, subdomain: str = "") -> TenantSite:
    """Creates a tenant by the operator's signed request; its admin accepts the invitation that came by mail."""
    subdomain = subdomain or f"t{secrets.token_hex(5)}"
    email = f"admin@{subdomain}.example"
    body = {"subdomain": subdomain, "name": subdomain.title(), "plan": plan, "admin_email": email}
    answer = operator(cloud, region, "POST", "/operator/v1/tenants", body)
    assert answer.status_code == 201, answer.text
    site = Site(cloud, region, subdomain)
    admin = accept_invitation(site, email)
    return TenantSite(site, answer.json(), admin)


def operator(cloud: Cloud, region: str, method: str, path: str, body: object = None) -> requests.Response:
    import json

    port = cloud.ports[region]
    url = f"http://127.0.0.1:{port}{path}"
    data = json.dumps(body) if body is not None else None
    request = AWSRequest(method=method, url=url, data=data, headers={"Content-Type": "application/json"})
    SigV4Auth(Credentials(*cloud.operator), "execute-api", region).add_auth(request)
    return requests.request(method, url, data=data, headers=dict(request.headers), timeout=ANSWER)


def accept_invitation(site: Site, email: str) -> Member:
    token = mailed_token(site.cloud, email)
    body = {"token": token, "name": email.split("@")[0].title(), "password": PASSWORD}
    answer = site.ask("POST", "/v1/auth/invitations/accept", json=body)
    assert answer.status_code == 200, answer.text
    return Member(site, answer.json(), email)


def sign_in(site: Site, email: str, password: str = PASSWORD) -> Session:
    answer = site.ask("POST", "/v1/auth/login", json={"email": email, "password": password})
    assert answer.status_code == 200, answer.text
    return Session(site, answer.json())


def refreshed(session: Session) -> Session:
    """The same session with new tokens; the old refresh token is used up."""
    answer = session.site.ask("POST", "/v1/auth/refresh", json={"refresh_token": session.tokens["refresh_token"]})
    assert answer.status_code == 200, answer.text
    return Session(session.site, answer.json())


def mailed_token(cloud: Cloud, email: str, *, other_than: str = "") -> str:
    """The token in the newest mail to that address that has one. Waits for another one than ``other_than``."""
    deadline = time.monotonic() + VISIBLE
    while time.monotonic() < deadline:
        for mail in reversed(cloud.mailbox()):
            if email in str(mail):
                found = re.search(r"token=([A-Za-z0-9_.~-]+)", str(mail))
                if found and found[1] == other_than:
                    break
                if found:
                    return found[1]
        time.sleep(0.3)
    raise AssertionError(f"no mail with a token came for {email}")


@dataclass
class TenantSite:
    site: Site
    description: dict[str, Any]
    """The tenant as the operator's request created it."""
    admin: Member

    @property
    def id(self) -> str:
        return str(self.description["id"])

    def invites(self, role: str) -> Member:
        email = f"{role}.{secrets.token_hex(4)}@{self.site.subdomain}.example"
        answer = self.admin.asks("POST", "/v1/users", json={"email": email, "role": role})
        assert answer.status_code == 201, answer.text
        return accept_invitation(self.site, email)


@dataclass
class Session:
    """Requests with the tokens of one session, or with an API key. They are not renewed: the session ends when the platform ends it."""

    site: Site
    tokens: dict[str, Any] = field(repr=False)

    @property
    def token(self) -> str:
        return str(self.tokens["access_token"])

    @cached_property
    def user_id(self) -> str:
        return str(self.asks("GET", "/v1/me").json()["user"]["id"])

    def asks(self, method: str, path: str, **more: Any) -> requests.Response:
        return self.site.ask(method, path, token=self.token, **more)

    def at(self, region: str) -> Session:
        """The same session at another region's address."""
        return Session(Site(self.site.cloud, region, self.site.subdomain), self.tokens)

    def creates_folder(self, name: str, parent: str = "root") -> str:
        answer = self.asks("POST", "/v1/folders", json={"name": name, "parent_id": parent})
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    def announces(self, name: str, size: int, content_type: str, folder: str = "root") -> dict[str, Any]:
        body = {"name": name, "folder_id": folder, "content_type": content_type, "size": size}
        answer = self.asks("POST", "/v1/documents", json=body)
        assert answer.status_code == 201, answer.text
        made: dict[str, Any] = answer.json()
        return made

    def uploads(self, name: str, content: bytes, content_type: str, folder: str = "root") -> str:
        """Announces and sends a document. Returns its id."""
        made = self.announces(name, len(content), content_type, folder)
        sent = send(made["upload"], content)
        assert sent.status_code == 200, sent.text
        return str(made["document"]["id"])

    def uploads_file(self, path: Path, content_type: str, folder: str = "root") -> str:
        return self.uploads(path.name, path.read_bytes(), content_type, folder)

    def document(self, document_id: str) -> dict[str, Any]:
        answer = self.asks("GET", f"/v1/documents/{document_id}")
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def waits_for(self, document_id: str, *, timeout: float = PROCESSING) -> dict[str, Any]:
        """The document, once processing has succeeded or failed."""
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            document = self.document(document_id)
            if document["processing"]["state"] in ("ready", "failed"):
                return document
            time.sleep(0.25)
        raise AssertionError(f"still {document['processing']}")

    def downloads(self, document_id: str) -> bytes:
        answer = self.asks("GET", f"/v1/documents/{document_id}/content")
        assert answer.status_code == 200, answer.text
        return fetch(answer.json())

    def searches(self, words: str, **more: Any) -> dict[str, Any]:
        answer = self.asks("POST", "/v1/search", json={"query": words, **more})
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def finds(self, words: str, document_id: str) -> dict[str, Any]:
        """The hit, once the index shows it (writes become visible after a moment)."""
        deadline = time.monotonic() + VISIBLE
        while time.monotonic() < deadline:
            for hit in self.searches(words, limit=100)["items"]:
                if hit["document"]["id"] == document_id:
                    return dict(hit)
            time.sleep(0.3)
        raise AssertionError(f"{words!r} did not find {document_id}")


@dataclass
class Member(Session):
    """A person with a password, for as long as the tests run. Before a request whose session is older than FRESH the person signs in."""

    email: str = ""
    _signed_in_at: float = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._signed_in_at = self._now()

    @property
    def token(self) -> str:
        self._sign_in_anew_if_old()
        return super().token

    @property
    def session(self) -> Session:
        """The present session alone, which stays the same: for tests that are about the session, and not about the person."""
        self._sign_in_anew_if_old()
        return Session(self.site, self.tokens)

    def at(self, region: str) -> Session:
        return self.session.at(region)

    def _now(self) -> float:
        """Seconds on the cloud's clock."""
        return time.monotonic() + self.site.cloud.moved

    def _sign_in_anew_if_old(self) -> None:
        now = self._now()
        if now - self._signed_in_at > FRESH:
            self.tokens, self._signed_in_at = sign_in(self.site, self.email).tokens, now


def send(upload: dict[str, Any], content: bytes) -> requests.Response:
    return requests.request(upload["method"], upload["url"], headers=upload["headers"], data=content, timeout=ANSWER)


def fetch(link: dict[str, Any]) -> bytes:
    answer = requests.get(link["url"], headers=link["headers"], timeout=ANSWER)
    assert answer.status_code == 200, answer.text
    return answer.content


@contextmanager
def live(site: Site, url: str) -> Iterator[ClientConnection]:
    """The WebSocket connection that a ticket's address opens. Raises InvalidHandshake when the ticket is refused."""
    port = site.cloud.ports[site.region]
    assert url.startswith(f"ws://{site.subdomain}.live.localhost:{port}/?ticket=")
    connection = create_connection(("127.0.0.1", port))  # not every resolver knows ``*.localhost``
    with connect(url, sock=connection, open_timeout=ANSWER, close_timeout=5) as socket:
        yield socket


def problem(answer: requests.Response) -> tuple[int, str]:
    """Status and code of an answer, which must be a complete problem document (RFC 9457)."""
    assert answer.headers["Content-Type"].startswith("application/problem+json"), (answer.status_code, answer.text)
    body = answer.json()
    assert {"type", "title", "status", "detail", "code"} <= set(body), body
    assert body["status"] == answer.status_code
    return answer.status_code, body["code"]
