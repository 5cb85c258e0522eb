"""Access tokens while the signing key is replaced."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from docplatform.authentication.access_token import TokenRefused
from docplatform.authentication.adapters.kms_tokens import KmsTokens
from docplatform.authentication.adapters.token_format import header, segment
from docplatform.authentication.wiring import access_tokens
from docplatform.authentication.wiring.access_tokens import tokens
from docplatform.runtime.settings import AuthorizerSettings, load
from tests.authentication.test_bad_tokens import UNAUTHORIZED
from tests.conftest import Environment
from tests.support.mocked_aws import new_signing_key
from tests.support.mocked_region import House

Deploy = Callable[..., None]


@pytest.fixture
def deploy(environment: Environment) -> Any:
    """Start new Lambda environments with these keys in this order."""

    def with_keys(*arns: str) -> None:
        environment.has(TOKEN_KEY_ARNS=json.dumps(arns))
        access_tokens.tokens.cache_clear()

    yield with_keys
    environment.is_mended()
    access_tokens.tokens.cache_clear()


def kid(token: str) -> str:
    return str(jwt.get_unverified_header(token)["kid"])


def published(house: House) -> list[str]:
    return [key["kid"] for key in house.asks("GET", "/v1/auth/jwks.json")["keys"]]


def lets_in(house: House, token: str) -> bool:
    try:
        return house.authorizes(token)["context"]["user_id"] != ""
    except Exception as error:
        assert str(error) == "Unauthorized"
        return False


def test_replacing_the_signing_key_logs_nobody_out(house: House, deploy: Deploy) -> None:
    (old,), new = load(AuthorizerSettings).token_key_arns, new_signing_key()
    entry = house.moves_in()
    by_old = entry["access_token"]
    assert published(house) == [kid(by_old)]

    deploy(old, new)  # announced: the new key is published before it signs
    assert published(house)[0] == kid(by_old) and len(published(house)) == 2
    announced = published(house)[1]

    deploy(new, old)
    by_new = house.logs_in()["access_token"]
    assert kid(by_new) == announced != kid(by_old)
    assert published(house) == [kid(by_new), kid(by_old)]
    assert lets_in(house, by_old) and lets_in(house, by_new)

    deploy(new)
    assert published(house) == [kid(by_new)]
    assert not lets_in(house, by_old)
    assert lets_in(house, by_new)
    assert house.trail[-1]["facts"] == {"reason": "unknown key"}
    assert lets_in(house, house.refreshes(entry)["access_token"])  # no key signs a refresh token


def test_anybody_can_verify_a_token_with_the_published_keys(house: House, deploy: Deploy) -> None:
    deploy(new_signing_key(), *load(AuthorizerSettings).token_key_arns)
    token = house.moves_in()["access_token"]
    answer = house.asks("GET", "/v1/auth/jwks.json")
    assert answer.headers["Cache-Control"] == "public, max-age=300"
    (key,) = [each for each in jwt.PyJWKSet.from_dict(answer.body).keys if each.key_id == kid(token)]
    assert jwt.decode(token, key, algorithms=["RS256"], audience=house.facts["id"])["tid"] == house.facts["id"]
    assert all({"d", "p", "q", "dp", "dq", "qi"}.isdisjoint(each) for each in answer["keys"])


def test_other_answers_are_not_cached(house: House) -> None:
    assert house.asks("GET", "/v1/me", token=house.moves_in()["access_token"]).headers["Cache-Control"] == "no-store"


def test_a_kid_is_the_thumbprint_of_rfc_7638(house: House) -> None:
    for key in house.asks("GET", "/v1/auth/jwks.json")["keys"]:
        members = '{"e":"' + key["e"] + '","kty":"RSA","n":"' + key["n"] + '"}'
        expected = base64.urlsafe_b64encode(hashlib.sha256(members.encode()).digest()).rstrip(b"=").decode()
        assert key["kid"] == expected


def test_the_thumbprint_of_the_rfcs_own_example() -> None:
    """RFC 7638 §3.1."""
    n = (
        "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn"
        "64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n9"
        "1CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"
    )
    key = jwt.PyJWK({"kty": "RSA", "n": n, "e": "AQAB"}, algorithm="RS256").key
    assert KmsTokens(KmsWith(key), ["arn"], "us-east-1").key_id == "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"


class KmsWith:
    """A KMS that has this one key."""

    def __init__(self, public: Any) -> None:
        self._der = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)

    def get_public_key(self, KeyId: str) -> dict[str, bytes]:
        return {"PublicKey": self._der}


@pytest.mark.parametrize(
    "make",
    [
        lambda: rsa.generate_private_key(65537, 1024),
        lambda: rsa.generate_private_key(65537, 2040),
        lambda: ec.generate_private_key(ec.SECP256R1()),
        lambda: ed25519.Ed25519PrivateKey.generate(),
    ],
    ids=["RSA 1024", "RSA 2040", "P-256", "Ed25519"],
)
def test_a_key_that_rs256_forbids_is_never_used(make: Callable[[], Any]) -> None:
    """RFC 7518 §3.3: RSA, of 2,048 bits or more."""
    private = make()
    kms = KmsWith(private.public_key())
    for use in (
        lambda made: made.key_set(),
        lambda made: made.key_id,
        lambda made: made.read(f"{segment(dict(header('x')))}.{segment({})}.AAAA", datetime.now(UTC)),
    ):
        with pytest.raises(ValueError, match="RSA keys of 2048 bits or more"):
            use(KmsTokens(kms, ["arn"], "us-east-1"))


def test_a_published_key_says_what_it_is_for(house: House) -> None:
    for key in house.asks("GET", "/v1/auth/jwks.json")["keys"]:
        assert set(key) == {"kty", "use", "alg", "kid", "n", "e"}
        assert (key["kty"], key["use"], key["alg"]) == ("RSA", "sig", "RS256")


class CountingKms:
    def __init__(self, client: Any) -> None:
        self._client, self.asked = client, list[str]()

    def get_public_key(self, **request: str) -> Any:
        self.asked.append(request["KeyId"])
        return self._client.get_public_key(**request)


@pytest.mark.parametrize("count", [1, 3])
def test_each_key_is_fetched_once_whatever_unknown_kids_come(house: House, count: int) -> None:
    arns = [*load(AuthorizerSettings).token_key_arns, *(new_signing_key() for _ in range(count - 1))]
    kms = CountingKms(tokens()._client)
    reader, now = KmsTokens(kms, arns, "us-east-1"), datetime.now(UTC)
    token = house.moves_in()["access_token"]
    assert reader.read(token, now).tenant_id == house.facts["id"]
    assert kms.asked == arns[:1]  # the first was the one
    for strange in ("x", "y", "z"):
        with pytest.raises(TokenRefused, match="unknown key"):
            reader.read(f"{segment(dict(header(strange)))}.{token.partition('.')[2]}", now)
    reader.key_set()
    assert kms.asked == arns


def test_without_a_key_there_are_no_tokens() -> None:
    with pytest.raises(ValueError, match="signing key"):
        KmsTokens(None, [], "us-east-1")


def test_a_token_of_a_key_that_is_no_longer_listed_is_401(house: House, deploy: Deploy) -> None:
    token = house.moves_in()["access_token"]
    deploy(new_signing_key())
    with pytest.raises(Exception, match=UNAUTHORIZED):
        house.authorizes(token)
