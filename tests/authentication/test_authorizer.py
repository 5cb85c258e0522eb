"""The authorizer as API Gateway calls it: which tokens it allows, which it refuses, and what it records."""

from __future__ import annotations

import base64
import hmac
import json
import secrets
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from docplatform.authentication.access_token import Claims
from docplatform.authentication.adapters.kms_tokens import issuer
from docplatform.authentication.wiring.access_tokens import tokens
from docplatform.identity.adapters.keys import IdentityKeys
from docplatform.tenancy.items import from_text
from tests.conftest import Environment
from tests.support.mocked_aws import REGION, ROOT, Cloud
from tests.support.mocked_region import House, new_house

UNAUTHORIZED = "^Unauthorized$"  # API Gateway answers 401 for exactly this text


def effect(answer: dict[str, Any]) -> str:
    (statement,) = answer["policyDocument"]["Statement"]
    return str(statement["Effect"])


# -- allowed


def test_a_good_token_is_allowed_for_the_whole_stage(house: House) -> None:
    answer = house.authorizes(house.moves_in()["access_token"])
    (statement,) = answer["policyDocument"]["Statement"]
    assert statement == {
        "Action": "execute-api:Invoke",
        "Effect": "Allow",
        "Resource": "arn:aws:execute-api:us-east-1:111111111111:70ixmpl4fl/live/*",
    }
    context = answer["context"]
    assert (context["role"], context["user_id"]) == ("admin", answer["principalId"])
    assert from_text(context["tenant"]).id == house.facts["id"]
    assert all(isinstance(value, str) for value in context.values())  # API Gateway passes only strings on


@pytest.mark.parametrize("form", ["Bearer {}", "bearer {}", "BEARER  {} "])
def test_the_scheme_is_read_by_rfc_9110(house: House, form: str) -> None:
    header = form.format(house.moves_in()["access_token"])
    assert effect(house.authorizes("", header=header)) == "Allow"


@pytest.mark.parametrize("host", ["{}.us.example", "{}.US.EXAMPLE:443", "{}.localhost:8101"])
def test_the_host_names_the_tenant(house: House, host: str) -> None:
    token = house.moves_in()["access_token"]
    assert house.authorizes(token, host=host.format(house.subdomain.upper()))["context"]["user_id"]


def test_the_role_is_the_one_that_the_user_has_now(house: House) -> None:
    token = house.moves_in()["access_token"]
    user_id = house.authorizes(token)["context"]["user_id"]
    house.sets(house.keys(IdentityKeys).user(user_id), role="viewer")
    assert house.authorizes(token)["context"]["role"] == "viewer"


# -- requests to the wrong place: the function's routing tells them why (docs/adr/0004)


def test_an_unknown_host_passes_without_a_user(house: House) -> None:
    answer = house.authorizes(house.moves_in()["access_token"], host="nobody-there.us.example")
    assert (effect(answer), answer["context"]) == ("Allow", {})


@pytest.mark.parametrize(
    ("name", "value", "status", "code"),
    [("region", "eu-central-1", 421, "wrong_region"), ("status", "suspended", 403, "tenant_suspended")],
)
def test_a_tenant_that_is_elsewhere_or_suspended_is_told_so(
    house: House, name: str, value: str, status: int, code: str
) -> None:
    token = house.moves_in()["access_token"]
    house.is_registered_as(**{name: value})
    answer = house.authorizes(token)
    assert (effect(answer), answer["context"]) == ("Allow", {})
    told = house.asks("GET", "/v1/me", token=token)
    assert (told.status, told["code"]) == (status, code)
    assert house.logs_in()["code"] == code  # and no user can log in there


# -- refused: 401


@pytest.mark.parametrize("header", ["", "Bearer", "Bearer ", "Basic YTpi", "token"])
def test_a_missing_token_is_401_and_on_record(house: House, header: str) -> None:
    with pytest.raises(Exception, match=UNAUTHORIZED):
        house.authorizes("", header=header)
    assert house.actions.count("token.refused") == 1


