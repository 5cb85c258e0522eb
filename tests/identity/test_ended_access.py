"""What a user could do, or had begun, does not come back after the access was taken away."""

from __future__ import annotations

from datetime import timedelta

import pytest

from docplatform.api_keys.adapters.store import DynamoApiKeys
from docplatform.api_keys.administration import ApiKeyService
from docplatform.api_keys.service_accounts import ServiceAccounts
from docplatform.api_keys.verification import KeyRefused, admit
from docplatform.authentication.sign_in import IssuedTokens
from docplatform.core.actor import Permission, Role
from docplatform.core.errors import Conflict, DomainError
from docplatform.directory.entry import UserAttributes, UserWithGroups
from docplatform.identity.errors import InvalidInvitation, InvalidRefreshToken, InvalidReset
from docplatform.identity.model import User
from docplatform.runtime.tenant_access import table
from tests.identity.harness import PASSWORD, Company, at_once


def joins(company: Company, ann: IssuedTokens, email: str, role: Role) -> tuple[User, IssuedTokens]:
    user = company.members(ann).invite(email, role)
    return user, company.moves_in(name="Bo")


def keys(company: Company) -> DynamoApiKeys:
    return DynamoApiKeys(table(company.tenant))


def makes_key(company: Company, entry: IssuedTokens, owner: str = "") -> str:
    service = ApiKeyService(company.actor(entry), keys(company), company.clock)
    until = company.clock() + timedelta(days=30)
    return service.create("k", frozenset({Permission.READ}), until, owner_id=owner)[1]


def disables(company: Company, ann: IssuedTokens, user: User, way: str) -> None:
    if way == "account":
        company.accounts(ann).change(user.id, disabled=True)
    else:
        _provisioned(company, ann, user, active=False)


def enables(company: Company, ann: IssuedTokens, user: User, way: str) -> None:
    if way == "account":
        company.accounts(ann).change(user.id, disabled=False)
    else:
        _provisioned(company, ann, user, active=True)


def _provisioned(company: Company, ann: IssuedTokens, user: User, *, active: bool) -> None:
    def revise(found: UserWithGroups) -> UserAttributes:
        known = found.entry.user
        return UserAttributes(known.email, known.email, known.name, known.role, active, "", "{}")

    company.directory(ann).change(user.id, revise)


@pytest.mark.parametrize("way", ["account", "provisioning"])
def test_an_api_key_does_not_come_back_with_its_owner(company: Company, way: str) -> None:
    ann = company.moves_in()
    bo, entry = joins(company, ann, "bo@acme.example", Role.EDITOR)
    old = makes_key(company, entry)
    assert admit(old, keys(company), company.clock())[0].id == bo.id
    company.clock.passes(minutes=1)
    disables(company, ann, bo, way)
    company.clock.passes(minutes=1)
    enables(company, ann, bo, way)
    with pytest.raises(KeyRefused, match="ended with its owner's access"):
        admit(old, keys(company), company.clock())
    again = company.door.log_in("bo@acme.example", PASSWORD)
    assert admit(makes_key(company, again), keys(company), company.clock())[0].id == bo.id


@pytest.mark.parametrize("way", ["account", "provisioning"])
def test_a_reset_link_does_not_come_back_with_its_user(company: Company, way: str) -> None:
    ann = company.moves_in()
    bo, _ = joins(company, ann, "bo@acme.example", Role.EDITOR)
    company.asks_for_reset("bo@acme.example")
    _, token = company.mail.resets[-1]
    company.clock.passes(minutes=1)
    disables(company, ann, bo, way)
    enables(company, ann, bo, way)
    with pytest.raises(InvalidReset):
        company.lost_password.reset(token, "another sentence of many words")
    company.clock.passes(minutes=3)
    company.asks_for_reset("bo@acme.example")
    company.lost_password.reset(company.mail.resets[-1][1], "another sentence of many words")


def test_a_retired_service_account_and_its_keys_do_not_return(company: Company) -> None:
    ann = company.moves_in()
    accounts = ServiceAccounts(company.actor(ann), keys(company), company.clock)
    account = accounts.create("Import", Role.ADMIN)
    key = makes_key(company, ann, owner=account.id)
    assert admit(key, keys(company), company.clock())[0].id == account.id
    accounts.retire(account.id)
    with pytest.raises(Conflict, match="does not return"):
        company.accounts(ann).change(account.id, disabled=False)
    with pytest.raises(KeyRefused):
        admit(key, keys(company), company.clock())


