"""An HTTP request and its caller, read from API Gateway's event; and the parsing of bodies before validation."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from docplatform.core.actor import Actor, Permission, Role
from docplatform.core.errors import Forbidden, Unauthenticated
from docplatform.http.problems import MalformedRequest, UnsupportedMediaType
from docplatform.runtime import tenant_resolution
from docplatform.tenancy.items import from_text

FORM = "application/x-www-form-urlencoded"
_MOST_FIELDS = 50  # of a form
_ENCODINGS = ("utf-8", "utf8", "us-ascii")


@dataclass(frozen=True, slots=True)
class Request:
    """The content of an API Gateway proxy event. Header names are in lower case. ``address``: the client's IP address.
    ``agent``: its user agent, cut at 300 characters."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: str
    host: str
    address: str
    agent: str
    id: str
    claims: dict[str, Any]
    caller: str

    @staticmethod
    def of(event: dict[str, Any]) -> Request:
        headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
        context = event["requestContext"]
        identity = context.get("identity") or {}
        body = event.get("body") or ""
        if body and event.get("isBase64Encoded"):
            try:
                body = base64.b64decode(body).decode()
            except ValueError:  # not base64, or not UTF-8
                body = "\N{REPLACEMENT CHARACTER}"
        return Request(
            method=event["httpMethod"],
            path=event["path"],
            query=event.get("queryStringParameters") or {},
            headers=headers,
            body=body,
            host=headers.get("host", ""),
            address=identity.get("sourceIp") or "",
            agent=(identity.get("userAgent") or headers.get("user-agent") or "")[:300],
            id=context.get("requestId") or "",
            claims=context.get("authorizer") or {},
            caller=identity.get("userArn") or "",
        )

    @property
    def if_match(self) -> int | None:
        """The revision in If-Match (RFC 9110 §13.1.1); None without the header or for ``*``. Raises
        MalformedRequest."""
        tag = self.headers.get("if-match", "*").strip()
        if tag == "*":
            return None
        digits = tag.removeprefix('"').removesuffix('"')
        if not digits.isascii() or not digits.isdigit():
            raise MalformedRequest("If-Match takes the ETag of an earlier answer, as it was.")
        return int(digits[:15])

    @property
    def idempotency_key(self) -> str:
        """The Idempotency-Key, or ''. Raises MalformedRequest if it is too long."""
        key = self.headers.get("idempotency-key", "")
        if len(key) > 255:
            raise MalformedRequest("An Idempotency-Key has at most 255 characters.")
        return key

    @property
    def operator(self) -> str:
        """The IAM principal that called an OPERATOR mount. API Gateway has verified its signature."""
        return f"operator:{(self.caller or 'unknown').rsplit(':', 1)[-1]}"

    def actor(self) -> Actor:
        """The actor that the authorizer has identified. The request must use the address of the actor's own tenant.

        Raises Forbidden for another tenant's address. Raises Unauthenticated if there is no user, or an error of
        ``tenant_of``: the authorizer admits a request for an unknown tenant without a user, so that the client gets
        that error (docs/adr/0004).
        """
        if not self.claims.get("user_id"):
            tenant_resolution.tenant_of(self.host)
            raise Unauthenticated("Send an access token: 'Authorization: Bearer …'.")
        tenant = from_text(self.claims["tenant"])
        if tenant_resolution.subdomain(self.host) != tenant.subdomain:
            raise Forbidden("This is the address of another organisation; use that of yours.")
        scopes = self.claims.get("scopes")  # present for an API key only
        return Actor(
            tenant=tenant,
            user_id=self.claims["user_id"],
            session_id=self.claims["session_id"],
            role=Role(self.claims["role"]),
            request_id=self.id,
            scopes=None if scopes is None else frozenset(Permission(scope) for scope in scopes.split()),
        )


def check_encoding(content_type: str, body: str) -> None:
    """Raises UnsupportedMediaType for a declared encoding other than UTF-8, and MalformedRequest for a body that is not
    UTF-8. API Gateway hands bodies on as text, in which U+FFFD stands for what was not UTF-8; a client that means the
    character itself escapes it."""
    for parameter in content_type.split(";")[1:]:
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "charset" and value.strip().strip('"').lower() not in _ENCODINGS:
            raise UnsupportedMediaType("Send the body in UTF-8.")
    if "\N{REPLACEMENT CHARACTER}" in body:
        raise MalformedRequest("The body is not UTF-8 (RFC 8259 §8.1).")


def form_of(body: str) -> dict[str, Any]:
    """The fields of a form. Raises MalformedRequest, also for a field that occurs twice: programs differ in which of
    the two values they use."""
    try:
        fields = parse_qsl(body, keep_blank_values=True, max_num_fields=_MOST_FIELDS, errors="strict")
    except ValueError as error:
        raise MalformedRequest("The body is no form.") from error
    if len(dict(fields)) != len(fields):
        raise MalformedRequest("A field of the form comes twice.")
    return dict(fields)


def json_of(body: str) -> dict[str, Any]:
    """The JSON object of a body. Raises MalformedRequest if it is something else."""
    body = body.removeprefix("\N{BYTE ORDER MARK}")  # RFC 8259 §8.1 allows a reader to ignore it
    try:
        value = json.loads(body or "null", parse_constant=_refuse_constant)
        if "\\ud" in body.lower():  # an escape of half a pair: the other half may be missing (RFC 8259 §8.2)
            json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        raise MalformedRequest("The body holds text that is not Unicode: a lone surrogate.") from error
    except (ValueError, RecursionError) as error:
        raise MalformedRequest("The body is not JSON.") from error
    if not isinstance(value, dict):
        raise MalformedRequest("The body must be a JSON object.")
    return value


def _refuse_constant(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")  # RFC 8259 §6