def test_an_expired_token_is_401_and_on_record(house: House) -> None:
    with pytest.raises(Exception, match=UNAUTHORIZED):
        house.authorizes(forged(house)["expired"])
    assert house.actions.count("token.refused") == 1


def forged(house: House) -> dict[str, str]:
    """Tokens that an attacker could send, each made from a good token of this tenant."""
    good = house.moves_in()["access_token"]
    head, body, signature = good.split(".")
    facts = jwt.decode(good, options={"verify_signature": False})
    kid = jwt.get_unverified_header(good)["kid"]
    claims = Claims(facts["tid"], facts["sub"], facts["sid"])
    stranger = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    public = next(iter(tokens()._public.values())).public_key
    der = public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    pem = public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    now = datetime.now(UTC)

    def segment(value: object) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

    def hmac_signed(key: bytes) -> str:
        signed = f"{segment({'alg': 'HS256', 'kid': kid})}.{body}"
        mac = hmac.digest(key, signed.encode(), "sha256")
        return f"{signed}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"

    def foreign_key(**header: str) -> str:
        return jwt.encode(facts, stranger, algorithm="RS256", headers={"kid": kid, **header})

    return {
        "not a token": "a.b.c",
        "not even that": "\N{SNOWMAN}",
        "alg none": f"{segment({'alg': 'none', 'kid': kid})}.{body}.",
        "alg none, signed": f"{segment({'alg': 'none', 'kid': kid})}.{body}.{signature}",
        "another algorithm": jwt.encode(facts, stranger, algorithm="PS256", headers={"kid": kid}),
        "another payload": f"{head}.{segment({**facts, 'role': 'admin', 'sub': 'usr_x'})}.{signature}",
        "a longer life": f"{head}.{segment({**facts, 'exp': facts['exp'] + 9_000})}.{signature}",
        "no signature": f"{head}.{body}.",
        "half a signature": good[:-20],
        "a payload that is no object": f"{head}.{segment([1])}.{signature}",
        "another key": foreign_key(),
        "another kid": foreign_key(kid="x"),
        "a kid that is a path": foreign_key(kid="../../dev/null"),
        "a key of its own": foreign_key(jku="https://evil.example/jwks.json"),
        "no kid": jwt.encode(facts, stranger, algorithm="RS256"),
        "public key (DER) as a secret": hmac_signed(der),
        "public key (PEM) as a secret": hmac_signed(pem),
        "expired": tokens().issue(claims, "admin", "j", now - timedelta(minutes=16)),
        "no such session": tokens().issue(Claims(claims.tenant_id, claims.user_id, "ses_x"), "admin", "j", now),
        "no such user": tokens().issue(Claims(claims.tenant_id, "usr_x", claims.session_id), "admin", "j", now),
    }


@pytest.mark.slow
def test_forged_tokens_are_401_and_on_record(house: House) -> None:
    for kind, token in forged(house).items():
        before = house.actions.count("token.refused")
        with pytest.raises(Exception, match=UNAUTHORIZED):
            house.authorizes(token)
            pytest.fail(kind)
        assert house.actions.count("token.refused") == before + 1, kind
        assert len(token) < 10 or token not in json.dumps(house.trail, default=str), kind


