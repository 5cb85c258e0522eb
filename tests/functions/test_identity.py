"""Tenants, invitations, log-in, sessions and the authorizer, as clients and API Gateway meet them."""

from __future__ import annotations

import base64
import hmac
import json
import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from docplatform.adapters.kms_tokens import Claims
from docplatform.domain.tenants import Plan
from docplatform.runtime.composition.identity import tokens
from tests.world import Answer, Cloud

PASSWORD = "correct horse battery staple"


@dataclass
class House:
    """A tenant that an operator has created, reached by its host name."""

    cloud: Cloud
    subdomain: str
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def admin_email(self) -> str:
        return f"admin@{self.subdomain}.example"

    def asks(self, method: str, path: str, body: object = None, token: str = "", **more: str) -> Answer:
        """Through the authorizer where API Gateway would ask it."""
        headers = {"Host": f"{self.subdomain}.us.example", "Content-Type": "application/json"}
        context: dict[str, Any] = {"requestId": "r", "identity": {"sourceIp": "192.0.2.7", "userAgent": "curl"}}
        if not path.startswith("/v1/auth"):
            context["authorizer"] = self.authorizes(token)["context"]
        event = {
            "httpMethod": method,
            "path": path,
            "headers": headers,
            "queryStringParameters": more or None,
            "body": json.dumps(body) if body is not None else None,
            "isBase64Encoded": False,
            "requestContext": context,
        }
        return self.cloud.call("identity", event)

    def authorizes(self, token: str, host: str = "") -> dict[str, Any]:
        """Raises what API Gateway answers with 401."""
        event = {
            "type": "REQUEST",
            "methodArn": "arn:aws:execute-api:us-east-1:123456789012:api/live/GET/v1/me",
            "headers": {"host": host or f"{self.subdomain}.us.example", "Authorization": f"Bearer {token}"},
            "requestContext": {"requestId": "r"},
        }
        if "authorizer" not in self.cloud.rooms:
            from tests.world import room

            self.cloud.rooms["authorizer"] = room("authorizer")
        answer: dict[str, Any] = self.cloud.rooms["authorizer"].handler(event, None)
        return answer

    def moves_in(self, email: str = "", name: str = "Ann") -> dict[str, str]:
        body = {"token": self.cloud.invitation(email or self.admin_email), "name": name, "password": PASSWORD}
        answer = self.asks("POST", "/v1/auth/invitations/accept", body)
        assert answer.status == 200, answer
        entry: dict[str, str] = answer.body
        return entry

    def log_in(self, email: str = "", password: str = PASSWORD) -> Answer:
        return self.asks("POST", "/v1/auth/login", {"email": email or self.admin_email, "password": password})

    def actions(self) -> list[str]:
        mine = [item for item in self.cloud.items("audit") if item["pk"].startswith(self.facts["id"] + "#")]
        return [item["action"] for item in sorted(mine, key=lambda item: str(item["sk"]))]


def operator_creates(cloud: Cloud, **change: str) -> Answer:
    subdomain = change.pop("subdomain", f"t{secrets.token_hex(5)}")
    body = {"subdomain": subdomain, "name": "Acme", "plan": "standard", "admin_email": f"admin@{subdomain}.example"}
    event = {
        "httpMethod": "POST",
        "path": "/operator/v1/tenants",
        "headers": {"Host": "x.us.example", "Content-Type": "application/json"},
        "queryStringParameters": None,
        "body": json.dumps(body | change),
        "isBase64Encoded": False,
        "requestContext": {
            "requestId": "r",
            "identity": {"sourceIp": "192.0.2.1", "userArn": "arn:aws:iam::123456789012:user/olga"},
        },
    }
    return cloud.call("tenants", event)


@pytest.fixture
def house(region: Cloud) -> House:
    made = operator_creates(region)
    assert made.status == 201, made
    return House(region, made["subdomain"], made.body)


# -- operators


def test_the_operators_answer_and_the_registry_know_nobody(house: House) -> None:
    assert house.admin_email not in json.dumps(house.facts)
    assert house.admin_email not in json.dumps(house.cloud.items("registry"), default=str)
    assert house.facts["address"] == f"https://{house.subdomain}.us.example"


def test_a_subdomain_is_given_once(house: House) -> None:
    house.moves_in()
    again = operator_creates(house.cloud, subdomain=house.subdomain)
    assert (again.status, again["code"]) == (409, "subdomain_taken")
    other = operator_creates(house.cloud, subdomain=house.subdomain, name="Somebody else")
    assert other.status == 409


def test_a_call_that_broke_off_is_finished_by_repeating_it(house: House) -> None:
    again = operator_creates(house.cloud, subdomain=house.subdomain)
    assert (again.status, again["id"]) == (201, house.facts["id"])
    house.moves_in()


@pytest.mark.parametrize(
    "change",
    [{"subdomain": "A"}, {"subdomain": "a--b"}, {"subdomain": "admin"}, {"plan": "gold"}, {"admin_email": "x"}],
)
def test_bad_tenants_are_refused(region: Cloud, change: dict[str, str]) -> None:
    assert operator_creates(region, **change).status in (400, 422)


