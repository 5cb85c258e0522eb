"""Invitations, log-in, sessions and members over HTTP."""

from __future__ import annotations

import json
import secrets
from collections import Counter
from datetime import datetime

import jwt
import pytest

from docplatform.identity.adapters.keys import IdentityKeys
from tests.support.mocked_aws import Answer, Cloud
from tests.support.mocked_region import PASSWORD, House, new_house, sample

# -- invitation


def test_an_invitation_sets_one_password_once(house: House) -> None:
    token = house.cloud.invitation(house.admin_email)
    assert house.accepts(token, password="short")["code"] == "weak_password"
    house.moves_in()
    again = house.accepts(token, name="Eve")
    assert (again.status, again["code"]) == (401, "invalid_invitation")
    assert house.logs_in().status == 200


def test_accepting_an_invitation_logs_in(house: House) -> None:
    entry = house.moves_in(name="Ann Example")
    assert (entry["token_type"], entry["expires_in"]) == ("Bearer", 900)
    me = house.asks("GET", "/v1/me", token=entry["access_token"])
    assert (me["user"]["name"], me["user"]["status"], me["user"]["role"]) == ("Ann Example", "active", "admin")
    assert (me["organisation"], me["region"]) == ("Acme", "us-east-1")


def test_an_invitation_of_another_tenant_is_refused(house: House, region: Cloud) -> None:
    token = house.cloud.invitation(house.admin_email)
    assert new_house(region).accepts(token, name="Eve")["code"] == "invalid_invitation"
    assert house.moves_in()


@pytest.mark.parametrize("name", ["", "  ", "Ann\nExample", "Ann\x00", "x" * 201])
def test_a_name_is_one_line(house: House, name: str) -> None:
    assert house.accepts(house.cloud.invitation(house.admin_email), name).status in (400, 422)
    assert house.logs_in().status == 401


@pytest.mark.parametrize(
    ("password", "good"),
    [
        ("twelve chars", True),
        ("x" * 5 + "abcdefghi" * 20, True),
        ("пароль из многих букв", True),
        ("e" * 11, False),
        ("elevenchars", False),
        ("aaaaaaaaaaaaaaaaaaaaaaaa", False),
        ("abcabcabcabcabcabc", False),
        ("admin-admin-1", False),
        ("long enough! " * 20, False),
        ("x" * 1_001, False),
    ],
)
def test_a_password_is_long_and_not_simple(house: House, password: str, good: bool) -> None:
    answer = house.accepts(house.cloud.invitation(house.admin_email), password=password)
    assert (answer.status == 200) is good, answer
    assert (house.logs_in(password=password).status == 200) is good


# -- log-in


def test_the_documented_sample_log_in_is_answered_as_unknown(house: House) -> None:
    answer = house.cloud.call("identity", sample("api-request", HOST=house.host))
    assert (answer.status, answer["code"]) == (401, "invalid_credentials")


def test_one_answer_for_every_failed_log_in(house: House) -> None:
    answers = [
        house.logs_in(),  # invited
        house.logs_in("nobody@x.example"),
        house.logs_in("no address"),
    ]
    entry = house.moves_in()
    answers.append(house.logs_in(password="wrong horse battery staple"))
    user_id = house.authorizes(entry["access_token"])["context"]["user_id"]
    house.sets(house.keys(IdentityKeys).user(user_id), status="disabled")
    answers.append(house.logs_in())
    assert {(answer.status, answer["code"], answer["detail"]) for answer in answers} == {
        (401, "invalid_credentials", answers[0]["detail"])
    }
    failed = [record for record in house.trail if record["action"] == "login.failed"]
    assert Counter(record["target"] for record in failed) == {user_id: 3, "unknown": 2}
    assert "nobody@x.example" not in json.dumps(house.trail, default=str)
    assert house.admin_email not in json.dumps(house.trail, default=str)


@pytest.mark.parametrize("spelling", [str.upper, str.title, "  {} ".format])
def test_an_address_is_the_same_in_every_spelling(house: House, spelling: type[str]) -> None:
    house.moves_in()
    assert house.logs_in(spelling(house.admin_email)).status == 200


