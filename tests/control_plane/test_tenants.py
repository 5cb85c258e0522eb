"""Operators create tenants once and completely, and learn nothing about their users."""

from __future__ import annotations

import json

import pytest

from docplatform.core.actor import Role
from docplatform.infra.dynamodb.codec import decode_item, encode_item
from docplatform.library.adapters.keys import LibraryKeys
from docplatform.tenancy.adapters.keys import TenancyKeys
from tests.conftest import Environment
from tests.support.mocked_aws import Cloud
from tests.support.mocked_region import PASSWORD, House, mails, new_house, operator_asks, operator_creates, sample


def test_the_operators_call_creates_a_tenant(region: Cloud) -> None:
    answer = region.call("tenants", sample("operator-request", SUBDOMAIN="wayne"))
    assert answer.status == 201
    assert answer.headers["Location"] == f"/operator/v1/tenants/{answer['id']}"
    house = House(region, answer.body)
    assert set(house.facts) == {"id", "subdomain", "name", "plan", "region", "status", "address", "created_at"}
    assert house.facts["address"] == "https://wayne.us.example"
    usage = encode_item(house.keys(TenancyKeys).usage()._asdict())
    stored = region.database.get_item(TableName="data", Key=usage)["Item"]
    counted = {name: value for name, value in decode_item(stored).items() if name not in ("pk", "sk")}
    assert counted == {"documents": 0, "bytes": 0, "folders": 0, "users": 1}
    assert sorted(house.actions) == ["tenant.created", "user.invited"]
    assert {record["actor"] for record in house.trail} == {"operator:user/olga"}


def test_the_first_admin_is_an_admin_and_finds_an_empty_root_folder(house: House) -> None:
    token = house.moves_in()["access_token"]
    assert house.asks("GET", "/v1/me", token=token)["user"]["role"] == Role.ADMIN
    folder = encode_item(house.keys(LibraryKeys).folder("root")._asdict())
    root = house.cloud.database.get_item(TableName="data", Key=folder)["Item"]
    facts = {name: value for name, value in decode_item(root).items() if name not in ("pk", "sk")}
    assert facts.pop("created_at") == facts.pop("updated_at")
    assert facts == {
        "kind": "folder",
        "id": "root",
        "name": "",
        "parent_id": "",
        "chain": [],
        "inherits": True,
        "grant:everyone": "editor",
        "children": 0,
        "cuts": 0,
        "created_by": house.asks("GET", "/v1/me", token=token)["user"]["id"],
        "revision": 1,
    }


def test_the_operators_response_and_the_registry_name_no_user(house: House) -> None:
    token = house.cloud.invitation(house.admin_email)
    for told in (json.dumps(house.facts), json.dumps(house.cloud.items("registry"), default=str)):
        assert house.admin_email not in told
        assert token not in told


def test_the_mail_has_the_address_and_the_token(house: House) -> None:
    token = house.cloud.invitation(house.admin_email)
    mail = mails(house.admin_email)[-1]
    assert f"{house.facts['address']}/accept-invitation?token={token}" in mail
    assert f"{house.facts['address']}/v1/auth/invitations/accept" in mail


def test_the_operator_reads_what_the_registry_knows(house: House) -> None:
    answer = operator_asks(house.cloud, "GET", f"/operator/v1/tenants/{house.facts['id']}")
    assert (answer.status, answer.body) == (200, house.facts)


@pytest.mark.parametrize("tenant_id", ["t000000000000", "t" * 5_000, "acme", "..", "*", "t00000000000#"])
def test_an_unknown_tenant_is_not_found(region: Cloud, tenant_id: str) -> None:
    answer = operator_asks(region, "GET", f"/operator/v1/tenants/{tenant_id}")
    assert (answer.status, answer["code"]) == (404, "tenant_not_found")


# -- one subdomain, one tenant


@pytest.mark.parametrize(
    "change", [{"name": "Somebody else"}, {"plan": "enterprise"}, {"admin_email": "eve@x.example"}]
)
def test_a_subdomain_is_given_once(house: House, change: dict[str, str]) -> None:
    refused = operator_creates(house.cloud, subdomain=house.subdomain, **change)
    assert (refused.status, refused["code"]) == (409, "subdomain_taken")
    assert house.moves_in()


