"""Sign-in with an OpenID Connect provider (Core 1.0, Discovery 1.0): authorization code with PKCE (RFC 7636), state and
nonce."""

from __future__ import annotations

import base64
import re
import secrets
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, quote_plus

from authlib.oauth2.auth import ClientAuth
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri, prepare_token_request
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from authlib.oidc.core import CodeIDToken
from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import JWKRegistry, Key, RSAKey

from docplatform.infra.outbound import OutboundHttp, OutboundResponse
from docplatform.sso.adapters.provider_http import ProviderHttp, json_of
from docplatform.sso.model import (
    DRIFT,
    AuthorizationRequest,
    Connection,
    DiagnosisStep,
    ExternalIdentity,
    ProviderBusy,
    ProviderRefused,
    ProviderUnavailable,
    SsoAttempt,
    is_unicode,
)

ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512"]  # no HMAC, no "none"
_TYPES = frozenset({"jwt", "application/jwt"})  # not an access or a log-out token of the same provider (RFC 8725 §3.11)
_SMALLEST_RSA_KEY = 2_048  # bits; RFC 7518 §3.3
# Errors that joserfc raises for a malformed key or token.
_UNREADABLE = (JoseError, ValueError, TypeError, KeyError, RecursionError)
# Header members that change how a token is read. Neither is supported (RFC 7515 §4.1.11), and a JWT must not have b64
# (RFC 7797 §7).
_EXTENSIONS = frozenset({"crit", "b64"})
_REAUTHENTICATE = {"prompt": "login", "max_age": "0"}  # Core 1.0 §3.1.2.1: the token must then contain auth_time
_LONGEST_SUBJECT = 255  # OpenID Connect Core 1.0 §2
_CODE = re.compile(r"[a-z_]{1,60}")
_NEEDED = ("authorization_endpoint", "token_endpoint", "jwks_uri")


class _Registry(jws.JWSRegistry):
    max_header_length = 8_192  # bytes; with a certificate chain (x5c) a header is longer than joserfc's 512


_REGISTRY = _Registry(algorithms=ALGORITHMS)


