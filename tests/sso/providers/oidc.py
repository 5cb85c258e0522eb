"""A local OpenID Connect provider under the control of the test: honest by default, dishonest in every way on
request."""

from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

from authlib.oauth2.rfc7636 import create_s256_code_challenge
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

CLIENT, SECRET = "docplatform", "a-client-secret"
ANN = {"sub": "ann-at-idp", "email": "ann@acme.example", "email_verified": True, "name": "Ann Example"}
RSA = RSAKey.generate_key(2048, {"kid": "rsa-1", "use": "sig"})
STRANGER = RSAKey.generate_key(2048, {"kid": "rsa-1", "use": "sig"})
EC = ECKey.generate_key("P-256", {"kid": "ec-1", "use": "sig"})
DISCOVERY_FIELDS = (
    "issuer",
    "authorization_endpoint",
    "token_endpoint",
    "jwks_uri",
    "userinfo_endpoint",
    "scopes_supported",
    "code_challenge_methods_supported",
    "token_endpoint_auth_methods_supported",
    "authorization_response_iss_parameter_supported",
)


@dataclass
class FakeOidc:
    """``broken``: the status of each path that fails. ``claims`` replace the honest ones; None removes one. ``token``:
    makes the ID token from its claims, in place of the honest way. ``remembers``: seconds since the user was
    authenticated. On request it authenticates the user again, unless it is ``lazy``."""

    port: int = 0
    person: dict[str, Any] = field(default_factory=lambda: dict(ANN))
    claims: dict[str, Any] = field(default_factory=dict)
    discovery: dict[str, Any] = field(default_factory=dict)
    broken: dict[str, int] = field(default_factory=dict)
    userinfo: dict[str, Any] | None = None
    token: Any = None
    keys: list[Any] = field(default_factory=lambda: [RSA, EC])
    secret: str = SECRET
    remembers: int = 3600
    lazy: bool = False
    asked: list[str] = field(default_factory=list)
    stops: Callable[[], None] = lambda: None
    _codes: dict[str, dict[str, str]] = field(default_factory=dict)

    @property
    def issuer(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def logs_in(self, location: str) -> dict[str, str]:
        """The parameters that the browser brings back after it was sent to ``location``."""
        request = dict(parse_qsl(urlsplit(location).query))
        assert request["code_challenge_method"] == "S256"
        code = f"code-{len(self._codes)}"
        self._codes[code] = request
        return {"state": request["state"], "code": code, "session_state": "passed over"}

    def answers(self, method: str, path: str, form: dict[str, str], headers: Any) -> tuple[int, Any]:
        self.asked.append(path)
        if path in self.broken:
            return self.broken[path], {"error": "server_error"}
        match path:
            case "/.well-known/openid-configuration":
                return 200, self._describes_itself()
            case "/jwks":
                return 200, {"keys": [key.as_dict(private=False) for key in self.keys]}
            case "/userinfo":
                return (200, self.userinfo) if headers["Authorization"] == "Bearer at" else (401, {})
            case "/token" if method == "POST":
                return self._exchanges(form, headers)
            case "/token":
                return 405, {}
        return 404, {}

    def _describes_itself(self) -> dict[str, Any]:
        known = {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/jwks",
            "code_challenge_methods_supported": ["S256"],
        }
        if self.userinfo is not None:
            known["userinfo_endpoint"] = f"{self.issuer}/userinfo"
        return {**known, **self.discovery}

    def _exchanges(self, form: dict[str, str], headers: Any) -> tuple[int, Any]:
        given = base64.b64encode(f"{CLIENT}:{self.secret}".encode()).decode()
        if headers.get("Authorization") != f"Basic {given}":
            return 401, {"error": "invalid_client"}
        request = self._codes.pop(form["code"], None)
        proven = request and create_s256_code_challenge(form["code_verifier"]) == request["code_challenge"]
        if request is None or not proven or form["redirect_uri"] != request["redirect_uri"]:
            return 400, {"error": "invalid_grant"}
        now = int(time.time())
        honest = {"iss": self.issuer, "aud": CLIENT, "iat": now, "exp": now + 300, "nonce": request["nonce"]}
        if "max_age" in request:  # Core 1.0 §2: then it must say when
            looks = request.get("prompt") == "login" and not self.lazy
            honest["auth_time"] = now - (0 if looks else self.remembers)
        claims = {k: v for k, v in {**honest, **self.person, **self.claims}.items() if v is not None}
        make = self.token or (lambda claims: jwt.encode({"alg": "RS256", "kid": "rsa-1"}, claims, RSA))
        return 200, {"access_token": "at", "token_type": "Bearer", "id_token": make(claims)}


@contextmanager
def serving(provider: Any) -> Iterator[Any]:
    """Serve ``provider`` at its earlier port, or at a free one. Sets its ``port`` and ``stops``."""

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            asked = urlsplit(self.path)
            form = {k: v[0] for k, v in parse_qs(asked.query or self.rfile.read(length).decode()).items()}
            status, body = provider.answers(self.command, asked.path, form, self.headers)
            content = body if isinstance(body, bytes) else json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = _answer

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", provider.port), Handler)
    provider.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()

    def stops() -> None:
        server.shutdown()
        server.server_close()

    provider.stops = stops
    try:
        yield provider
    finally:
        stops()
