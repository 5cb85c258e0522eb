"""Every operation of the API refuses every kind of invalid token."""

from __future__ import annotations

import hmac
import json
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from joserfc import jwk, jws

from tests.e2e.client import Session, TenantSite, problem, sign_in
from tests.e2e.conftest import US
from tests.e2e.operations import OPERATIONS, Operation
from tests.e2e.test_keys_over_http import program

FOR_EVERYBODY = {
    "GET /v1/health",
    "GET /v1/openapi.json",
    "GET /v1/auth/jwks.json",
    *(f"POST /v1/auth/{what}" for what in ("login", "logout", "refresh", "invitations/accept", "passkey", "mfa")),
    *(f"POST /v1/auth/{what}" for what in ("password/forgot", "password/reset", "passkey/options")),
    *(f"POST /v1/auth/mfa/{what}" for what in ("enrolment", "enrolment/confirm", "passkey-options")),
    *("GET /v1/sso/login", "GET /v1/sso/callback", "POST /v1/sso/acs", "GET /v1/sso/metadata"),
}
UNKNOWN = dict.fromkeys(("tenant_id", "name", "urn", "principal", "session_id", "passkey_id"), "x_" + "0" * 26)
UNKNOWN |= {"user_id": "usr_" + "0" * 26, "group_id": "grp_" + "0" * 26, "node_id": "root", "folder_id": "root"}
UNKNOWN |= {"document_id": "doc_" + "0" * 26, "key_id": "key_" + "0" * 26, "account_id": "usr_" + "0" * 26}


def part(text: str) -> Any:
    return json.loads(urlsafe_b64decode(text + "=" * (-len(text) % 4)))


def spelled(value: object) -> str:
    return urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


class Forger:
    """An attacker who has a valid token of a tenant, and knows what is public."""

    def __init__(self, session: Session, email: str) -> None:
        self.session, self.email = session, email
        header, claims, self.signature = session.token.split(".")
        self.header, self.claims = part(header), part(claims)
        self.public = session.site.ask("GET", "/v1/auth/jwks.json").json()["keys"][0]
        self.own = rsa.generate_private_key(public_exponent=65537, key_size=2048)

    def spelled(self, header: dict[str, Any], claims: dict[str, Any], signature: str = "") -> str:
        return f"{spelled(header)}.{spelled(claims)}.{signature}"

    def signed_by_kms(self, **claims: object) -> str:
        """A token signed with the platform's key, whose claims are wrong."""
        message = f"{spelled(self.header)}.{spelled({**self.claims, **claims})}"
        keys = self.session.site.cloud.root("kms", US)
        (alias,) = [each for each in keys.list_aliases()["Aliases"] if "token" in each["AliasName"]]
        made = keys.sign(
            KeyId=alias["TargetKeyId"],
            Message=message.encode(),
            MessageType="RAW",
            SigningAlgorithm="RSASSA_PKCS1_V1_5_SHA_256",
        )
        return f"{message}.{urlsafe_b64encode(made['Signature']).rstrip(b'=').decode()}"

    def signed_by_the_forger(self, **header: object) -> str:
        key = jwk.import_key(self.own, "RSA")
        return jws.serialize_compact({**self.header, **header}, json.dumps(self.claims).encode(), key)

    def signed_with_the_public_key(self) -> str:
        """A token signed with RS256's public key as if it were a secret of HS256 (CVE-2015-9235)."""
        secret = jwk.import_key(self.public, "RSA").as_pem(private=False)
        message = f"{spelled({**self.header, 'alg': 'HS256'})}.{spelled(self.claims)}"
        return f"{message}.{urlsafe_b64encode(hmac.digest(secret, message.encode(), 'sha256')).rstrip(b'=').decode()}"

    def logged_out(self) -> str:
        """A token whose session ended before the platform saw the token."""
        site = self.session.site
        ended = sign_in(site, self.email)
        assert (
            site.ask("POST", "/v1/auth/logout", json={"refresh_token": ended.tokens["refresh_token"]}).status_code
            == 204
        )
        return ended.token