class OidcProvider:
    def __init__(
        self, connection: Connection, outbound: OutboundHttp, *, callback: str, secret: Callable[[], str]
    ) -> None:
        """``callback``: the redirect URI. ``secret``: returns the client secret, '' for a public client; called only
        when it is needed."""
        self._connection, self._outbound = connection, ProviderHttp(outbound)
        self._callback, self._secret = callback, secret

    def authorization_request(self, state: str, *, reauthenticate: bool) -> AuthorizationRequest:
        """Raises ProviderUnavailable."""
        provider = self._discover()
        nonce, verifier = secrets.token_urlsafe(32), secrets.token_urlsafe(48)
        address = prepare_grant_uri(
            provider["authorization_endpoint"],
            self._connection.client_id,
            "code",
            redirect_uri=self._callback,
            scope=self._scope(provider),
            state=state,
            nonce=nonce,
            code_challenge=create_s256_code_challenge(verifier),
            code_challenge_method="S256",
            **(_REAUTHENTICATE if reauthenticate else {}),
        )
        kept: dict[str, str | list[str]] = {name: provider[name] for name in ("token_endpoint", "jwks_uri")}
        kept["userinfo_endpoint"] = provider.get("userinfo_endpoint") or ""
        kept["method"] = self._method(provider)
        kept["names_itself"] = "yes" if provider.get("authorization_response_iss_parameter_supported") is True else ""
        return AuthorizationRequest(address, nonce, verifier, kept)

    def handle_callback(self, attempt: SsoAttempt, reply: Mapping[str, str], now: datetime) -> ExternalIdentity:
        """Raises ProviderRefused, ProviderUnavailable."""
        if reply.get("error"):
            raise ProviderRefused(f"the provider answers with {_code(reply['error'])}")
        issuer = self._connection.issuer
        named = reply.get("iss") or ""
        if named != issuer and (named or attempt.provider["names_itself"]):  # RFC 9207 §2.4
            raise ProviderRefused("the answer is of another provider")
        if not reply.get("code"):
            raise ProviderRefused("the answer has no code")
        tokens = self._exchange(attempt, reply["code"])
        claims = self._verified(attempt, tokens, now)
        sources = [claims]
        if attempt.provider["userinfo_endpoint"] and not self._tells_enough(claims):
            sources.append(self._userinfo(attempt, tokens, claims["sub"]))
        return self._identity(sources)

    def _identity(self, sources: list[dict[str, Any]]) -> ExternalIdentity:
        """The identity in the ID token's claims and, after them, those of the userinfo endpoint. ``email_verified`` is
        of the address in the same source (OpenID Connect Core 1.0 §5.1). Only the ID token is signed, so only it says
        when the user was authenticated."""
        address = next((each for each in sources if _text(each.get("email"))), {})
        name, groups = (
            next((each[claim] for each in sources if claim in each), None)
            for claim in ("name", self._connection.groups_claim)
        )
        return ExternalIdentity(
            issuer=self._connection.issuer,
            subject=sources[0]["sub"],
            email=_text(address.get("email")),
            name=_text(name),
            groups=_texts(groups),
            email_verified=_flag(address.get("email_verified")),
            authenticated_at=_instant(sources[0].get("auth_time")),
        )

    def diagnose(self) -> tuple[DiagnosisStep, ...]:
        return tuple(self._steps())

    def check(self) -> None:
        """Raises ProviderUnavailable. Only discovery and keys are probed, which nobody but the provider influences. The
        client is not checked: a wrong client secret is no outage."""
        provider = self._discover()
        self._signing_keys(provider["jwks_uri"])

    def _steps(self) -> Iterator[DiagnosisStep]:
        try:
            provider = self._discover()
            yield DiagnosisStep("discovery", True, "The provider describes itself under its issuer.")
        except ProviderUnavailable as down:
            yield DiagnosisStep("discovery", False, _sentence(down))
            return
        try:
            keys = self._signing_keys(provider["jwks_uri"])
            yield DiagnosisStep("keys", True, f"It publishes {len(keys)} keys that can sign.")
        except ProviderUnavailable as down:
            yield DiagnosisStep("keys", False, _sentence(down))
        methods = provider.get("code_challenge_methods_supported")
        pkce = isinstance(methods, list) and "S256" in methods
        yield DiagnosisStep(
            "pkce", True, "It says that it supports PKCE." if pkce else "It does not say whether it supports PKCE."
        )
        try:
            yield self._try_client(provider)
        except ProviderUnavailable as down:
            yield DiagnosisStep("client", False, _sentence(down))

    def _try_client(self, provider: dict[str, Any]) -> DiagnosisStep:
        """Ask for tokens with an invented code: the error tells whether the provider refuses the client or only the
        code. Raises ProviderUnavailable."""
        method = self._method(provider)
        made_up, verifier = secrets.token_urlsafe(16), secrets.token_urlsafe(48)
        answer = _alive(
            self._ask_for_tokens(provider["token_endpoint"], method, made_up, verifier), "the token endpoint"
        )
        code = _code(_object(answer).get("error"))
        if code == "invalid_grant":
            return DiagnosisStep("client", True, "It accepts the client.")
        return DiagnosisStep("client", False, f"It does not accept the client: status {answer.status}, {code}.")

    def _discover(self) -> dict[str, Any]:
        """Raises ProviderUnavailable."""
        url = self._connection.issuer.rstrip("/") + "/.well-known/openid-configuration"
        found = json_of(_good(self._outbound.get(url), "the discovery document"))
        if found.get("issuer") != self._connection.issuer:  # Discovery 1.0 §4.3
            raise ProviderUnavailable("the discovery document is of another issuer")
        for name in (*_NEEDED, *(["userinfo_endpoint"] if found.get("userinfo_endpoint") else [])):
            if not isinstance(found.get(name), str):
                raise ProviderUnavailable(f"the discovery document lacks {name}")
            self._outbound.check_url(found[name])
        return found

    def _signing_keys(self, url: str) -> list[Key]:
        """The provider's keys that can sign tokens. Raises ProviderUnavailable."""
        listed = json_of(_good(self._outbound.get(url), "the key set")).get("keys")
        found = [_signing_key(each) for each in listed] if isinstance(listed, list) else []
        keys = [key for key in found if key is not None]
        if not keys:
            raise ProviderUnavailable("the key set has no key that signs")
        return keys

    def _exchange(self, attempt: SsoAttempt, code: str) -> dict[str, Any]:
        """Raises ProviderRefused, ProviderUnavailable."""
        known = attempt.provider
        answer = self._ask_for_tokens(str(known["token_endpoint"]), str(known["method"]), code, attempt.verifier)
        _alive(answer, "the token endpoint")
        if answer.status != 200:
            raise ProviderRefused(f"the token endpoint answers with {_code(_object(answer).get('error'))}")
        return json_of(answer)

    def _ask_for_tokens(self, endpoint: str, method: str, code: str, verifier: str) -> OutboundResponse:
        body = prepare_token_request(
            "authorization_code", redirect_uri=self._callback, code=code, code_verifier=verifier
        )
        secret, accepts = self._secret() if method != "none" else "", {"Accept": "application/json"}
        if method == "client_secret_basic":
            basic = _basic(self._connection.client_id, secret)
            return self._outbound.post_form(endpoint, dict(parse_qsl(body)), {**accepts, "Authorization": basic})
        client = ClientAuth(self._connection.client_id, secret, method)
        _, headers, body = client.prepare("POST", endpoint, accepts, body)
        return self._outbound.post_form(endpoint, dict(parse_qsl(body)), headers)

    def _verified(self, attempt: SsoAttempt, tokens: dict[str, Any], now: datetime) -> dict[str, Any]:
        """The ID token's claims (OpenID Connect Core 1.0 §3.1.3.7). Raises ProviderRefused, ProviderUnavailable."""
        token = _text(tokens.get("id_token"))
        verified = self._signed(token, self._signing_keys(str(attempt.provider["jwks_uri"])))
        expected = {"iss": self._connection.issuer, "aud": self._connection.client_id}
        options = {name: {"essential": True, "value": value} for name, value in expected.items()}
        params = {
            "nonce": attempt.request,
            "client_id": self._connection.client_id,
            "access_token": _text(tokens.get("access_token")),
        }
        claims = CodeIDToken(verified.claims, verified.header, options, params)
        try:
            claims.validate(now=int(now.timestamp()), leeway=int(DRIFT.total_seconds()))
        except (JoseError, ValueError, TypeError) as error:
            raise ProviderRefused(
                f"a claim of the ID token does not fit: {type(error).__name__}{_claim(error)}"
            ) from error
        if not 0 < len(claims["sub"]) <= _LONGEST_SUBJECT or not _text(claims["sub"]):
            raise ProviderRefused("the subject is empty, too long, or no text")
        return dict(claims)

    def _signed(self, token: str, keys: list[Key]) -> jwt.Token:
        """Raises ProviderRefused."""
        try:
            header: object = jws.extract_compact(token.encode(), registry=_REGISTRY).headers()
        except _UNREADABLE as error:
            raise ProviderRefused("the ID token cannot be read") from error
        if not isinstance(header, dict) or _EXTENSIONS & header.keys():
            raise ProviderRefused("the ID token cannot be read")
        if str(header.get("typ", "JWT")).lower() not in _TYPES:
            raise ProviderRefused("the token is of another type than an ID token")
        kid = header.get("kid")
        for key in [key for key in keys if kid is None or key.kid == kid]:
            try:
                return jwt.decode(token, key, registry=_REGISTRY)
            except _UNREADABLE:
                continue  # without a kid, another key may have signed
        raise ProviderRefused("no key of the provider has signed the ID token")

    def _userinfo(self, attempt: SsoAttempt, tokens: dict[str, Any], subject: str) -> dict[str, Any]:
        """Raises ProviderRefused, ProviderUnavailable."""
        bearer = {"Authorization": f"Bearer {_text(tokens.get('access_token'))}", "Accept": "application/json"}
        answer = _alive(self._outbound.get(str(attempt.provider["userinfo_endpoint"]), bearer), "the userinfo endpoint")
        if answer.status != 200:
            raise ProviderRefused(f"the userinfo endpoint answers with status {answer.status}")
        found = json_of(answer)
        if found.get("sub") != subject:  # OpenID Connect Core 1.0 §5.3.2
            raise ProviderRefused("the userinfo endpoint speaks of somebody else")
        return found

    def _tells_enough(self, claims: dict[str, Any]) -> bool:
        """Whether the ID token has all that is needed. Many providers give other claims only at the userinfo endpoint
        (OpenID Connect Core 1.0 §5.4)."""
        return bool(claims.get("email")) and (not self._connection.roles or self._connection.groups_claim in claims)

    def _scope(self, provider: dict[str, Any]) -> str:
        offered = provider.get("scopes_supported")
        groups = bool(self._connection.roles) and isinstance(offered, list) and "groups" in offered
        return "openid email profile" + (" groups" if groups else "")

    def _method(self, provider: dict[str, Any]) -> str:
        if not self._connection.sealed_secret:
            return "none"
        offered = provider.get("token_endpoint_auth_methods_supported")
        basic = not isinstance(offered, list) or "client_secret_basic" in offered
        return "client_secret_basic" if basic else "client_secret_post"


