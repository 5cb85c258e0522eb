"""A tenant's credentials are asked for with a session policy that names the tenant's search collection and no other."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from docplatform.infra.credentials import TenantCredentials, session_policy

ROLE = "arn:aws:iam::123456789012:role/docplatform-tenant-access-us-east-1"
NOW = datetime(2026, 3, 1, tzinfo=UTC)
TENANT, OTHER = "t000000000001", "t000000000002"


class Sts:
    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []

    def assume_role(self, **request: Any) -> dict[str, Any]:
        self.asked.append(request)
        keys = {"AccessKeyId": f"a{len(self.asked)}", "SecretAccessKey": "s", "SessionToken": "t"}
        return {"Credentials": {**keys, "Expiration": NOW + timedelta(hours=1)}}


@pytest.fixture(autouse=True)
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_REGION", "us-east-1")


@pytest.fixture
def sts() -> Sts:
    return Sts()


@pytest.fixture
def credentials(sts: Sts) -> TenantCredentials:
    return TenantCredentials(ROLE, lambda: sts, lambda: NOW)


def test_the_session_policy_allows_the_tenants_collection_and_no_other() -> None:
    rest, search = json.loads(session_policy(ROLE, "abc"))["Statement"]
    assert rest == {"Effect": "Allow", "NotAction": "aoss:*", "Resource": "*"}
    own = "arn:aws:aoss:us-east-1:123456789012:collection/abc"
    assert search == {"Effect": "Allow", "Action": "aoss:APIAccessAll", "Resource": own}
    assert len(session_policy(ROLE, "a" * 40)) < 2_048, "the limit of AssumeRole, in characters"


def test_a_tenant_without_a_collection_reaches_none() -> None:
    (rest,) = json.loads(session_policy(ROLE, ""))["Statement"]
    assert rest["NotAction"] == "aoss:*"


@pytest.mark.parametrize("collection", ["*", "a*", "a/b", "a?c", "ABC", "${aws:username}", "ab", "a" * 41, "abc\n"])
def test_what_is_no_collections_id_is_refused(credentials: TenantCredentials, sts: Sts, collection: str) -> None:
    with pytest.raises(ValueError, match="collection"):
        credentials.assume(TENANT, collection)
    assert sts.asked == []


def test_credentials_are_kept_by_tenant_and_collection(credentials: TenantCredentials, sts: Sts) -> None:
    first = credentials.assume(TENANT, "abc")
    assert credentials.assume(TENANT, "abc") is first
    assert credentials.assume(TENANT) is not first
    assert credentials.assume(TENANT, "def") is not first
    assert credentials.assume(OTHER, "abc") is not first
    assert [(each["Tags"][0]["Value"], "abc" in each["Policy"], "def" in each["Policy"]) for each in sts.asked] == [
        (TENANT, True, False),
        (TENANT, False, False),
        (TENANT, False, True),
        (OTHER, True, False),
    ]
