"""Administration of accounts, and the admin who always remains."""

from __future__ import annotations

import pytest

from docplatform.authentication.sign_in import IssuedTokens
from docplatform.core.actor import Role
from docplatform.core.errors import Conflict, DomainError, MailNotSent
from docplatform.identity.errors import (
    InvalidCredentials,
    InvalidRefreshToken,
    LastAdmin,
    SessionNotFound,
    UserNotFound,
)
from docplatform.identity.model import UserStatus
from tests.identity.harness import PASSWORD, Company, at_once
from tests.support.mocked_aws import Cloud

ANN = "ann@acme.example"


@pytest.fixture
def ann(company: Company) -> IssuedTokens:
    return company.moves_in()


def joins(company: Company, inviter: IssuedTokens, name: str, role: Role = Role.VIEWER) -> IssuedTokens:
    company.members(inviter).invite(f"{name.lower()}@acme.example", role)
    return company.moves_in(name=name)


def id_of(company: Company, entry: IssuedTokens) -> str:
    return company.actor(entry).user_id


def test_disabling_ends_access_at_once_and_old_sessions_stay_ended(company: Company, ann: IssuedTokens) -> None:
    bo = joins(company, ann, "Bo")
    company.clock.passes(minutes=1)
    accounts, bo_id = company.accounts(ann), id_of(company, bo)
    assert accounts.change(bo_id, disabled=True).status is UserStatus.DISABLED
    with pytest.raises(InvalidRefreshToken):
        company.door.refresh(bo.refresh_token)
    with pytest.raises(InvalidCredentials):
        company.door.log_in("bo@acme.example", PASSWORD)
    assert accounts.change(bo_id, disabled=False).status is UserStatus.ACTIVE
    with pytest.raises(InvalidRefreshToken):
        company.door.refresh(bo.refresh_token)
    assert company.door.log_in("bo@acme.example", PASSWORD)


def test_the_last_admin_cannot_be_disabled_demoted_or_deleted(company: Company, ann: IssuedTokens) -> None:
    bo = joins(company, ann, "Bo", Role.ADMIN)
    accounts, ann_id, bo_id = company.accounts(ann), id_of(company, ann), id_of(company, bo)
    accounts.change(bo_id, disabled=True)
    company.members(ann).invite("cy@acme.example", Role.ADMIN)  # has not accepted yet
    for attempt in (
        lambda: accounts.change(ann_id, disabled=True),
        lambda: accounts.change(ann_id, role=Role.EDITOR),
        lambda: company.directory(ann).remove(ann_id),
    ):
        with pytest.raises(LastAdmin):
            attempt()
    accounts.change(bo_id, disabled=False)
    assert accounts.change(ann_id, role=Role.EDITOR).role is Role.EDITOR


def test_two_admins_who_disable_each_other_leave_one_admin(company: Company, ann: IssuedTokens) -> None:
    bo = joins(company, ann, "Bo", Role.ADMIN)
    pairs = [(ann, id_of(company, bo)), (bo, id_of(company, ann))]

    def disable(pair: tuple[IssuedTokens, str]) -> bool:
        try:
            company.accounts(pair[0]).change(pair[1], disabled=True)
        except DomainError:
            return False
        return True

    with at_once(2) as pool:
        done = list(pool.map(disable, pairs))
    assert sorted(done) == [False, True]


def test_a_role_is_changed_with_both_on_record(company: Company, ann: IssuedTokens, region: Cloud) -> None:
    bo_id = id_of(company, joins(company, ann, "Bo"))
    company.accounts(ann).change(bo_id, role=Role.EDITOR)
    company.accounts(ann).change(bo_id, role=Role.EDITOR)
    own = [item for item in region.items("audit") if item["pk"].startswith(company.tenant.id + "#")]
    (changed,) = [item for item in own if item["action"] == "role.changed"]
    assert (changed["target"], changed["facts"]) == (bo_id, {"from": "viewer", "to": "editor"})