def test_no_password_or_token_is_stored_or_logged_as_it_is(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    invitation = house.cloud.invitation(house.admin_email)
    entry = house.moves_in()
    renewed = house.refreshes(entry).body
    house.logs_in()
    seen = json.dumps([house.cloud.items(table) for table in ("data", "audit", "registry")], default=str)
    seen += capsys.readouterr().out
    assert "$argon2id$v=19$m=19456,t=2,p=1$" in seen
    for secret in (PASSWORD, invitation, entry["access_token"], renewed["access_token"]):
        assert secret not in seen
    for kept in (entry, renewed):
        session_id, *parts = kept["refresh_token"].split(".")
        assert session_id in seen
        assert not [part for part in parts if part in seen]


def test_an_access_token_says_who_where_and_for_how_long(house: House) -> None:
    token = house.moves_in()["access_token"]
    (key,) = house.asks("GET", "/v1/auth/jwks.json")["keys"]
    assert jwt.get_unverified_header(token) == {"alg": "RS256", "typ": "JWT", "kid": key["kid"]}
    facts = jwt.decode(token, jwt.PyJWK(key).key, algorithms=["RS256"], audience=house.facts["id"])
    assert facts["exp"] - facts["iat"] == 900
    assert set(facts) == {"iss", "aud", "sub", "sid", "tid", "role", "iat", "exp", "jti"}
    assert (facts["iss"], facts["tid"], facts["role"]) == ("docplatform:us-east-1", house.facts["id"], "admin")


# -- sessions


def test_a_refresh_token_is_good_once(house: House) -> None:
    entry = house.moves_in()
    for _ in range(3):
        answer = house.refreshes(entry)
        assert answer.status == 200
        assert house.authorizes(answer["access_token"])["context"]["user_id"]
        entry = answer.body
    assert house.actions.count("session.refreshed") == 3


@pytest.mark.parametrize("later", [1, 2, 5])
@pytest.mark.parametrize("path", ["/v1/auth/refresh", "/v1/auth/logout"])
def test_a_reused_refresh_token_ends_the_session_however_old_it_is(house: House, path: str, later: int) -> None:
    stolen = entry = house.moves_in()
    for _ in range(later):
        entry = house.refreshes(entry).body
    reused = house.asks("POST", path, {"refresh_token": stolen["refresh_token"]})
    assert (reused.status, reused["code"]) == (401, "invalid_refresh_token")
    assert house.refreshes(entry).status == 401
    assert house.actions.count("refresh-token.reused") == 1
    with pytest.raises(Exception, match="^Unauthorized$"):
        house.authorizes(entry["access_token"])
    assert house.logs_in().status == 200  # the user is not locked out


def test_reuse_ends_that_session_and_no_other(house: House) -> None:
    stolen = house.moves_in()
    other = house.logs_in().body
    house.refreshes(stolen)
    assert house.refreshes(stolen).status == 401
    assert house.refreshes(other).status == 200


def test_knowing_a_sessions_id_is_not_enough_to_end_it(house: House) -> None:
    entry = house.moves_in()
    session_id, family, fresh = entry["refresh_token"].split(".")
    for guess in ("x", f"{secrets.token_urlsafe(16)}.{fresh}", f".{fresh}", ".", fresh, family[:-1]):
        token = f"{session_id}.{guess}"
        for path in ("/v1/auth/refresh", "/v1/auth/logout"):
            assert house.asks("POST", path, {"refresh_token": token})["code"] == "invalid_refresh_token"
    assert house.refreshes(entry).status == 200
    assert "refresh-token.reused" not in house.actions


@pytest.mark.parametrize(
    "token",
    ["x", "ses_x.y", ".", "..", "ses_01m83gqs8rqjmsss5vwbnbfwd8.secret", "ses_01m83gqs8rqjmsss5vwbnbfwd8", "#.x"],
)
def test_made_up_refresh_tokens_are_refused(house: House, token: str) -> None:
    assert house.asks("POST", "/v1/auth/refresh", {"refresh_token": token})["code"] == "invalid_refresh_token"


def test_a_refresh_token_is_good_at_its_own_tenant_only(house: House, region: Cloud) -> None:
    entry = house.moves_in()
    assert new_house(region).refreshes(entry)["code"] == "invalid_refresh_token"
    assert house.refreshes(entry).status == 200


def test_sessions_are_listed_and_revoked(house: House) -> None:
    first = house.moves_in()["access_token"]
    second = house.logs_in()["access_token"]
    listed = house.asks("GET", "/v1/sessions", token=second)["items"]
    assert [session["current"] for session in listed] == [True, False]
    assert (listed[0]["address"], listed[0]["agent"]) == ("192.0.2.7", "curl/8.5.0")
    lives = [datetime.fromisoformat(each["expires_at"]) - datetime.fromisoformat(each["used_at"]) for each in listed]
    assert {life.days for life in lives} == {14}
    assert house.asks("DELETE", f"/v1/sessions/{listed[1]['id']}", token=second).status == 204
    with pytest.raises(Exception, match="^Unauthorized$"):
        house.authorizes(first)
    assert house.asks("DELETE", f"/v1/sessions/{listed[1]['id']}", token=second).status == 404
    assert len(house.asks("GET", "/v1/sessions", token=second)["items"]) == 1
    assert "session.revoked" in house.actions


def test_nobody_elses_session_can_be_seen_or_ended(house: House) -> None:
    admin = house.moves_in()["access_token"]
    house.invites("vi@x.example", admin)
    viewer = house.moves_in("vi@x.example", "Vi")["access_token"]
    (theirs,) = house.asks("GET", "/v1/sessions", token=viewer)["items"]
    (own,) = house.asks("GET", "/v1/sessions", token=admin)["items"]
    assert own["id"] != theirs["id"]
    foreign = house.asks("DELETE", f"/v1/sessions/{theirs['id']}", token=admin)
    unknown = house.asks("DELETE", "/v1/sessions/ses_01m83gqs8rqjmsss5vwbnbfwd8", token=admin)
    assert (foreign.status, foreign.body) == (unknown.status, unknown.body) == (404, unknown.body)
    assert house.authorizes(viewer)["context"]["user_id"]


def test_logging_out_ends_the_session(house: House) -> None:
    entry = house.moves_in()
    out = house.asks("POST", "/v1/auth/logout", {"refresh_token": entry["refresh_token"]})
    assert (out.status, out.body) == (204, None)
    assert house.refreshes(entry).status == 401
    assert house.actions[-2:] == ["session.revoked", "access.refused"]


# -- unreadable requests

LOGIN = {"email": "a@x.example", "password": PASSWORD}


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/auth/login", {}),
        ("/v1/auth/login", {**LOGIN, "tenant": "t000000000000"}),
        ("/v1/auth/login", {**LOGIN, "password": None}),
        ("/v1/auth/login", {**LOGIN, "password": ["x"]}),
        ("/v1/auth/login", {**LOGIN, "email": {"$ne": ""}}),
        ("/v1/auth/login", {**LOGIN, "email": "\ud800@x.example"}),
        ("/v1/auth/login", {**LOGIN, "password": "\ud800" * 12}),
        ("/v1/auth/login", {**LOGIN, "password": "x" * 1_001}),
        ("/v1/auth/login", [LOGIN]),
        ("/v1/auth/refresh", {"refresh_token": ""}),
        ("/v1/auth/refresh", {"refresh_token": "x" * 501}),
        ("/v1/auth/refresh", {"refresh_token": 1}),
        ("/v1/auth/logout", {"refresh_token": "x", "all": True}),
        ("/v1/auth/invitations/accept", {"token": "x", "name": "Ann"}),
        ("/v1/auth/invitations/accept", {"token": "x", "name": "Ann", "password": PASSWORD, "role": "admin"}),
    ],
)
def test_an_invalid_body_is_400_and_changes_nothing(house: House, path: str, body: object) -> None:
    before = house.actions
    answer = house.asks("POST", path, body)
    assert (answer.status, answer.headers["Content-Type"]) == (400, "application/problem+json")
    assert house.actions == [*before, "access.refused"]


