"""Messages of the queue of password resets: each is checked before anything is done for it."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from docplatform.authentication.reset_requests import MalformedResetRequest, ResetRequest
from docplatform.core.tenant import TenantStatus
from tests.support.mocked_aws import Cloud, function
from tests.support.mocked_region import House, mails, new_house

AT = datetime(2026, 3, 1, 12, 30, 15, 250_000, tzinfo=UTC)
REQUEST = ResetRequest("t000000000001", "ann@acme.example", AT, "request-1")


def handles(body: str, group: str | None) -> Any:
    attributes = {"MessageGroupId": group} if group else {}
    record = {"messageId": "m1", "body": body, "attributes": attributes, "eventSource": "aws:sqs"}
    return function("identity", "password_resets").handler({"Records": [record]}, None)


def request_of(house: House) -> ResetRequest:
    return ResetRequest(house.facts["id"], house.admin_email, datetime.now(UTC), "r")


def test_a_request_survives_the_queue() -> None:
    assert ResetRequest.of(REQUEST.message(), REQUEST.tenant_id) == REQUEST


@pytest.mark.parametrize(
    "body",
    [
        "",
        "x",
        "null",
        "[]",
        "{}",
        '{"tenant_id": "t000000000001"}',
        json.dumps({**json.loads(REQUEST.message()), "x": 1}),
    ],
)
def test_what_is_no_request_is_refused(body: str) -> None:
    with pytest.raises(MalformedResetRequest):
        ResetRequest.of(body, "t000000000001")


@pytest.mark.parametrize("group", [None, "", "t000000000002"])
def test_a_request_of_another_tenant_than_its_group_is_refused(group: str | None) -> None:
    with pytest.raises(MalformedResetRequest):
        ResetRequest.of(REQUEST.message(), group)


def test_a_forged_message_sends_nothing(house: House, region: Cloud) -> None:
    house.moves_in()
    before = len(mails(house.admin_email))
    with pytest.raises(MalformedResetRequest):
        handles(request_of(house).message(), new_house(region).facts["id"])
    assert len(mails(house.admin_email)) == before


def test_a_member_gets_the_mail_of_their_own_tenant(house: House, region: Cloud) -> None:
    house.moves_in()
    before, other = len(mails(house.admin_email)), new_house(region)
    stray = replace(request_of(house), tenant_id=other.facts["id"])
    handles(stray.message(), stray.tenant_id)
    assert len(mails(house.admin_email)) == before
    handles(request_of(house).message(), house.facts["id"])
    assert "reset-password?token=" in mails(house.admin_email)[-1]


def test_a_suspended_tenant_sends_nothing(house: House) -> None:
    house.moves_in()
    before = len(mails(house.admin_email))
    house.is_registered_as(status=TenantStatus.SUSPENDED.value)
    handles(request_of(house).message(), house.facts["id"])
    assert len(mails(house.admin_email)) == before
