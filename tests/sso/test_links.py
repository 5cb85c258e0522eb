"""An account is linked to one subject of one issuer. Another subject with the account's address is refused and told to
the admins, who can move the link."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from docplatform.authentication.sso_account import AccountResolver
from docplatform.core.tenant import tenant_context
from docplatform.core.time import rfc3339
from docplatform.identity.adapters.keys import IdentityKeys
from docplatform.infra.dynamodb.codec import encode_item
from docplatform.runtime.tenant_access import table
from docplatform.runtime.tenant_resolution import tenant_of
from docplatform.sso.adapters.keys import SsoKeys
from docplatform.sso.adapters.store import DynamoSso
from docplatform.sso.errors import SsoAccountLinked
from docplatform.sso.model import ExternalIdentity
from tests.sso.harness import Browser, asks, connects
from tests.sso.providers.oidc import CLIENT, SECRET, FakeOidc, serving
from tests.sso.providers.saml import FakeSaml
from tests.support.mocked_aws import Answer
from tests.support.mocked_region import House, mails

ANN = "ann@acme.example"
Provider = FakeOidc | FakeSaml


@pytest.fixture
def idp() -> Iterator[FakeOidc]:
    with serving(FakeOidc()) as provider:
        yield provider


@pytest.fixture(params=[FakeOidc, FakeSaml], ids=["oidc", "saml"])
def either(request: pytest.FixtureRequest) -> Iterator[Provider]:
    with serving(request.param()) as provider:
        yield provider


def connect(house: House, admin: dict[str, str], idp: Provider, **wish: Any) -> None:
    if isinstance(idp, FakeOidc):
        wish = {"kind": "oidc", "issuer": idp.issuer, "client_id": CLIENT, "client_secret": SECRET, **wish}
    else:
        wish = {"kind": "saml", "issuer": idp.entity, "metadata_url": f"{idp.address}/metadata", **wish}
    answer = connects(house, admin, **wish)
    assert answer.status == 200, answer


def signs_in(house: House, idp: Provider, subject: str = "ann-at-idp", email: str = ANN) -> Answer:
    browser = Browser(house)
    if isinstance(idp, FakeSaml):
        idp.subject, idp.attributes["email"] = subject, [email]
        return browser.posts(**idp.logs_in(browser.opens_login().headers["Location"]))
    idp.person |= {"sub": subject, "email": email}
    return browser.comes_back(**idp.logs_in(browser.opens_login().headers["Location"]))


def user_of(house: House, entry: Answer) -> str:
    return str(house.asks("GET", "/v1/me", token=entry["access_token"])["user"]["id"])


def is_refused(answer: Answer) -> bool:
    return (answer.status, answer["code"]) == (401, "sso_refused") and "access_token" not in answer.body


def told(house: House) -> int:
    return sum("address of an account here" in mail.replace("\n", " ") for mail in mails(house.admin_email))


def conflicts(house: House, admin: dict[str, str]) -> list[dict[str, Any]]:
    answer = asks(house, "GET", "/v1/sso-connection/conflicts", token=admin["access_token"])
    assert answer.status == 200, answer
    found: list[dict[str, Any]] = answer["items"]
    return found


def moves(house: House, admin: dict[str, str], user: str, subject: str) -> Answer:
    return asks(house, "PUT", f"/v1/sso-connection/links/{user}", {"subject": subject}, admin["access_token"])


def forgets_mutual_link(house: House, idp: FakeOidc, user: str, subject: str = "ann-at-idp") -> None:
    """Leave the items as an earlier version stored them."""
    keys = house.keys(SsoKeys)
    for key in (keys.account(user, idp.issuer), keys.subject(idp.issuer, subject)):
        house.cloud.database.delete_item(TableName="data", Key=encode_item(key._asdict()))
    house.sets(keys.subject(idp.issuer, subject), user_id=user)
    house.sets(keys.connection(), links_complete=False)


# -- one account, one subject


def test_other_subjects_with_a_members_address_are_refused_and_told(house: House, either: Provider) -> None:
    admin = house.moves_in()
    connect(house, admin, either, domains=["acme.example", f"{house.subdomain}.example"])
    ann = user_of(house, signs_in(house, either))
    assert is_refused(signs_in(house, either, "second"))
    assert is_refused(signs_in(house, either, "third"))
    assert user_of(house, signs_in(house, either)) == ann
    assert [(each["user_id"], each["email"]) for each in conflicts(house, admin)] == [(ann, ANN)] * 2
    assert {each["subject"] for each in conflicts(house, admin)} == {"second", "third"}
    assert told(house) == 1
    refusals = [record for record in house.trail if record["action"] == "sso.refused"]
    assert [record["target"] for record in refusals] == [ann, ann]
    # the first admin's account is linked once, too
    assert signs_in(house, either, "boss", house.admin_email).status == 200
    assert is_refused(signs_in(house, either, "not the boss", house.admin_email))
    assert house.actions.count("user.linked") == 2


def test_the_answer_says_what_to_do(house: House, idp: FakeOidc) -> None:
    connect(house, house.moves_in(), idp)
    signs_in(house, idp)
    assert "Your admins have been told" in signs_in(house, idp, "second")["detail"]


def test_the_database_refuses_a_second_link(house: House) -> None:
    """Two subjects that both found the account without a link: one of the transactions fails, whatever was read."""
    tenant = tenant_of(house.host)
    with tenant_context(tenant):
        store, at = DynamoSso(table(tenant)), datetime.now(UTC)
        one, two = (ExternalIdentity("https://idp.example", subject) for subject in ("one", "two"))
        found = [store.linked(each) for each in (one, two)]
        with store.begin() as changes:
            changes.link(one, "usr_x", before=found[0], at=at)
        with pytest.raises(SsoAccountLinked), store.begin() as changes:
            changes.link(two, "usr_x", before=found[1], at=at)
        with store.begin() as changes:  # another issuer has subjects of its own
            changes.link(ExternalIdentity("https://new.example", "one"), "usr_x", before=None, at=at)
        assert store.linked(two) is None


# -- whom the provider vouches for


@pytest.mark.parametrize(
    ("verified", "wish", "linked"),
    [
        (True, "domains", True),
        ("true", "domains", True),
        ("True", "domains", True),
        (None, "domains", False),
        (False, "domains", False),
        ("false", "domains", False),
        (1, "domains", False),
        (True, "nothing", False),
        (None, "authoritative_domains", True),
        (False, "authoritative_domains", False),
    ],
)
def test_an_address_links_only_if_the_provider_vouches_for_it(
    house: House, idp: FakeOidc, verified: object, wish: str, linked: bool
) -> None:
    admin = house.moves_in()
    connect(house, admin, idp, **({} if wish == "nothing" else {wish: [f"{house.subdomain}.example"]}))
    idp.claims = {"email_verified": verified}
    answer = signs_in(house, idp, "boss", house.admin_email)
    assert answer.status == 200 if linked else is_refused(answer)
    assert house.actions.count("user.linked") == linked
    assert told(house) == (0 if linked or not (verified is True or verified is None) else 1)


# -- the admins move a link


def test_an_admin_moves_the_link(house: House, idp: FakeOidc) -> None:
    admin = house.moves_in()
    connect(house, admin, idp)
    before = signs_in(house, idp)
    ann = user_of(house, before)
    signs_in(house, idp, "second")
    (conflict,) = conflicts(house, admin)
    moved = moves(house, admin, conflict["user_id"], conflict["subject"])
    assert (moved.status, moved["user_id"]) == (200, ann)
    assert conflicts(house, admin) == []
    assert house.refreshes(before.body)["code"] == "invalid_refresh_token"
    assert user_of(house, signs_in(house, idp, "second")) == ann
    assert is_refused(signs_in(house, idp))
    assert "user.link-moved" in house.actions


def test_who_may_move_a_link(house: House, idp: FakeOidc) -> None:
    admin = house.moves_in()
    connect(house, admin, idp, default_role="editor")
    ann = signs_in(house, idp)
    bo = signs_in(house, idp, "bo", "bo@acme.example")
    assert moves(house, ann.body, user_of(house, bo), "ann-at-idp").status == 403
    assert asks(house, "GET", "/v1/sso-connection/conflicts", token=ann["access_token"]).status == 403
    taken = moves(house, admin, user_of(house, bo), "ann-at-idp")
    assert (taken.status, taken["code"]) == (409, "sso_subject_taken")
    assert moves(house, admin, "usr_unknown", "x")["code"] == "user_not_found"
    long_ago = rfc3339(datetime.now(UTC) - timedelta(hours=1))
    for item in house.cloud.items("data"):
        if item["pk"].startswith(f"{house.facts['id']}#session#"):
            house.sets(type(house.keys(SsoKeys).connection())(item["pk"], item["sk"]), auth_time=long_ago)
    assert moves(house, admin, user_of(house, bo), "x")["code"] == "step_up_required"
    assert user_of(house, signs_in(house, idp, "bo", "bo@acme.example")) == user_of(house, bo)


# -- links of earlier versions


def test_a_link_of_an_earlier_version_goes_on_and_becomes_mutual(house: House, idp: FakeOidc) -> None:
    admin = house.moves_in()
    connect(house, admin, idp, domains=["acme.example"])
    ann = user_of(house, signs_in(house, idp))
    forgets_mutual_link(house, idp, ann)
    assert is_refused(signs_in(house, idp, "second")), "the account has a link that only its subject knows"
    assert user_of(house, signs_in(house, idp)) == ann
    assert is_refused(signs_in(house, idp, "second"))
    assert house.actions.count("user.linked") == 1


def test_a_second_old_link_of_one_account_ends(house: House, idp: FakeOidc) -> None:
    admin = house.moves_in()
    connect(house, admin, idp, domains=["acme.example"])
    ann = user_of(house, signs_in(house, idp))
    forgets_mutual_link(house, idp, ann)
    house.sets(house.keys(SsoKeys).subject(idp.issuer, "second"), user_id=ann)
    assert user_of(house, signs_in(house, idp)) == ann
    assert is_refused(signs_in(house, idp, "second"))


def test_a_connection_that_is_made_anew_remembers_old_links(house: House, idp: FakeOidc) -> None:
    admin = house.moves_in()
    connect(house, admin, idp, domains=["acme.example"])
    forgets_mutual_link(house, idp, user_of(house, signs_in(house, idp)))
    assert asks(house, "DELETE", "/v1/sso-connection", token=admin["access_token"]).status == 204
    connect(house, admin, idp, domains=["acme.example"])
    assert is_refused(signs_in(house, idp, "second"))


def test_an_address_that_was_changed_lately_links_nobody(house: House, idp: FakeOidc) -> None:
    """A provisioning key that gives an admin the address of its holder does not make the holder that admin."""
    admin = house.moves_in()
    connect(house, admin, idp, domains=["acme.example"])
    user = str(house.asks("GET", "/v1/me", token=admin["access_token"])["user"]["id"])
    house.sets(house.keys(IdentityKeys).email("eve@acme.example"), user_id=user)
    house.sets(
        house.keys(IdentityKeys).user(user), email="eve@acme.example", email_changed_at=rfc3339(datetime.now(UTC))
    )
    assert is_refused(signs_in(house, idp, "eve-at-idp", "eve@acme.example"))
    day = timedelta(days=1)
    house.sets(house.keys(IdentityKeys).user(user), email_changed_at=rfc3339(datetime.now(UTC) - day))
    assert "access_token" in signs_in(house, idp, "eve-at-idp", "eve@acme.example").body


def _meanwhile(house: House, monkeypatch: pytest.MonkeyPatch, change: Callable[[], None]) -> None:
    """Does ``change`` after a move was decided and before it is stored."""
    begin = DynamoSso.begin

    def late(store: DynamoSso) -> Any:
        monkeypatch.setattr(DynamoSso, "begin", begin)
        change()
        return begin(store)

    monkeypatch.setattr(DynamoSso, "begin", late)


MEANWHILE: dict[str, dict[str, Any]] = {
    "disabled": {"status": "disabled"},
    "promoted": {"role": "admin"},
    "given another address": {"email": "other@acme.example"},
    "removed": {"removed": True},
}


@pytest.mark.parametrize("change", MEANWHILE)
def test_a_move_pins_the_account_that_it_was_decided_on(
    house: House, idp: FakeOidc, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    admin = house.moves_in()
    connect(house, admin, idp, domains=["acme.example"])
    ann = user_of(house, signs_in(house, idp))
    key = house.keys(IdentityKeys).user(ann)
    _meanwhile(house, monkeypatch, lambda: house.sets(key, **MEANWHILE[change]))
    assert moves(house, admin, ann, "second")["code"] == "changed_meanwhile"


def test_a_move_pins_the_connection(house: House, idp: FakeOidc, monkeypatch: pytest.MonkeyPatch) -> None:
    admin = house.moves_in()
    connect(house, admin, idp, domains=["acme.example"])
    ann = user_of(house, signs_in(house, idp))
    _meanwhile(house, monkeypatch, lambda: house.sets(house.keys(SsoKeys).connection(), revision=7))
    assert moves(house, admin, ann, "second")["code"] == "changed_meanwhile"


def test_a_move_is_for_accounts_of_people(house: House, idp: FakeOidc) -> None:
    admin = house.moves_in()
    connect(house, admin, idp, domains=["acme.example"])
    ann = user_of(house, signs_in(house, idp))
    house.sets(house.keys(IdentityKeys).user(ann), kind="service")
    assert moves(house, admin, ann, "second")["code"] == "user_not_found"


def test_what_another_person_may_have_made_ends_with_a_move(house: House, idp: FakeOidc) -> None:
    admin = house.moves_in()
    connect(house, admin, idp, domains=["acme.example"])
    entry = signs_in(house, idp)
    ann = user_of(house, entry)
    assert moves(house, admin, ann, "second").status == 200
    stored = next(
        each for each in house.cloud.items("data") if each["pk"].endswith(f"user#{ann}") and each["sk"] == "profile"
    )
    assert stored["keys_since"] == stored["sessions_since"]


@pytest.mark.parametrize("name", ["Ann", ""], ids=["unchanged", "changed by the provider"])
def test_a_sign_in_does_not_outlive_an_end_of_all_sessions(
    house: House, idp: FakeOidc, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """The user is disabled and enabled between the sign-in's read and its commit."""
    admin = house.moves_in()
    connect(house, admin.body if isinstance(admin, Answer) else admin, idp)
    entry = signs_in(house, idp, subject="bo-at-idp", email="bo@x.example")
    user, resolve = user_of(house, entry), AccountResolver.resolve
    key = house.keys(IdentityKeys).user(user)
    house.sets(key, name=name)

    def slow(*given: Any) -> Any:
        monkeypatch.setattr(AccountResolver, "resolve", resolve)
        found = resolve(*given)
        for disabled in (True, False):
            changed = house.asks("PATCH", f"/v1/users/{user}", {"disabled": disabled}, admin["access_token"])
            assert changed.status == 200, changed
        return found

    idp.person["name"] = "Bo"
    monkeypatch.setattr(AccountResolver, "resolve", slow)
    assert is_refused(signs_in(house, idp, subject="bo-at-idp", email="bo@x.example"))
    assert signs_in(house, idp, subject="bo-at-idp", email="bo@x.example").status == 200
