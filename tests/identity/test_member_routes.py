"""The members of a tenant over HTTP: invitations, the list, the plan's number of users, repeated requests."""

from __future__ import annotations

import pytest

from docplatform.core import cursors
from docplatform.core.tenant import Plan
from docplatform.tenancy.adapters.keys import TenancyKeys
from tests.conftest import Environment
from tests.support.mocked_aws import Cloud
from tests.support.mocked_region import House, mails, new_house


def test_members_are_invited_listed_and_counted(house: House) -> None:
    token = house.moves_in()["access_token"]
    for number in range(3):
        invited = house.invites(f"u{number}@x.example", token)
        assert (invited.status, invited["status"]) == (201, "invited")
        assert house.asks("GET", invited.headers["Location"], token=token).body == invited.body
    twice = house.invites("U1@X.example", token, role="admin")
    assert (twice.status, twice["code"]) == (409, "email_taken")
    first = house.asks("GET", "/v1/users", token=token, limit="3")
    rest = house.asks("GET", "/v1/users", token=token, cursor=first["next_cursor"])
    emails = [user["email"] for user in first["items"] + rest["items"]]
    assert emails == [house.admin_email, "u0@x.example", "u1@x.example", "u2@x.example"]
    assert rest["next_cursor"] is None
    assert house.actions.count("users.listed") == 2


def test_a_tenants_list_holds_its_own(house: House, region: Cloud) -> None:
    other = new_house(region)
    token, elsewhere = house.moves_in()["access_token"], other.moves_in()["access_token"]
    invited = house.invites("one@x.example", token)
    assert other.invites("one@x.example", elsewhere).status == 201  # an address may be at home in two tenants
    assert other.asks("GET", f"/v1/users/{invited['id']}", token=elsewhere)["code"] == "user_not_found"
    page = house.asks("GET", "/v1/users", token=token, limit="1")
    taken_along = other.asks("GET", "/v1/users", token=elsewhere, cursor=page["next_cursor"])
    assert (taken_along.status, taken_along["code"]) == (400, "invalid_cursor")
    listed = other.asks("GET", "/v1/users", token=elsewhere)["items"]
    assert invited["id"] not in {user["id"] for user in listed}


@pytest.mark.parametrize(
    "cursor", ["x", "!!", "e30", cursors.encode({"user": "usr_x"}), cursors.encode({"gsi3pk": "t#users"}), "A" * 5_000]
)
def test_a_made_up_cursor_is_refused(house: House, cursor: str) -> None:
    answer = house.asks("GET", "/v1/users", token=house.moves_in()["access_token"], cursor=cursor)
    assert (answer.status, answer["code"]) == (400, "invalid_cursor")


def test_the_plans_number_of_users_is_the_end(house: House) -> None:
    token = house.moves_in()["access_token"]
    house.sets(house.keys(TenancyKeys).usage(), users=99)
    assert house.invites("last@x.example", token).status == 201
    late = f"late@{house.subdomain}.example"
    refused = house.invites(late, token)
    assert (refused.status, refused["code"]) == (402, "quota_exceeded")
    assert mails(late) == []
    house.sets(house.keys(TenancyKeys).usage(), users=98)
    assert house.invites(late, token).status == 201  # the address was not kept by the refusal


def test_viewers_invite_nobody(house: House) -> None:
    house.invites("v@x.example", house.moves_in()["access_token"])
    viewer = house.moves_in("v@x.example", "Vi")["access_token"]
    refused = house.invites("w@x.example", viewer, role="admin")
    assert (refused.status, refused["code"]) == (403, "forbidden")
    me = house.asks("GET", "/v1/me", token=viewer)
    assert house.asks("POST", f"/v1/users/{me['user']['id']}/invitation", token=viewer).status == 403
    assert house.actions.count("access.refused") == 2
    assert (me["user"]["role"], me["plan"], me["limits"]["largest_file"]) == ("viewer", Plan.STANDARD, 50_000_000)


def test_a_lost_invitation_is_sent_again(house: House) -> None:
    token = house.moves_in()["access_token"]
    user = house.invites("lost@x.example", token)
    first = house.cloud.invitation("lost@x.example")
    assert house.asks("POST", f"/v1/users/{user['id']}/invitation", token=token).status == 200
    assert house.cloud.invitation("lost@x.example") != first
    house.moves_in("lost@x.example", "Lo")
    here = house.asks("POST", f"/v1/users/{user['id']}/invitation", token=token)
    assert (here.status, here["code"]) == (409, "conflict")
    nobody = house.asks("POST", "/v1/users/usr_x/invitation", token=token)
    assert (nobody.status, nobody["code"]) == (404, "user_not_found")


def test_a_mail_that_cannot_be_sent_is_reported_with_the_way_to_repeat_it(
    house: House, environment: Environment
) -> None:
    token, email = house.moves_in()["access_token"], f"lost@{house.subdomain}.example"
    environment.has(MAIL_SENDER="unverified@docplatform.example")
    unsent = house.invites(email, token)
    assert (unsent.status, unsent["code"]) == (503, "mail_not_sent")
    assert mails(email) == []
    environment.is_mended()
    assert house.asks("POST", f"/v1/users/{unsent['user_id']}/invitation", token=token).status == 200
    assert house.moves_in(email, "Lo")


# -- the same request twice


def test_a_repeated_invitation_with_its_key_creates_no_second_user(house: House) -> None:
    token = house.moves_in()["access_token"]
    first = house.invites("once@x.example", token, key="k1")
    again = house.invites("Once@X.example", token, key="k1")
    assert (again.status, again.body) == (201, first.body)
    assert len(house.asks("GET", "/v1/users", token=token)["items"]) == 2
    house.moves_in("once@x.example", "On")
    settled = house.invites("once@x.example", token, key="k1")
    assert (settled.status, settled["id"], settled["status"]) == (201, first["id"], "active")


def test_an_idempotency_key_is_for_one_request_of_one_user(house: House) -> None:
    token = house.moves_in()["access_token"]
    house.invites("bo@x.example", token, role="admin", key="k1")
    other = house.moves_in("bo@x.example", "Bo")["access_token"]
    reused = house.invites("another@x.example", token, key="k1")
    assert (reused.status, reused["code"]) == (422, "idempotency_key_reused")
    assert house.invites("another@x.example", other, key="k1").status == 201


def test_a_repetition_sends_the_mail_that_could_not_be_sent(house: House, environment: Environment) -> None:
    token, email = house.moves_in()["access_token"], f"lost@{house.subdomain}.example"
    environment.has(MAIL_SENDER="unverified@docplatform.example")
    assert house.invites(email, token, key="k1").status == 503
    environment.is_mended()
    assert house.invites(email, token, key="k1").status == 201
    assert house.moves_in(email, "Lo")