@pytest.mark.parametrize("loss", ["demoted", "disabled", "deleted"])
def test_an_invitation_ends_with_the_authority_of_its_sender(company: Company, loss: str) -> None:
    ann = company.moves_in()
    bo, entry = joins(company, ann, "bo@acme.example", Role.ADMIN)
    invited = company.members(entry).invite("cy@acme.example", Role.ADMIN)
    token = company.mail.token
    if loss == "deleted":
        company.directory(ann).remove(bo.id)
    else:
        change = {"role": Role.EDITOR} if loss == "demoted" else {"disabled": True}
        company.accounts(ann).change(bo.id, **change)  # type: ignore[arg-type]
    with pytest.raises(InvalidInvitation, match="may not invite any more"):
        company.moves_in(token, "Cy")
    assert company.people.user(invited.id).status.value == "invited"  # type: ignore[union-attr]
    company.members(ann).invite_again(invited.id)
    assert company.moves_in(name="Cy").access_token.endswith("admin")


def test_a_sender_who_is_demoted_meanwhile_stops_the_acceptance(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann = company.moves_in()
    bo, entry = joins(company, ann, "bo@acme.example", Role.ADMIN)
    company.members(entry).invite("cy@acme.example", Role.ADMIN)
    hashes = company.passwords.hash

    def slow(password: str) -> str:
        company.accounts(ann).change(bo.id, role=Role.EDITOR)
        return hashes(password)

    monkeypatch.setattr(company.passwords, "hash", slow)
    with pytest.raises(InvalidInvitation):
        company.moves_in(name="Cy")


def test_an_invitation_of_an_older_version_names_no_sender(company: Company) -> None:
    ann = company.moves_in()
    user = company.members(ann).invite("bo@acme.example", Role.EDITOR)
    with company.people.begin() as changes:
        changes.set_sender(user.id, "")
    assert company.moves_in(name="Bo").access_token.endswith("editor")


def test_two_refreshes_at_one_moment_end_the_session(company: Company) -> None:
    """The loser has read the session before the winner's exchange: the database finds the reuse."""
    entry = company.moves_in()
    session_id = company.actor(entry).session_id
    results = []

    def exchange(_: int) -> None:
        try:
            results.append(company.door.refresh(entry.refresh_token))
        except DomainError as error:
            results.append(error)

    with at_once(4) as pool:
        list(pool.map(exchange, range(4)))
    won = [result for result in results if isinstance(result, IssuedTokens)]
    assert len(won) == 1 and company.people.session(session_id) is None
    with pytest.raises(InvalidRefreshToken):
        company.door.refresh(won[0].refresh_token)


def test_the_exchange_itself_finds_a_reuse(company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    """No timing: the second exchange happens inside the first one, after that has read the session."""
    entry = company.moves_in()
    sign, nested = company.tokens.access_token, []

    def signs(*given: object) -> str:
        if not nested:
            nested.append(True)
            nested.append(company.door.refresh(entry.refresh_token))
        return sign(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(company.tokens, "access_token", signs)
    with pytest.raises(InvalidRefreshToken):
        company.door.refresh(entry.refresh_token)
    assert company.people.session(company.actor(entry).session_id) is None


@pytest.mark.parametrize("ends", [False, True])
def test_a_password_reset_offers_to_end_api_keys_and_tells_of_them(company: Company, ends: bool) -> None:
    ann = company.moves_in()
    bo, entry = joins(company, ann, "bo@acme.example", Role.EDITOR)
    key, old = makes_key(company, entry), makes_key(company, entry)
    ApiKeyService(company.actor(entry), keys(company), company.clock).revoke(
        admit(old, keys(company), company.clock())[1].id
    )
    company.clock.passes(minutes=1)
    company.asks_for_reset(bo.email)
    company.lost_password.reset(company.mail.resets[-1][1], "another sentence of many words", end_api_keys=ends)
    assert company.mail.notices == [(bo.email, f"password reset, {0 if ends else 1} API keys left")]
    if ends:
        with pytest.raises(KeyRefused, match="ended with its owner's access"):
            admit(key, keys(company), company.clock())
    else:
        assert admit(key, keys(company), company.clock())[0].id == bo.id
    again = company.door.log_in(bo.email, "another sentence of many words")
    company.clock.passes(seconds=1)
    assert admit(makes_key(company, again), keys(company), company.clock())[0].id == bo.id


def test_a_password_is_reset_although_the_mail_about_it_fails(company: Company) -> None:
    company.moves_in()
    company.asks_for_reset("ann@acme.example")
    company.mail.works = False
    company.lost_password.reset(company.mail.resets[-1][1], "another sentence of many words")
    assert company.door.log_in("ann@acme.example", "another sentence of many words")