@pytest.fixture
def forger(acme: TenantSite) -> Forger:
    """New for each test: the token that is changed must be valid until the end of the test."""
    return Forger(acme.admin.session, acme.admin.email)


PAST = 1_700_000_000
BAD: dict[str, Callable[[Forger], str]] = {
    "none": lambda forger: "",
    "no token": lambda forger: "nonsense",
    "without signature": lambda forger: forger.spelled(forger.header, forger.claims),
    "alg none": lambda forger: forger.spelled({"alg": "none", "typ": "JWT"}, forger.claims),
    "alg None": lambda forger: forger.spelled({**forger.header, "alg": "None"}, forger.claims, forger.signature),
    "another's claims under a good signature": lambda forger: forger.spelled(
        forger.header, {**forger.claims, "sub": "usr_" + "0" * 26}, forger.signature
    ),
    "signed with the public key": lambda forger: forger.signed_with_the_public_key(),
    "signed by the forger": lambda forger: forger.signed_by_the_forger(),
    "signed by the forger, who says so": lambda forger: forger.signed_by_the_forger(kid="forger"),
    "signed by the forger, who encloses the key": lambda forger: forger.signed_by_the_forger(
        jwk=jwk.import_key(forger.own, "RSA").as_dict(private=False)
    ),
    "expired": lambda forger: forger.signed_by_kms(iat=PAST, nbf=PAST, exp=PAST + 900),
    "from the future": lambda forger: forger.signed_by_kms(
        iat=int(time.time()) + 3600, nbf=int(time.time()) + 3600, exp=int(time.time()) + 4500
    ),
    "by another issuer": lambda forger: forger.signed_by_kms(iss="https://elsewhere.example"),
    "for another audience": lambda forger: forger.signed_by_kms(aud="elsewhere"),
    "of no session": lambda forger: forger.signed_by_kms(sid="ses_" + "0" * 26),
    "a refresh token": lambda forger: str(forger.session.tokens["refresh_token"]),
    "logged out": lambda forger: forger.logged_out(),
}


def test_what_is_open_to_everybody_is_meant_to_be() -> None:
    assert {str(each) for each in OPERATIONS if not each.schemes} == FOR_EVERYBODY


def refuses(forger: Forger, operation: Operation, token: str, status: int = 401) -> list[str]:
    """What is wrong with the operation's answer."""
    headers = {"Content-Type": operation.media_type} if operation.media_type else {}
    answer = forger.session.site.ask(
        operation.method, operation.at(**UNKNOWN), json=operation.body, headers=headers, token=token
    )
    told = []
    of_operators = operation.schemes == {"operator"}  # signed by SigV4: without that there is nothing at that address
    if answer.status_code not in ((400, 403, 404) if of_operators else (status,)):
        told.append(f"{operation}: {answer.status_code} {answer.text[:200]}")
    if not answer.headers["Content-Type"].startswith("application/problem+json"):
        told.append(f"{operation}: {answer.headers['Content-Type']}")
    return told


@pytest.mark.parametrize("kind", BAD)
def test_no_operation_takes_a_bad_token(kind: str, forger: Forger) -> None:
    token = BAD[kind](forger)
    assert not [line for each in OPERATIONS if each.schemes for line in refuses(forger, each, token)]
    good = forger.session.site.ask("GET", "/v1/me", token=forger.signed_by_kms())
    assert good.status_code == 200, "the refusals were for what is wrong in the token, and for nothing else"


def test_no_operation_takes_a_token_of_another_tenant(forger: Forger, hooli: TenantSite) -> None:
    assert not [line for each in OPERATIONS if each.schemes for line in refuses(forger, each, hooli.admin.token, 403)]


def test_what_is_for_people_takes_no_key(acme: TenantSite) -> None:
    key = program(acme.admin, "read", "search", "write", "delete", "manage-users", "audit").token
    for operation in OPERATIONS:
        if "token" in operation.schemes and "key" not in operation.schemes:
            answer = acme.site.ask(operation.method, operation.at(**UNKNOWN), json=operation.body, token=key)
            assert problem(answer) == (403, "session_needed"), operation
