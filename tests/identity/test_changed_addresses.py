"""An address that was changed recovers an account only after a day, or with an admin's word; the old one is told."""

from __future__ import annotations

import pytest

from docplatform.authentication.sign_in import IssuedTokens
from docplatform.core.actor import Role
from docplatform.core.errors import ChangedMeanwhile, Conflict
from docplatform.directory.entry import UserAttributes, UserWithGroups
from docplatform.identity.errors import InvalidReset
from docplatform.identity.model import User
from tests.identity.harness import PASSWORD, Company
from tests.support.mocked_aws import Cloud

OLD, NEW, NEWEST = "bo@acme.example", "bo@private.example", "bo@third.example"
SENTENCE = "another sentence of many words"


@pytest.fixture
def ann(company: Company) -> IssuedTokens:
    return company.moves_in()


@pytest.fixture
def bo(company: Company, ann: IssuedTokens) -> User:
    bo = company.members(ann).invite(OLD, Role.ADMIN)
    company.moves_in(name="Bo")
    return bo


def changes(company: Company, ann: IssuedTokens, bo: User, email: str) -> User:
    def revise(found: UserWithGroups) -> UserAttributes:
        now = found.entry.user
        return UserAttributes("bo", email, now.name, now.role, True, "", "{}")

    return company.directory(ann).change(bo.id, revise).entry.user


def asks(company: Company, email: str) -> bool:
    """Whether a reset link went to that address."""
    before = len(company.mail.resets)
    company.asks_for_reset(email)
    return len(company.mail.resets) > before and company.mail.resets[-1][0] == email


def actions(company: Company, region: Cloud) -> list[tuple[str, str]]:
    own = [item for item in region.items("audit") if item["pk"].startswith(company.tenant.id + "#")]
    return [(item["action"], str(item["facts"])) for item in own]


def test_a_reset_goes_to_a_new_address_after_a_day(
    company: Company, ann: IssuedTokens, bo: User, region: Cloud
) -> None:
    changes(company, ann, bo, NEW)
    for hours in (0, 12, 11.9):
        company.clock.passes(hours=hours)
        assert not asks(company, NEW)
    assert not asks(company, OLD)
    refused = [facts for action, facts in actions(company, region) if action == "password.reset-refused"]
    assert sum("changed lately" in facts for facts in refused) == 3
    company.clock.passes(hours=0.2)
    assert asks(company, NEW)
    company.lost_password.reset(company.mail.resets[-1][1], SENTENCE)
    assert company.door.log_in(NEW, SENTENCE)


def test_the_old_password_works_at_the_new_address_all_the_time(company: Company, ann: IssuedTokens, bo: User) -> None:
    changes(company, ann, bo, NEW)
    assert company.door.log_in(NEW, PASSWORD)


def test_each_change_waits_a_day_of_its_own(company: Company, ann: IssuedTokens, bo: User) -> None:
    changes(company, ann, bo, NEW)
    company.clock.passes(hours=25)
    changes(company, ann, bo, NEWEST)
    assert not asks(company, NEWEST)
    company.clock.passes(hours=24)
    assert asks(company, NEWEST)


def test_a_change_of_something_else_waits_for_nothing(company: Company, ann: IssuedTokens, bo: User) -> None:
    changes(company, ann, bo, OLD)
    assert asks(company, OLD) and company.mail.notices == []


def test_a_link_of_before_is_worth_nothing(company: Company, ann: IssuedTokens, bo: User) -> None:
    assert asks(company, OLD)
    company.clock.passes(minutes=1)
    changes(company, ann, bo, NEW)
    with pytest.raises(InvalidReset):
        company.lost_password.reset(company.mail.resets[-1][1], SENTENCE)


def test_the_old_address_is_told_once(company: Company, ann: IssuedTokens, bo: User) -> None:
    changes(company, ann, bo, NEW)
    assert company.mail.notices == [(OLD, "address changed, 24 hours")]


def test_a_notice_that_cannot_be_sent_stands_in_the_trail(
    company: Company, ann: IssuedTokens, bo: User, region: Cloud
) -> None:
    company.mail.works = False
    assert changes(company, ann, bo, NEW).email == NEW
    facts = [facts for action, facts in actions(company, region) if action == "user.changed"]
    assert sum("not sent" in each for each in facts) == sum("'email': 'changed'" in each for each in facts) == 1
    assert NEW not in str(facts) and OLD not in str(facts)


def test_an_admin_confirms_the_new_address(company: Company, ann: IssuedTokens, bo: User, region: Cloud) -> None:
    changes(company, ann, bo, NEW)
    assert company.accounts(ann).confirm_email(bo.id).email_changed_at is None
    assert asks(company, NEW)
    assert [action for action, _ in actions(company, region)].count("email.confirmed") == 1
    with pytest.raises(Conflict):
        company.accounts(ann).confirm_email(bo.id)


def test_what_an_admin_confirms_is_the_address_that_they_saw(
    company: Company, ann: IssuedTokens, bo: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    changes(company, ann, bo, NEW)
    accounts = company.accounts(ann)
    seen = company.people.user(bo.id)
    changes(company, ann, bo, NEWEST)
    monkeypatch.setattr(accounts, "_user", lambda _: seen)
    with pytest.raises(ChangedMeanwhile):
        accounts.confirm_email(bo.id)
    assert not asks(company, NEWEST)
