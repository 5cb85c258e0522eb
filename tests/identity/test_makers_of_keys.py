"""An API key gives nobody more than its maker may give now: what was taken from an admin does not come back by a key."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest

from docplatform.api_keys.adapters.store import DynamoApiKeys
from docplatform.api_keys.administration import ApiKeyService
from docplatform.api_keys.service_accounts import ServiceAccounts
from docplatform.authentication.sign_in import IssuedTokens
from docplatform.core.actor import Actor, Permission, Role
from docplatform.core.errors import Forbidden, SessionNeeded
from docplatform.directory.adapters.provisioning_store import DynamoDirectory
from docplatform.directory.entry import UserAttributes, UserWithGroups
from docplatform.directory.provisioning import DirectoryService
from docplatform.identity.members import MemberService
from docplatform.identity.model import User, UserStatus
from docplatform.runtime.tenant_access import table
from tests.identity.harness import Company
from tests.support.databases import on_every_database

pytestmark = on_every_database


@dataclass
class Stage:
    """Ann is admin. Bo, an admin too, has made a service account with a key for provisioning."""

    company: Company
    ann: IssuedTokens
    bo: User
    key: Actor
    invited: User

    @property
    def by_key(self) -> DirectoryService:
        return self.company.directory_of(self.key)

    def sets(self, user: User, **more: object) -> User:
        def revise(found: UserWithGroups) -> UserAttributes:
            now = found.entry.user
            active = now.status is not UserStatus.DISABLED
            kept = UserAttributes(f"name-{now.id}", now.email, now.name, now.role, active, "", "{}")
            return replace(kept, **more)  # type: ignore[arg-type]

        return self.by_key.change(user.id, revise).entry.user

    def makes(self, name: str, role: Role) -> User:
        made = UserAttributes(name, f"{name}@acme.example", name, role, True, "", "{}")
        return self.by_key.create(made).entry.user

    def takes(self, loss: str) -> None:
        if loss == "demoted":
            self.company.accounts(self.ann).change(self.bo.id, role=Role.EDITOR)
        elif loss == "disabled":
            self.company.accounts(self.ann).change(self.bo.id, disabled=True)
        else:
            self.company.directory(self.ann).remove(self.bo.id)


@pytest.fixture
def stage(company: Company) -> Stage:
    ann = company.moves_in()
    bo = company.members(ann).invite("bo@acme.example", Role.ADMIN)
    entry = company.moves_in(name="Bo")
    store = DynamoApiKeys(table(company.tenant))
    account = ServiceAccounts(company.actor(entry), store, company.clock).create("Provisioning", Role.ADMIN)
    until, scopes = company.clock() + timedelta(days=300), frozenset({Permission.MANAGE_USERS})
    key, _ = ApiKeyService(company.actor(entry), store, company.clock).create("k", scopes, until, owner_id=account.id)
    actor = Actor(company.tenant, account.id, key.id, Role.ADMIN, "r", scopes)
    invited = company.members(entry).invite("di@acme.example", Role.ADMIN)
    return Stage(company, ann, company.people.user(bo.id) or bo, actor, invited)


def other_admin_is_enabled(stage: Stage) -> object:
    return stage.sets(_disabled_admin(stage), active=True)


def _disabled_admin(stage: Stage) -> User:
    """An admin whom Ann has disabled."""
    cy = stage.company.members(stage.ann).invite("cy@acme.example", Role.ADMIN)
    stage.company.moves_in(name="Cy")
    stage.company.accounts(stage.ann).change(cy.id, disabled=True)
    return cy


GIVES: dict[str, Callable[[Stage], object]] = {
    "a new admin": lambda stage: stage.makes("new", Role.ADMIN),
    "a promotion": lambda stage: stage.sets(stage.makes("new", Role.EDITOR), role=Role.ADMIN),
    "another address for an admin": lambda stage: stage.sets(_ann(stage), email="bo@private.example"),
    "another address for an admin who is demoted with it": lambda stage: stage.sets(
        _ann(stage), email="bo@private.example", role=Role.EDITOR
    ),
    "an admin enabled": other_admin_is_enabled,
}
OWN: dict[str, Callable[[Stage], object]] = {
    "access": lambda stage: stage.sets(stage.bo, active=True),
    "the old role": lambda stage: stage.sets(stage.bo, role=Role.ADMIN),
    "another address": lambda stage: stage.sets(stage.bo, email="bo@private.example"),
}


def _ann(stage: Stage) -> User:
    user = stage.company.people.user(stage.company.actor(stage.ann).user_id)
    assert user
    return user


@pytest.mark.parametrize("loss", ["demoted", "disabled", "deleted"])
@pytest.mark.parametrize("power", GIVES)
def test_a_key_gives_no_power_once_its_maker_has_none(stage: Stage, power: str, loss: str) -> None:
    if "demoted with it" in power:  # another admin stays, so that this is not what refuses it
        stage.company.members(stage.ann).invite("ed@acme.example", Role.ADMIN)
        stage.company.moves_in(name="Ed")
    stage.takes(loss)
    with pytest.raises(Forbidden, match="Whoever made this API key"):
        GIVES[power](stage)


@pytest.mark.parametrize("power", GIVES)
def test_a_key_of_an_admin_provisions_admins(stage: Stage, power: str) -> None:
    assert GIVES[power](stage)


@pytest.mark.parametrize(
    ("loss", "power"),
    [
        ("disabled", "access"),
        ("disabled", "another address"),
        ("demoted", "the old role"),
        ("demoted", "another address"),
    ],
)
def test_a_key_gives_nothing_back_to_its_maker(stage: Stage, power: str, loss: str) -> None:
    stage.takes(loss)
    before = stage.company.people.user(stage.bo.id)
    with pytest.raises(Forbidden, match="Whoever made this API key"):
        OWN[power](stage)
    assert stage.company.people.user(stage.bo.id) == before


@pytest.mark.parametrize("loss", ["demoted", "disabled", "deleted"])
def test_ordinary_provisioning_goes_on_without_the_maker(stage: Stage, loss: str) -> None:
    stage.takes(loss)
    made = stage.makes("new", Role.EDITOR)
    assert stage.sets(made, active=False).status is UserStatus.DISABLED
    assert stage.sets(made, active=True).status is UserStatus.ACTIVE
    assert stage.sets(made, email="newer@acme.example").email == "newer@acme.example"
    assert stage.sets(_disabled_admin(stage), role=Role.EDITOR).role is Role.EDITOR  # less is not more


def test_a_key_does_not_renew_the_invitation_of_an_admin(stage: Stage) -> None:
    company = stage.company
    members = MemberService(stage.key, company.people, company.mail, "https://acme.example", company.clock)
    with pytest.raises(SessionNeeded):
        members.invite_again(stage.invited.id)


def test_the_maker_of_an_unknown_key_gives_nothing(stage: Stage) -> None:
    stage.key = replace(stage.key, session_id="key_0")
    with pytest.raises(Forbidden):
        stage.makes("new", Role.ADMIN)


def test_only_what_gives_power_reads_the_key(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    maker_of = DynamoDirectory.key_maker

    def key_maker(self: DynamoDirectory, key_id: str) -> str:
        read.append(key_id)
        return maker_of(self, key_id)

    monkeypatch.setattr(DynamoDirectory, "key_maker", key_maker)
    made = stage.makes("new", Role.EDITOR)
    stage.sets(made, name="Newer")
    stage.sets(made, active=False)
    assert read == [stage.key.session_id]  # of the new account