def _basic(client: str, secret: str) -> str:
    """The credentials are encoded as a form before they are joined (RFC 6749 §2.3.1): they may hold a colon."""
    joined = f"{quote_plus(client)}:{quote_plus(secret)}"
    return f"Basic {base64.b64encode(joined.encode()).decode()}"


def _signing_key(jwk: object) -> Key | None:
    """The public key in a JWK; None if it is not for signatures, malformed or too small."""
    if not isinstance(jwk, dict) or jwk.get("kty") not in ("RSA", "EC") or jwk.get("use", "sig") != "sig":
        return None
    try:
        key = JWKRegistry.import_key({name: value for name, value in jwk.items() if value is not None})
    except _UNREADABLE:
        return None
    return None if isinstance(key, RSAKey) and key.raw_value.key_size < _SMALLEST_RSA_KEY else key


def _alive(answer: OutboundResponse, what: str) -> OutboundResponse:
    """Raises ProviderUnavailable."""
    if answer.status >= 500 or answer.status == 429:
        raise ProviderUnavailable(f"{what} answers with status {answer.status}")
    return answer


def _good(answer: OutboundResponse, what: str) -> OutboundResponse:
    """Raises ProviderUnavailable."""
    if answer.status == 429:
        raise ProviderBusy(f"{what} is answered with status 429")
    if answer.status != 200:
        raise ProviderUnavailable(f"{what} is answered with status {answer.status}")
    return answer