# -- invitation and log-in


def test_an_invitation_is_worth_one_password_once(house: House) -> None:
    token = house.cloud.invitation(house.admin_email)
    weak = house.asks("POST", "/v1/auth/invitations/accept", {"token": token, "name": "Ann", "password": "short"})
    assert weak["code"] == "weak_password"
    house.moves_in()
    again = house.asks("POST", "/v1/auth/invitations/accept", {"token": token, "name": "Eve", "password": PASSWORD})
    assert (again.status, again["code"]) == (401, "invalid_invitation")
    assert house.log_in().status == 200


def test_an_invitation_of_another_tenant_is_worth_nothing(house: House, region: Cloud) -> None:
    other = House(region, operator_creates(region)["subdomain"])
    token = house.cloud.invitation(house.admin_email)
    answer = other.asks("POST", "/v1/auth/invitations/accept", {"token": token, "name": "Eve", "password": PASSWORD})
    assert answer["code"] == "invalid_invitation"


def test_one_answer_for_every_failed_log_in(house: House) -> None:
    answers = [
        house.log_in(),
        house.log_in("nobody@x.example"),
        house.log_in("no address"),
    ]  # invited, unknown, nonsense
    house.moves_in()
    answers.append(house.log_in(password="wrong horse battery staple"))
    assert {(answer.status, answer["code"], answer["detail"]) for answer in answers} == {
        (401, "invalid_credentials", answers[0]["detail"])
    }
    assert house.actions().count("login.failed") == 4
    assert house.admin_email not in json.dumps(house.cloud.items("audit"), default=str)


def test_no_password_or_token_is_stored_as_it_is(house: House) -> None:
    entry = house.moves_in()
    stored = json.dumps(house.cloud.items("data"), default=str)
    assert PASSWORD not in stored
    assert "$argon2id$" in stored
    assert entry["refresh_token"].split(".")[1] not in stored


# -- sessions


def test_a_refresh_token_is_good_once_and_its_reuse_ends_the_session(house: House) -> None:
    first = house.moves_in()
    second = house.asks("POST", "/v1/auth/refresh", {"refresh_token": first["refresh_token"]})
    assert second.status == 200
    reused = house.asks("POST", "/v1/auth/refresh", {"refresh_token": first["refresh_token"]})
    assert (reused.status, reused["code"]) == (401, "invalid_refresh_token")
    assert house.asks("POST", "/v1/auth/refresh", {"refresh_token": second["refresh_token"]}).status == 401
    assert "refresh-token.reused" in house.actions()
    with pytest.raises(Exception, match="^Unauthorized$"):
        house.authorizes(second["access_token"])


@pytest.mark.parametrize("token", ["x", "ses_x.y", ".", "ses_01m83gqs8rqjmsss5vwbnbfwd8.secret"])
def test_made_up_refresh_tokens_are_refused(house: House, token: str) -> None:
    assert house.asks("POST", "/v1/auth/refresh", {"refresh_token": token})["code"] == "invalid_refresh_token"


def test_sessions_are_listed_and_revoked(house: House) -> None:
    first = house.moves_in()["access_token"]
    second = house.log_in()["access_token"]
    listed = house.asks("GET", "/v1/sessions", token=second)["items"]
    assert [session["current"] for session in listed] == [True, False]
    assert listed[0]["address"] == "192.0.2.7"
    assert house.asks("DELETE", f"/v1/sessions/{listed[1]['id']}", token=second).status == 204
    with pytest.raises(Exception, match="^Unauthorized$"):
        house.authorizes(first)
    assert house.asks("DELETE", f"/v1/sessions/{listed[1]['id']}", token=second).status == 404
    assert "session.revoked" in house.actions()


def test_logging_out_ends_the_session(house: House) -> None:
    entry = house.moves_in()
    assert house.asks("POST", "/v1/auth/logout", {"refresh_token": entry["refresh_token"]}).status == 204
    with pytest.raises(Exception, match="^Unauthorized$"):
        house.authorizes(entry["access_token"])


# -- members


def test_members_are_invited_listed_and_counted(house: House) -> None:
    token = house.moves_in()["access_token"]
    for number in range(3):
        invited = house.asks("POST", "/v1/users", {"email": f"u{number}@x.example", "role": "viewer"}, token)
        assert invited.status == 201
    twice = house.asks("POST", "/v1/users", {"email": "U1@X.example", "role": "admin"}, token)
    assert (twice.status, twice["code"]) == (409, "email_taken")
    first = house.asks("GET", "/v1/users", token=token, limit="3")
    rest = house.asks("GET", "/v1/users", token=token, cursor=first["next_cursor"])
    emails = [user["email"] for user in first["items"] + rest["items"]]
    assert emails == [house.admin_email, "u0@x.example", "u1@x.example", "u2@x.example"]


