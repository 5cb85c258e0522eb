"""An organisation shortens sessions and says from where its members may come: what exceeds it ends."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docplatform.authentication.sign_in import IssuedTokens
from docplatform.core.actor import Permission, Role
from docplatform.core.errors import AddressRefused, ChangedMeanwhile, Invalid
from docplatform.core.time import rfc3339
from docplatform.identity.adapters.keys import IdentityKeys
from docplatform.identity.errors import InvalidRefreshToken, OwnAddressMissing
from docplatform.identity.security_settings import SecuritySettings, clean_ranges, is_within
from docplatform.infra.dynamodb.codec import encode_item
from tests.identity.harness import PASSWORD, Company
from tests.support.mocked_aws import Answer, Cloud, Person, TenantWorld

ANN, HERE, AWAY = "ann@acme.example", "192.0.2.7", "198.51.100.9"
OFFICE = ["192.0.2.0/24", "2001:db8::/32"]


@pytest.fixture
def entry(company: Company) -> IssuedTokens:
    return company.moves_in()


def sets(company: Company, entry: IssuedTokens, **limits: Any) -> SecuritySettings:
    return company.accounts(entry).set_security(HERE, require_mfa=False, **limits)


def is_in(company: Company, entry: IssuedTokens) -> bool:
    """Whether the session is open, by what each request reads."""
    user_id, session_id, _ = entry.access_token.split()
    session, user, _ = company.people.bearer(session_id, user_id)
    assert user
    listed = session_id in [each.id for each in company.open_sessions(entry)]
    open_now = session is not None and session.expires_at > company.clock()
    assert listed == open_now
    return open_now


# -- how long


@pytest.mark.parametrize("limit", ["idle", "life"])
def test_a_shorter_limit_ends_what_exceeds_it_at_once(company: Company, entry: IssuedTokens, limit: str) -> None:
    company.clock.passes(hours=2)
    newer = company.door.log_in(ANN, PASSWORD)
    company.clock.passes(minutes=4)
    sets(company, newer, **{limit: timedelta(hours=1)})
    assert not is_in(company, entry) and is_in(company, newer)
    with pytest.raises(InvalidRefreshToken):
        company.door.refresh(entry.refresh_token)


def test_an_idle_session_ends_and_one_in_use_stays(company: Company, entry: IssuedTokens) -> None:
    sets(company, entry, idle=timedelta(minutes=5))
    used, idle = company.door.log_in(ANN, PASSWORD), company.door.log_in(ANN, PASSWORD)
    for _ in range(10):
        company.clock.passes(minutes=4)
        used = company.door.refresh(used.refresh_token)
    assert is_in(company, used) and not is_in(company, idle)


def test_no_use_makes_a_session_longer_than_its_life(company: Company, entry: IssuedTokens) -> None:
    sets(company, entry, life=timedelta(hours=1))
    entry = company.door.log_in(ANN, PASSWORD)
    for _ in range(5):
        company.clock.passes(minutes=11)
        entry = company.door.refresh(entry.refresh_token)
    company.clock.passes(minutes=6)
    with pytest.raises(InvalidRefreshToken):
        company.door.refresh(entry.refresh_token)


@pytest.mark.parametrize(("idle", "seconds"), [(5, 150), (20, 600), (30, 900), (20_160, 900)])
def test_an_access_token_is_exchanged_before_the_idle_time_is_over(
    company: Company, entry: IssuedTokens, idle: int, seconds: int
) -> None:
    sets(company, entry, idle=timedelta(minutes=idle))
    again = company.door.log_in(ANN, PASSWORD)
    assert again.expires_in == company.door.refresh(again.refresh_token).expires_in == seconds


@pytest.mark.parametrize("limit", ["idle", "life"])
def test_what_a_short_limit_has_ended_does_not_come_back_with_a_long_one(
    company: Company, entry: IssuedTokens, limit: str
) -> None:
    long = {"idle": timedelta(days=14), "life": timedelta(days=30)}[limit]
    company.clock.passes(minutes=50)
    fresh = company.door.log_in(ANN, PASSWORD)
    sets(company, fresh, **{limit: timedelta(hours=1)})
    company.clock.passes(minutes=20)
    assert not is_in(company, entry)
    sets(company, fresh, **{limit: long})
    assert not is_in(company, entry) and is_in(company, fresh)
    company.clock.passes(hours=2)
    sets(company, company.door.refresh(fresh.refresh_token), **{limit: long})
    assert is_in(company, fresh) and not is_in(company, entry)


@pytest.mark.parametrize(
    "limits",
    [
        {"idle": timedelta(minutes=4, seconds=59)},
        {"idle": timedelta(days=14, seconds=1)},
        {"life": timedelta(minutes=59)},
        {"life": timedelta(days=30, seconds=1)},
        {"idle": timedelta(seconds=-300)},
        {"address_ranges": ["192.0.2.1/24"]},
        {"address_ranges": ["acme.example"]},
        {"address_ranges": [""]},
        {"address_ranges": [f"192.0.2.{number}" for number in range(51)]},
    ],
)
def test_a_limit_that_makes_no_sense_is_refused(company: Company, entry: IssuedTokens, limits: dict[str, Any]) -> None:
    before = company.people.security_settings()
    with pytest.raises(Invalid):
        sets(company, entry, **limits)
    assert company.people.security_settings() == before


def test_what_is_left_out_stays(company: Company, entry: IssuedTokens) -> None:
    sets(company, entry, idle=timedelta(minutes=5), life=timedelta(hours=1), address_ranges=OFFICE)
    sets(company, entry)
    stored = company.people.security_settings()
    assert (stored.session_idle, stored.session_life, stored.address_ranges) == (300, 3_600, tuple(OFFICE))
    assert sets(company, entry, address_ranges=[]).address_ranges == ()


def test_two_admins_do_not_overwrite_each_other(company: Company, entry: IssuedTokens) -> None:
    accounts, before = company.accounts(entry), company.people.security_settings()
    sets(company, entry, address_ranges=OFFICE)
    accounts._people.security_settings = lambda: before  # type: ignore[method-assign]
    with pytest.raises(ChangedMeanwhile):
        accounts.set_security(HERE, require_mfa=True)


# -- from where


@pytest.mark.parametrize(
    ("address", "inside"),
    [
        ("192.0.2.7", True),
        ("192.0.3.7", False),
        ("2001:db8:1::7", True),
        ("2001:db9::7", False),
        ("::ffff:192.0.2.7", True),
        ("::ffff:192.0.3.7", False),
        ("", False),
        ("unknown", False),
    ],
)
def test_an_address_is_in_the_ranges_or_not(address: str, inside: bool) -> None:
    assert is_within(address, OFFICE) is inside
    assert is_within(address, ())


@given(st.ip_addresses())
def test_an_address_is_in_its_own_range(address: Any) -> None:
    assert is_within(str(address), clean_ranges([str(address)]))


def test_an_admin_does_not_lock_themselves_out(company: Company, entry: IssuedTokens) -> None:
    with pytest.raises(OwnAddressMissing, match=HERE):
        sets(company, entry, address_ranges=["198.51.100.0/24"])
    assert company.people.security_settings().address_ranges == ()


def test_nobody_signs_in_or_stays_in_from_elsewhere(company: Company, entry: IssuedTokens, region: Cloud) -> None:
    sets(company, entry, address_ranges=OFFICE)
    with pytest.raises(AddressRefused):
        company.door_for(AWAY).log_in(ANN, PASSWORD)
    with pytest.raises(AddressRefused):
        company.door_for(AWAY).refresh(entry.refresh_token)
    own = [item for item in region.items("audit") if item["pk"].startswith(company.tenant.id + "#")]
    assert [item["facts"] for item in own if item["action"] == "access.refused"] == [{"code": "address_refused"}] * 2
    assert len(company.open_sessions(entry)) == 1
    assert company.door.refresh(entry.refresh_token) and company.door_for(HERE).log_in(ANN, PASSWORD)


# -- over HTTP: each operation, with sessions and API keys


def stores(home: TenantWorld, **settings: Any) -> None:
    key = IdentityKeys(home.tenant.id).security_settings()
    home.cloud.database.put_item(TableName="data", Item=encode_item({**key._asdict(), **settings}))


Ask = Callable[[Person], Answer]
OPERATIONS: dict[str, Ask] = {
    "a read": lambda person: person.asks("GET", "/v1/folders/root"),
    "a list": lambda person: person.asks("GET", "/v1/users"),
    "a change": lambda person: person.creates_folder("New"),
    "an invitation, which begins with a write": lambda person: person.asks(
        "POST", "/v1/users", {"email": "new@acme.example", "role": "viewer"}
    ),
    "SCIM": lambda person: person.asks("GET", "/scim/v2/Users"),
    "SCIM, which reads nothing": lambda person: person.asks("GET", "/scim/v2/ServiceProviderConfig"),
    "a ticket for a live connection": lambda person: person.asks("POST", "/v1/live/tickets"),
}


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("by_key", [False, True], ids=["session", "API key"])
def test_a_request_from_elsewhere_is_refused_and_recorded(acme: TenantWorld, operation: str, by_key: bool) -> None:
    person = acme.member(Role.ADMIN)
    if by_key:
        person = with_key(person)
    if by_key and "ticket" in operation:
        pytest.skip("API keys open no live connection")
    stores(acme, require_mfa=False, address_ranges=["192.0.2.0/24"])
    assert OPERATIONS[operation](person).status in (200, 201)
    stores(acme, require_mfa=False, address_ranges=["198.51.100.0/24"])
    claims = {"address_ranges": "198.51.100.0/24"} if "write" in operation or "ticket" in operation else {}
    refused = OPERATIONS[operation](Claiming(person, claims))  # type: ignore[arg-type]
    assert refused.status == 403
    assert "network" in refused["detail"]
    assert acme.actions[-1] == "access.refused" and acme.audit[-1]["facts"]["code"] == "address_refused"


class Claiming:
    """A person whose requests carry more claims of the authorizer."""

    def __init__(self, person: Person, claims: dict[str, str]) -> None:
        self._person, self._claims = person, claims

    def asks(self, *given: Any, **named: Any) -> Answer:
        cloud = self._person.home.cloud
        call = cloud.call

        def with_claims(package: str, event: dict[str, Any]) -> Answer:
            event["requestContext"]["authorizer"] |= self._claims
            return call(package, event)

        try:
            cloud.call = with_claims  # type: ignore[method-assign]
            return self._person.asks(*given, **named)
        finally:
            del cloud.call  # type: ignore[attr-defined]

    def creates_folder(self, name: str) -> Answer:
        return self.asks("POST", "/v1/folders", {"name": name, "parent_id": "root"})


def with_key(person: Person) -> Person:
    at = datetime.now(UTC)
    key_id = "key_" + person.session_id.removeprefix("ses_")
    item = {"id": key_id, "owner_id": person.id, "name": "k", "scopes": sorted(Permission), "secret_hash": "x"}
    item |= {"created_by": person.id, "created_at": rfc3339(at), "expires_at": rfc3339(at + timedelta(days=1))}
    key = IdentityKeys(person.home.tenant.id).api_key(key_id)
    stored = {**key._asdict(), **item, "used_at": "", "revoked_at": ""}
    person.home.cloud.database.put_item(TableName="data", Item=encode_item(stored))
    return Person(person.home, person.id, person.role, frozenset(Permission), key_id)


def test_a_session_that_exceeds_the_limits_is_refused_by_any_request(acme: TenantWorld) -> None:
    person, at = acme.member(Role.ADMIN), datetime.now(UTC)
    key = IdentityKeys(acme.tenant.id).session(person.session_id)
    acme.cloud.database.update_item(
        TableName="data",
        Key=encode_item(key._asdict()),
        UpdateExpression="SET used_at = :at",
        ExpressionAttributeValues=encode_item({":at": rfc3339(at - timedelta(minutes=6))}),
    )
    assert person.lists().status == 200
    stores(acme, require_mfa=False, session_idle=300)
    assert person.lists().status == 401


def test_the_settings_over_http(acme: TenantWorld) -> None:
    admin, path = acme.member(Role.ADMIN), "/v1/security-settings"
    assert admin.asks("GET", path).body == {
        "require_mfa": False,
        "session_idle_minutes": 20_160,
        "session_life_minutes": 43_200,
        "address_ranges": [],
    }
    wish = {"require_mfa": False, "session_idle_minutes": 5, "session_life_minutes": 60, "address_ranges": OFFICE}
    assert admin.asks("PUT", path, wish).body == wish
    assert admin.asks("PUT", path, {"require_mfa": True}).body == wish | {"require_mfa": True}
    refused = admin.asks("PUT", path, {"require_mfa": True, "address_ranges": ["198.51.100.0/24"]})
    assert (refused.status, refused["code"]) == (409, "own_address_missing")
    for bad in ({"session_idle_minutes": 4}, {"session_life_minutes": 59}, {"address_ranges": ["x"]}):
        assert admin.asks("PUT", path, {"require_mfa": True, **bad}).status == 422
    for name in ("session_idle_minutes", "session_life_minutes"):
        assert admin.asks("PUT", path, {"require_mfa": True, name: 0}).status == 422
        for out in (-1, 10**30):  # more than a time can be
            assert admin.asks("PUT", path, {"require_mfa": True, name: out}).status == 400
    assert acme.actions.count("security-settings.changed") == 2