def _object(answer: OutboundResponse) -> dict[str, Any]:
    try:
        return json_of(answer)
    except ProviderUnavailable:
        return {}


def _code(value: object) -> str:
    """The OAuth error code for the audit trail. Other texts are left out, because a provider can send anything."""
    return value if isinstance(value, str) and _CODE.fullmatch(value) else "an unknown error"


def _claim(error: Exception) -> str:
    claim = getattr(error, "claim", "")
    return f" {claim}" if isinstance(claim, str) and _CODE.fullmatch(claim) else ""


def _text(value: object) -> str:
    """The text; '' for anything else, also for one that is not Unicode because of a lone surrogate (RFC 8259 §8.2)."""
    return value if isinstance(value, str) and is_unicode(value) else ""


def _flag(value: object) -> bool | None:
    """A boolean claim, which some providers send as text; None if it is missing. Anything else is not true."""
    if value is None:
        return None
    return value is True or (isinstance(value, str) and value.lower() == "true")


def _instant(seconds: object) -> datetime | None:
    """The time of a claim; None if the claim is missing or no time."""
    try:
        return datetime.fromtimestamp(seconds, UTC) if type(seconds) in (int, float) else None  # type: ignore[arg-type]
    except (OverflowError, ValueError, OSError):
        return None


def _texts(value: object) -> tuple[str, ...] | None:
    """The texts of a claim; None if it is missing."""
    if value is None:
        return None
    listed = value if isinstance(value, list) else [value]
    return tuple(text for text in map(_text, listed) if text)


def _sentence(down: ProviderUnavailable) -> str:
    text = str(down)
    return f"{text[:1].upper()}{text[1:]}."