def test_a_token_of_another_region_is_401(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    facts = jwt.decode(house.moves_in()["access_token"], options={"verify_signature": False})
    assert facts["iss"] == issuer(REGION)
    monkeypatch.setattr(tokens(), "_region", "eu-central-1")
    theirs = tokens().issue(Claims(facts["tid"], facts["sub"], facts["sid"]), "admin", "j", datetime.now(UTC))
    monkeypatch.undo()
    with pytest.raises(Exception, match=UNAUTHORIZED):
        house.authorizes(theirs)


# -- refused: the session or its user has ended


def disable(house: House, entry: dict[str, str]) -> None:
    user_id = house.authorizes(entry["access_token"])["context"]["user_id"]
    house.sets(house.keys(IdentityKeys).user(user_id), status="disabled")


def revoke(house: House, entry: dict[str, str]) -> None:
    token = entry["access_token"]
    (session,) = house.asks("GET", "/v1/sessions", token=token)["items"]
    assert house.asks("DELETE", f"/v1/sessions/{session['id']}", token=token).status == 204


def log_out(house: House, entry: dict[str, str]) -> None:
    assert house.asks("POST", "/v1/auth/logout", {"refresh_token": entry["refresh_token"]}).status == 204


def let_it_rest(house: House, entry: dict[str, str]) -> None:
    session_id = house.authorizes(entry["access_token"])["context"]["session_id"]
    house.sets(house.keys(IdentityKeys).session(session_id), expires_at="2026-01-01T00:00:00.000Z")


@pytest.mark.parametrize("end", [disable, revoke, log_out, let_it_rest])
def test_a_token_outlives_neither_its_session_nor_its_user(
    house: House, end: Callable[[House, dict[str, str]], None]
) -> None:
    entry = house.moves_in()
    end(house, entry)
    with pytest.raises(Exception, match=UNAUTHORIZED):
        house.authorizes(entry["access_token"])
    assert house.actions[-1] == "token.refused"
    assert house.refreshes(entry)["code"] == "invalid_refresh_token"


def test_a_token_with_another_users_session_is_refused(house: House) -> None:
    admin = house.moves_in()["access_token"]
    house.invites("vi@x.example", admin)
    viewer = house.authorizes(house.moves_in("vi@x.example", "Vi")["access_token"])["context"]
    theirs = house.authorizes(admin)["context"]["session_id"]
    mixed = Claims(house.facts["id"], viewer["user_id"], theirs)
    with pytest.raises(Exception, match=UNAUTHORIZED):
        house.authorizes(tokens().issue(mixed, "admin", "j", datetime.now(UTC)))


# -- refused: 403


def test_a_token_of_another_tenant_is_denied_and_on_record_where_it_was_tried(house: House, region: Cloud) -> None:
    other = new_house(region)
    token = house.moves_in()["access_token"]
    answer = other.authorizes(token)
    assert (effect(answer), answer["context"]) == ("Deny", {})
    assert other.trail[-1]["action"] == "token.refused"
    assert other.trail[-1]["actor"] == "unknown"  # a user of another tenant, whom this tenant must not see
    assert "token.refused" not in house.actions
    assert token not in json.dumps(other.trail, default=str)


# -- when the trail cannot be written


def test_a_refusal_that_cannot_be_recorded_is_still_a_refusal(
    house: House, region: Cloud, environment: Environment, capsys: pytest.CaptureFixture[str]
) -> None:
    other = new_house(region)
    entry = house.moves_in()
    disabled = other.moves_in()
    disable(other, disabled)
    environment.has(AUDIT_TABLE="not-there")
    capsys.readouterr()
    assert effect(other.authorizes(entry["access_token"])) == "Deny"
    for token in (disabled["access_token"], f"a.{secrets.token_hex(20)}.c"):
        with pytest.raises(Exception, match=UNAUTHORIZED):
            other.authorizes(token)
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["level"] for line in lines if "event" in line] == ["ERROR", "ERROR", "ERROR"]


def test_a_token_that_cannot_be_checked_is_not_allowed(house: House, environment: Environment) -> None:
    token = house.moves_in()["access_token"]
    environment.has(DATA_TABLE="not-there")
    with pytest.raises(Exception, match="not found") as error:
        house.authorizes(token)
    assert str(error.value) != "Unauthorized"  # API Gateway answers 500: it is not the caller's fault


# -- what it costs


def test_its_import_is_light() -> None:
    """The authorizer has more cold starts than any other function."""
    program = "import sys, authorizer.handler; print(*sys.modules)"
    found = subprocess.run(
        [sys.executable, "-c", program],
        env={"PYTHONPATH": f"{ROOT}/layers/platform/python:{ROOT}/functions", "PATH": ""},
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    heavy = {"pydantic", "opensearchpy", "argon2", "boto3", "lxml", "aws_xray_sdk", "docplatform.http.router"}
    heavy |= {
        f"aws_lambda_powertools.{part}" for part in ("event_handler", "utilities.batch", "utilities.data_classes")
    }
    assert not heavy & set(found)