@pytest.mark.parametrize("raw", ["", "{", "nul", "'x'", "[" * 100_000, '{"email": NaN}', "\x00"])
def test_malformed_json_is_400(house: House, raw: str) -> None:
    assert house.asks("POST", "/v1/auth/login", raw=raw)["code"] == "malformed_request"


def test_another_media_type_is_415(house: House) -> None:
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    assert house.asks("POST", "/v1/auth/login", raw="email=a&password=b", headers=form).status == 415


@pytest.mark.parametrize(
    "body",
    [
        {"email": "not an address", "role": "viewer"},
        {"email": "two@x.example,three@x.example", "role": "viewer"},
        {"email": "line@x.example\nBcc: eve@x.example", "role": "viewer"},
        {"email": "ä@x.example", "role": "viewer"},
        {"email": "owner@x.example", "role": "owner"},
        {"email": "none@x.example"},
        {"email": "named@x.example", "role": "viewer", "name": "a\nb"},
        {"email": "extra@x.example", "role": "viewer", "status": "active"},
    ],
)
def test_bad_invitations_invite_nobody(house: House, body: dict[str, str]) -> None:
    token = house.moves_in()["access_token"]
    answer = house.asks("POST", "/v1/users", body, token)
    assert answer.status in (400, 422)
    assert len(house.asks("GET", "/v1/users", token=token)["items"]) == 1


@pytest.mark.parametrize("user_id", ["usr_x", "..", "*", "usr_" + "0" * 26, "x" * 3_000, "ses_" + "0" * 26])
def test_an_unknown_user_is_404_and_on_record(house: House, user_id: str) -> None:
    answer: Answer = house.asks("GET", f"/v1/users/{user_id}", token=house.moves_in()["access_token"])
    assert (answer.status, answer["code"]) == (404, "user_not_found")
    assert house.actions[-1] == "access.refused"


@pytest.mark.parametrize("query", [{"limit": "0"}, {"limit": "101"}, {"limit": "x"}, {"tenant": "t000000000000"}])
def test_a_list_takes_its_own_parameters_only(house: House, query: dict[str, str]) -> None:
    assert house.asks("GET", "/v1/users", token=house.moves_in()["access_token"], **query).status == 400