def test_an_invited_user_is_deleted_not_disabled(company: Company, ann: IssuedTokens) -> None:
    user = company.members(ann).invite("bo@acme.example", Role.VIEWER)
    with pytest.raises(Conflict):
        company.accounts(ann).change(user.id, disabled=True)
    company.directory(ann).remove(user.id)
    with pytest.raises(DomainError):
        company.moves_in(name="Bo")


def test_a_deleted_account_leaves_address_and_seat_free(company: Company, ann: IssuedTokens, region: Cloud) -> None:
    bo = joins(company, ann, "Bo")
    company.directory(ann).remove(id_of(company, bo))
    with pytest.raises(InvalidRefreshToken):
        company.door.refresh(bo.refresh_token)
    with pytest.raises(UserNotFound):
        company.directory(ann).remove(id_of(company, bo))
    (kept,) = [item for item in region.items("data") if f"user#{id_of(company, bo)}" in item["pk"]]
    assert "bo" not in str({name: value for name, value in kept.items() if name not in ("pk", "id")}).lower()
    assert joins(company, ann, "Bo")
    users, _ = company.members(ann).list(limit=10, cursor="")
    assert {user.email for user in users} == {ANN, "bo@acme.example"}


def test_sessions_of_a_user_are_seen_and_ended(company: Company, ann: IssuedTokens) -> None:
    bo = joins(company, ann, "Bo")
    again = company.door.log_in("bo@acme.example", PASSWORD)
    accounts, bo_id = company.accounts(ann), id_of(company, bo)
    listed = [session.id for session in accounts.sessions_of(bo_id, limit=100, cursor="")[0]]
    assert set(listed) == {company.actor(bo).session_id, company.actor(again).session_id}
    accounts.revoke(bo_id, company.actor(bo).session_id)
    assert len(accounts.sessions_of(bo_id, limit=100, cursor="")[0]) == 1
    for session_id in (company.actor(bo).session_id, company.actor(ann).session_id, "ses_x"):
        with pytest.raises(SessionNotFound):
            accounts.revoke(bo_id, session_id)
    company.clock.passes(minutes=1)
    accounts.revoke_all(bo_id)
    assert accounts.sessions_of(bo_id, limit=100, cursor="")[0] == ()
    assert company.door.refresh(ann.refresh_token)


def test_ones_other_sessions_are_ended_together(company: Company, ann: IssuedTokens) -> None:
    for _ in range(3):
        company.door.log_in(ANN, PASSWORD)
    company.own_sessions(ann).revoke_others()
    (left,) = company.open_sessions(ann)
    assert left.id == company.actor(ann).session_id


def test_a_reset_of_factors_notifies_the_user(company: Company, ann: IssuedTokens) -> None:
    import pyotp

    bo = joins(company, ann, "Bo")
    secret, _ = company.own_factors(bo).enrol_totp()
    company.own_factors(bo).confirm_totp(pyotp.TOTP(secret).at(company.clock.at))
    company.clock.passes(minutes=1)
    company.accounts(ann).reset_mfa(id_of(company, bo))
    assert company.mail.notices == [("bo@acme.example", "second factor reset")]
    with pytest.raises(InvalidRefreshToken):
        company.door.refresh(bo.refresh_token)
    assert company.door.log_in("bo@acme.example", PASSWORD)
    company.mail.works = False
    with pytest.raises(MailNotSent):
        company.accounts(ann).reset_mfa(id_of(company, bo))


def test_a_log_in_from_a_new_device_is_notified_once(company: Company, ann: IssuedTokens) -> None:
    for agent in ("curl", "Firefox", "Firefox", "curl"):
        company.door_for(agent=agent).log_in(ANN, PASSWORD)
    assert company.mail.notices == [(ANN, "new device: Firefox")]
    company.mail.works = False
    assert company.door_for(agent="Safari").log_in(ANN, PASSWORD)
