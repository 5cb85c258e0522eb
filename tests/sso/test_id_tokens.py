"""ID tokens and key sets that a careless reader would accept: joserfc alone would read them, or fail on them.

The provider's own key has signed each token. So only its form, or the entry of the key in the key set, can be the
reason to refuse it.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from joserfc import jwe, jwt
from joserfc.errors import SecurityWarning
from joserfc.jwk import RSAKey

from tests.sso.providers.oidc import EC, RSA, FakeOidc, serving
from tests.sso.test_oidc import UNSIGNED, connect, log_in, reasons, refused
from tests.support.mocked_region import House

pytestmark = pytest.mark.slow


@pytest.fixture
def idp() -> Iterator[FakeOidc]:
    with serving(FakeOidc()) as provider:
        yield provider


def unsigned(house: House) -> int:
    """The number of log-ins that were refused because the token's signature was wrong or the token unreadable. No other
    reason may occur."""
    found = reasons(house)
    assert set(found) <= set(UNSIGNED)
    return len(found)


def _encoded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def _by_provider(header: object, payload: str, part: Callable[[str], str] = lambda segment: segment) -> str:
    """Exactly these texts, signed by the provider's own key. ``part`` encodes the payload."""
    text = header if isinstance(header, str) else json.dumps(header)
    signed = f"{_encoded(text.encode())}.{part(_encoded(payload.encode()))}"
    assert RSA.private_key is not None
    signature = RSA.private_key.sign(signed.encode(), PKCS1v15(), SHA256())
    return f"{signed}.{_encoded(signature)}"


HEAD = {"alg": "RS256", "kid": "rsa-1"}
OURS = RSAKey.generate_key(2048, {"use": "enc"})  # as if it were registered for encryption to this platform
HEADERS = {
    **{
        f"crit {crit!r}": {**HEAD, "crit": crit}
        for crit in ([], ["kid"], ["alg", "kid"], ["exp"], ["x"], [1], [None], [[]], {}, 1, True, None, "kid")
    },
    **{f"b64 {b64!r}": {**HEAD, "b64": b64} for b64 in (True, False, None, 0, 1, "false")},
    **{f"b64 {b64!r}, critical": {**HEAD, "b64": b64, "crit": ["b64"]} for b64 in (True, False, None, 0, 1, "false")},
    "zip": {**HEAD, "zip": "DEF"},
    "enc": {**HEAD, "enc": "A256GCM"},
    "an unknown member": {**HEAD, "x": 1},
    **{f"kid {kid!r}": {**HEAD, "kid": kid} for kid in (None, 1, True, ["rsa-1"], {"rsa-1": 1}, "", "RSA-1", "rsa-1 ")},
    **{f"alg {alg!r}": {**HEAD, "alg": alg} for alg in (None, 1, ["RS256"], {"RS256": 1}, "", "rs256", "none", "RSA1_5", "dir")},
    "no alg": {"kid": "rsa-1"},
    **{f"that is {text}": text for text in ('"alg"', '"alg b64 crit"', '["alg"]', '["alg", "b64"]', "null", "7", "{", "NaN", "[" * 300)},
}  # fmt: skip


def test_a_header_that_no_id_token_has_is_refused(house: House, idp: FakeOidc) -> None:
    connect(house, house.moves_in(), idp)
    for kind, header in HEADERS.items():
        idp.token = lambda claims, header=header: _by_provider(header, json.dumps(claims))
        assert refused(log_in(house, idp)), kind
    assert unsigned(house) == len(HEADERS)


FORMS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "a payload that is not encoded (RFC 7797)": lambda claims: _by_provider(
        {**HEAD, "b64": False, "crit": ["b64"]}, json.dumps(claims), lambda segment: json.dumps(claims).replace(".", "")
    ),
    "detached": lambda claims: _detached(_by_provider(HEAD, json.dumps(claims))),
    "padded": lambda claims: _by_provider(HEAD, json.dumps(claims)) + "==",
    "a signature key_text otherwise": lambda claims: _respelt(_by_provider(HEAD, json.dumps(claims))),
    "a line feed behind": lambda claims: _by_provider(HEAD, json.dumps(claims)) + "\n",
    "as JSON": lambda claims: json.dumps(_as_json(_by_provider(HEAD, json.dumps(claims)))),
    "as JSON, not as text": lambda claims: _as_json(_by_provider(HEAD, json.dumps(claims))),
    "encrypted": lambda claims: jwe.encrypt_compact(
        {"alg": "RSA-OAEP", "enc": "A256GCM", "kid": "rsa-1"}, json.dumps(claims), OURS, ["RSA-OAEP", "A256GCM"]
    ),
    "inside a token": lambda claims: _by_provider({**HEAD, "cty": "JWT"}, _by_provider(HEAD, json.dumps(claims))),
    "a lone surrogate": lambda claims: "\ud800.x.y",
    **{
        f"a payload that is {payload[:9]}": lambda claims, payload=payload: _by_provider(HEAD, payload)
        for payload in ("", "[]", "null", "7", '"sub"', "{", "NaN", "[" * 20_000, '{"a":' * 5_000)
    },
    "claims with more behind": lambda claims: _by_provider(HEAD, json.dumps(claims) + "{}"),
}