def test_the_plans_number_of_users_is_the_end(house: House) -> None:
    token = house.moves_in()["access_token"]
    house.cloud.database.update_item(
        TableName="data",
        Key={"pk": {"S": f"{house.facts['id']}#usage"}, "sk": {"S": "usage"}},
        UpdateExpression="SET #u = :u",
        ExpressionAttributeNames={"#u": "users"},
        ExpressionAttributeValues={":u": {"N": "100"}},
    )
    refused = house.asks("POST", "/v1/users", {"email": "late@x.example", "role": "viewer"}, token)
    assert (refused.status, refused["code"]) == (402, "quota_exceeded")


def test_viewers_invite_nobody(house: House) -> None:
    admin = house.moves_in()["access_token"]
    house.asks("POST", "/v1/users", {"email": "v@x.example", "role": "viewer"}, admin)
    viewer = house.moves_in("v@x.example", "Vi")["access_token"]
    refused = house.asks("POST", "/v1/users", {"email": "w@x.example", "role": "admin"}, viewer)
    assert (refused.status, refused["code"]) == (403, "forbidden")
    me = house.asks("GET", "/v1/me", token=viewer)
    assert (me["user"]["role"], me["plan"], me["limits"]["largest_file"]) == ("viewer", Plan.STANDARD, 50_000_000)


# -- the authorizer


def test_a_good_token_is_allowed_for_the_whole_stage(house: House) -> None:
    answer = house.authorizes(house.moves_in()["access_token"])
    (statement,) = answer["policyDocument"]["Statement"]
    assert (statement["Effect"], statement["Resource"].endswith(":api/live/*")) == ("Allow", True)
    assert answer["context"]["role"] == "admin"


def test_a_token_of_another_tenant_is_denied_and_on_record(house: House, region: Cloud) -> None:
    made = operator_creates(region)
    other = House(region, made["subdomain"], made.body)
    answer = other.authorizes(house.moves_in()["access_token"])
    assert answer["policyDocument"]["Statement"][0]["Effect"] == "Deny"
    assert answer["context"] == {}
    assert other.actions()[-1] == "token.refused"


def test_a_stray_request_passes_without_a_user(house: House) -> None:
    token = house.moves_in()["access_token"]
    answer = house.authorizes(token, host="nobody-there.us.example")
    assert answer["context"] == {}
    assert answer["policyDocument"]["Statement"][0]["Effect"] == "Allow"


def test_a_disabled_user_is_refused(house: House) -> None:
    entry = house.moves_in()
    user_id = house.authorizes(entry["access_token"])["context"]["user_id"]
    house.cloud.database.update_item(
        TableName="data",
        Key={"pk": {"S": f"{house.facts['id']}#user#{user_id}"}, "sk": {"S": "profile"}},
        UpdateExpression="SET #s = :s",
        ExpressionAttributeNames={"#s": "status"},
        ExpressionAttributeValues={":s": {"S": "disabled"}},
    )
    with pytest.raises(Exception, match="^Unauthorized$"):
        house.authorizes(entry["access_token"])
    assert house.log_in().status == 401
    assert house.asks("POST", "/v1/auth/refresh", {"refresh_token": entry["refresh_token"]}).status == 401


def _bad_tokens(house: House) -> dict[str, str]:
    good = house.moves_in()["access_token"]
    head, body, signature = good.split(".")
    facts = jwt.decode(good, options={"verify_signature": False})
    kid = jwt.get_unverified_header(good)["kid"]
    claims = Claims(facts["tid"], facts["sub"], facts["sid"])
    own_key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    public = tokens()._public_key.public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )

    def segment(value: object) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

    def hmac_signed(key: bytes) -> str:
        signed = f"{segment({'alg': 'HS256', 'kid': kid})}.{body}"
        mac = hmac.digest(key, signed.encode(), "sha256")
        return f"{signed}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"

    none = f"{segment({'alg': 'none', 'kid': kid})}.{body}."
    elevated = f"{head}.{segment({**facts, 'role': 'admin', 'sub': 'usr_x'})}.{signature}"
    return {
        "empty": "",
        "malformed": "a.b.c",
        "alg none": none,
        "tampered": elevated,
        "no signature": f"{head}.{body}.",
        "another key": jwt.encode(facts, own_key, algorithm="RS256", headers={"kid": kid}),
        "another kid": jwt.encode(facts, own_key, algorithm="RS256", headers={"kid": "x"}),
        "public key as a secret": hmac_signed(public),
        "expired": tokens().issue(claims, "admin", "j", datetime.now(UTC) - timedelta(minutes=16)),
        "no session": tokens().issue(
            Claims(claims.tenant_id, claims.user_id, "ses_x"), "admin", "j", datetime.now(UTC)
        ),
    }


def test_bad_tokens_are_401(house: House) -> None:
    for name, token in _bad_tokens(house).items():
        with pytest.raises(Exception, match="^Unauthorized$"):
            house.authorizes(token)
            pytest.fail(name)


def test_the_key_set_verifies_what_we_sign(house: House) -> None:
    token = house.moves_in()["access_token"]
    keys = house.asks("GET", "/v1/auth/jwks.json")["keys"]
    key = jwt.PyJWK(keys[0]).key
    facts = jwt.decode(token, key, algorithms=["RS256"], audience=house.facts["id"])
    assert facts["exp"] - facts["iat"] == 900