def test_a_subdomain_of_another_region_is_taken(house: House, environment: Environment) -> None:
    environment.has(AWS_REGION="eu-central-1")
    assert operator_creates(house.cloud, subdomain=house.subdomain)["code"] == "subdomain_taken"


def test_an_accepted_invitation_is_not_replaced(house: House) -> None:
    house.moves_in()
    assert operator_creates(house.cloud, subdomain=house.subdomain)["code"] == "subdomain_taken"
    assert house.logs_in().status == 200


@pytest.mark.parametrize("role", ["admin", "viewer"])
def test_the_operator_does_not_learn_who_else_is_invited(house: House, role: str) -> None:
    house.invites("carl@x.example", house.moves_in()["access_token"], role)
    sent = mails("carl@x.example")
    answers = [
        operator_creates(house.cloud, subdomain=house.subdomain, admin_email=email)
        for email in ("carl@x.example", "nobody@x.example")
    ]
    assert answers[0].body == answers[1].body
    assert mails("carl@x.example") == sent


# -- interrupted calls


def test_a_repeated_call_sends_another_invitation_and_both_are_good_for_one(house: House) -> None:
    first = house.cloud.invitation(house.admin_email)
    again = operator_creates(house.cloud, subdomain=house.subdomain)
    assert (again.status, again.body) == (201, house.facts)
    second = house.cloud.invitation(house.admin_email)
    assert first != second
    assert house.accepts(first).status == 200
    assert house.accepts(second)["code"] == "invalid_invitation"
    assert house.actions.count("tenant.created") == 1


def test_a_call_that_broke_off_after_the_registry_is_finished_by_repeating_it(
    region: Cloud, environment: Environment
) -> None:
    environment.has(AUDIT_TABLE="not-there")  # without an audit record nothing is stored
    broken = operator_creates(region, subdomain="half-way")
    assert broken.status == 500
    environment.is_mended()
    finished = operator_creates(region, subdomain="half-way")
    assert finished.status == 201
    house = House(region, finished.body)
    assert [item["tenant_id"] for item in region.items("registry") if item["pk"] == "subdomain#half-way"] == [
        finished["id"]
    ]
    assert house.moves_in()
    assert house.actions.count("tenant.created") == 1


def test_a_failed_mail_is_reported_and_repeating_the_call_sends_it(region: Cloud, environment: Environment) -> None:
    environment.has(MAIL_SENDER="unverified@docplatform.example")
    unsent = operator_creates(region, subdomain="no-mail")
    assert (unsent.status, unsent["code"]) == (503, "mail_not_sent")
    environment.is_mended()
    house = House(region, operator_creates(region, subdomain="no-mail").body)
    assert house.moves_in()


# -- refusals


@pytest.mark.parametrize(
    "change",
    [
        {"subdomain": "A"},
        {"subdomain": "a--b"},
        {"subdomain": "-ab"},
        {"subdomain": "ab."},
        {"subdomain": "a" * 41},
        {"subdomain": "admin"},
        {"plan": "gold"},
        {"name": " "},
        {"name": "Acme\nBcc: eve@x.example"},
        {"name": "x" * 201},
        {"admin_email": "x"},
        {"admin_email": "a@x.example, b@x.example"},
        {"tenant_id": "t000000000000"},
        {"region": "eu-central-1"},
    ],
)
def test_bad_tenants_are_refused_and_leave_nothing(region: Cloud, change: dict[str, str]) -> None:
    before = len(region.items("registry"))
    assert operator_creates(region, **change).status in (400, 422)
    assert len(region.items("registry")) == before


def test_the_operator_has_no_routes_to_content(house: House) -> None:
    for path in ("/v1/users", "/v1/folders/root", f"/operator/v1/tenants/{house.facts['id']}/users"):
        assert operator_asks(house.cloud, "GET", path).status == 404


def test_users_of_one_tenant_cannot_log_in_at_another(house: House, region: Cloud) -> None:
    other = new_house(region)
    house.moves_in()
    other.moves_in()
    assert house.logs_in(other.admin_email, PASSWORD).status == 401
    assert other.logs_in(house.admin_email, PASSWORD).status == 401