def _detached(token: str) -> str:
    head, _, signature = token.split(".")
    return f"{head}..{signature}"


def _respelt(token: str) -> str:
    """Another spelling of the same bytes: the unused bits of the last character are set."""
    last = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    assert len(token.split(".")[2]) % 4
    return token[:-1] + last[last.index(token[-1]) + 1]


def _as_json(token: str) -> dict[str, str]:
    return dict(zip(("protected", "payload", "signature"), token.split("."), strict=True))


def test_a_form_that_no_id_token_has_is_refused(house: House, idp: FakeOidc) -> None:
    connect(house, house.moves_in(), idp)
    for kind, form in FORMS.items():
        idp.token = form
        assert refused(log_in(house, idp)), kind
    assert unsigned(house) == len(FORMS)


def test_a_token_that_is_assembled_by_hand_is_accepted(house: House, idp: FakeOidc) -> None:
    """Shows that the refusals above are for the reason that each names."""
    connect(house, house.moves_in(), idp)
    idp.token = lambda claims: _by_provider({**HEAD, "typ": "JWT"}, json.dumps(claims))
    assert log_in(house, idp).status == 200


@dataclass
class Listed:
    """A key as the provider's key set lists it."""

    jwk: Any

    def as_dict(self, private: bool) -> Any:
        return self.jwk


def listed(key: RSAKey = RSA, **members: Any) -> Listed:
    return Listed({**key.as_dict(private=False), **members})


def small_key() -> RSAKey:
    with pytest.warns(SecurityWarning):
        return RSAKey.generate_key(1024, {"kid": "rsa-1", "use": "sig"})


OF_NO_USE: list[dict[str, Any]] = [
    {"use": "enc"},
    {"use": "x"},
    {"use": None},
    {"use": ["sig"]},
    {"alg": "RS512"},
    {"alg": "PS256"},
    {"alg": "ES256"},
    {"alg": "HS256"},
    {"alg": "RSA-OAEP"},
    {"alg": ["RS256"]},
    {"key_ops": ["sign"]},
    {"key_ops": ["encrypt"]},
    {"key_ops": []},
    {"key_ops": [[]]},
    {"use": "sig", "key_ops": ["verify", "wrapKey"]},
    {"kty": "oct", "k": "c2VjcmV0"},
    {"kty": "EC"},
    {"kty": ["RSA"]},
    {"kid": "rsa-2"},
    {"kid": ["rsa-1"]},
    {"e": "AQ"},
    {"e": "AA"},
    {"n": ""},
    {"n": 7},
    {"x5c": "MIIB"},
]


def test_a_key_that_must_not_sign_is_not_used(house: House, idp: FakeOidc) -> None:
    connect(house, house.moves_in(), idp)
    for members in OF_NO_USE:
        idp.keys = [listed(**members), EC]
        assert refused(log_in(house, idp)), members
    assert reasons(house) == [UNSIGNED[0]] * len(OF_NO_USE)


def test_a_key_of_less_than_2048_bits_is_not_used(house: House, idp: FakeOidc) -> None:
    """RFC 7518 §3.3."""
    connect(house, house.moves_in(), idp)
    small = small_key()
    idp.keys = [listed(small), EC]
    idp.token = lambda claims: jwt.encode(dict(HEAD), claims, small)
    assert refused(log_in(house, idp))
    assert reasons(house) == [UNSIGNED[0]]


def test_a_key_that_may_sign_is_used(house: House, idp: FakeOidc) -> None:
    connect(house, house.moves_in(), idp)
    for members in ({"alg": "RS256"}, {"alg": None}, {"key_ops": ["verify"]}, {"x5t": None}, {"x": "unknown"}):
        idp.keys = [*map(Listed, (7, None, [], "rsa-1", {})), EC, listed(**members)]
        assert log_in(house, idp).status == 200, members
