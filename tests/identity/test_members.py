"""Invitations: the plan's number of users, repeated requests, and tenants created by two parallel calls."""

from __future__ import annotations

import boto3
import pytest

from docplatform.core.actor import Role
from docplatform.core.audit import Action
from docplatform.core.errors import (
    AlreadyDone,
    ChangedMeanwhile,
    DomainError,
    IdempotencyKeyReused,
    MailNotSent,
    QuotaExceeded,
    TenantNotFound,
)
from docplatform.core.tenant import Plan, tenant_context
from docplatform.identity.errors import EmailTaken
from docplatform.identity.model import User, UserStatus
from docplatform.tenancy.adapters.keys import TenancyKeys
from docplatform.tenancy.errors import SubdomainTaken
from tests.identity.harness import Company, another_tenant, at_once, setup
from tests.support.databases import on_every_database
from tests.support.mocked_aws import Cloud

pytestmark = on_every_database


def everybody(company: Company) -> list[str]:
    users, _ = company.people.users(limit=100, cursor="")
    return sorted(user.email for user in users)


def test_one_of_two_invitations_to_one_address_succeeds(company: Company) -> None:
    entry = company.moves_in()

    def invite(_: int) -> type:
        try:
            return type(company.members(entry).invite("bo@acme.example", Role.EDITOR))
        except DomainError as error:
            return type(error)

    with at_once(4) as pool:
        results = list(pool.map(invite, range(4)))
    assert sorted(results, key=str) == sorted([User, EmailTaken, EmailTaken, EmailTaken], key=str)
    assert everybody(company) == ["ann@acme.example", "bo@acme.example"]


def test_the_last_seat_is_taken_once(company: Company, region: Cloud) -> None:
    entry = company.moves_in()
    region.database.update_item(
        TableName="data",
        Key={"pk": {"S": f"{company.tenant.id}#usage"}, "sk": {"S": "usage"}},
        UpdateExpression="SET #users = :users",
        ExpressionAttributeNames={"#users": "users"},
        ExpressionAttributeValues={":users": {"N": str(company.tenant.limits.users - 1)}},
    )

    def invite(number: int) -> type:
        try:
            return type(company.members(entry).invite(f"u{number}@acme.example", Role.VIEWER))
        except DomainError as error:
            return type(error)

    with at_once(4) as pool:
        results = list(pool.map(invite, range(4)))
    assert results.count(User) == 1
    assert results.count(QuotaExceeded) == 3
    assert len(everybody(company)) == 2


def test_a_key_is_forgotten_after_a_day(company: Company) -> None:
    entry = company.moves_in()
    company.members(entry).invite("bo@acme.example", Role.EDITOR, idempotency_key="k")
    company.clock.passes(hours=23.9)
    with pytest.raises(IdempotencyKeyReused):
        company.members(entry).invite("cy@acme.example", Role.EDITOR, idempotency_key="k")
    company.clock.passes(hours=0.2)  # expired, although the item is still there
    assert company.members(entry).invite("cy@acme.example", Role.EDITOR, idempotency_key="k")


def test_a_refused_invitation_does_not_use_up_its_key(company: Company) -> None:
    entry = company.moves_in()
    with pytest.raises(EmailTaken):
        company.members(entry).invite("ann@acme.example", Role.EDITOR, idempotency_key="k")
    assert company.members(entry).invite("bo@acme.example", Role.EDITOR, idempotency_key="k")


def test_parallel_equal_requests_return_the_same_user(company: Company) -> None:
    entry = company.moves_in()

    def invite(_: int) -> str:
        try:
            return company.members(entry).invite("bo@acme.example", Role.EDITOR, idempotency_key="k").id
        except AlreadyDone:
            return ""

    with at_once(4) as pool:
        results = set(pool.map(invite, range(4))) - {""}
    assert len(results) == 1


def test_a_mail_that_is_lost_does_not_lose_the_user(company: Company) -> None:
    entry = company.moves_in()
    company.mail.works = False
    with pytest.raises(MailNotSent) as unsent:
        company.members(entry).invite("bo@acme.example", Role.EDITOR)
    company.mail.works = True
    user = company.members(entry).invite_again(str(unsent.value.facts["user_id"]))
    assert (user.email, user.status) == ("bo@acme.example", UserStatus.INVITED)
    assert company.moves_in(name="Bo")


# -- tenants


def test_a_tenants_first_admin_is_created_once(company: Company) -> None:
    at = company.clock()
    late = User("usr_" + "0" * 26, "late@acme.example", "", Role.ADMIN, UserStatus.INVITED, at)
    with pytest.raises(ChangedMeanwhile):
        with setup(company.tenant).begin() as changes:
            changes.create_tenant(late)
    assert everybody(company) == ["ann@acme.example"]


def test_a_tenant_that_is_older_than_its_own_item_keeps_its_first_admin(company: Company) -> None:
    invited = setup(company.tenant).first_admin()
    assert invited is not None and invited.email == "ann@acme.example"
    key = TenancyKeys(company.tenant.id).tenant()
    boto3.client("dynamodb").delete_item(TableName="data", Key={"pk": {"S": key.pk}, "sk": {"S": key.sk}})
    assert setup(company.tenant).first_admin() == invited


def test_the_next_call_finishes_a_tenant_that_is_only_registered(company: Company) -> None:
    begun = another_tenant()
    company.registry.tenants["other"] = begun
    made = company.operator().create(
        subdomain="other", name="Other", plan=Plan.STANDARD, admin_email="olaf@other.example"
    )
    assert made == begun
    company.tenant = begun
    with tenant_context(begun):
        assert company.actor(company.moves_in()).role is Role.ADMIN


def test_a_registered_tenant_is_finished_only_by_the_same_call(company: Company) -> None:
    company.registry.tenants["other"] = another_tenant()
    with pytest.raises(SubdomainTaken):
        company.operator().create(
            subdomain="other", name="Other", plan=Plan.ENTERPRISE, admin_email="olaf@other.example"
        )


def test_the_operator_finds_what_is_registered(company: Company) -> None:
    assert company.operator().read(company.tenant.id) == company.tenant
    for tenant_id in ("", "acme", "t000000000000"):
        with pytest.raises(TenantNotFound):
            company.operator().read(tenant_id)


def test_the_trail_names_the_operator_and_no_address(company: Company, region: Cloud) -> None:
    records = [item for item in region.items("audit") if item["pk"].startswith(company.tenant.id)]
    assert {record["action"] for record in records} == {Action.TENANT_CREATED.value, Action.USER_INVITED.value}
    assert {record["actor"] for record in records} == {"operator:olga"}
    assert "ann@acme.example" not in str(records)
