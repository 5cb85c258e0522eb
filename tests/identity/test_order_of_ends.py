"""Access that is given while all access of the same user is taken away: whichever commits first, it ends.

What is interleaved happens when a transaction is about to commit, or between a read and the transaction. The clock of
the test moves in it, so that the times of the two requests say the opposite of their order."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pyotp
import pytest

from docplatform.api_keys.adapters.store import DynamoApiKeys
from docplatform.api_keys.administration import ApiKeyService
from docplatform.api_keys.verification import KeyRefused, admit
from docplatform.authentication.errors import MfaEnrolmentRequired, MfaRequired
from docplatform.authentication.passwords import LostPassword, OwnPassword
from docplatform.authentication.sessions import OwnSessions, SessionService
from docplatform.authentication.sign_in import IssuedTokens
from docplatform.authentication.verification import PresentedFactor
from docplatform.core.actor import Permission, Role
from docplatform.core.errors import ChangedMeanwhile
from docplatform.directory.adapters.provisioning_store import DynamoDirectory
from docplatform.directory.entry import UserAttributes, UserWithGroups
from docplatform.directory.provisioning import DirectoryService
from docplatform.identity.account_admin import AccountService
from docplatform.identity.errors import InvalidChallenge, InvalidCode, InvalidCredentials, InvalidRefreshToken
from docplatform.runtime.tenant_access import table
from tests.identity.harness import HOME, PASSWORD, Company, PasswordsAllowed

BO = "bo@acme.example"
OTHER = "another sentence of many words"


class Before:
    """A store. Another request happens once, after its transaction has been decided and before it commits."""

    def __init__(self, store: Any, happens: Callable[[], object]) -> None:
        self._store, self._happens = store, happens

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    @contextmanager
    def begin(self) -> Iterator[Any]:
        with self._store.begin() as changes:
            yield changes
            happens, self._happens = self._happens, lambda: None
            happens()


class Bo:
    """A user of Ann's company, and the ways in which all access of the user ends."""

    def __init__(self, company: Company) -> None:
        self.company, self.ann = company, company.moves_in()
        self.id = company.members(self.ann).invite(BO, Role.EDITOR).id
        self.entry = company.moves_in(name="Bo")
        company.clock.passes(minutes=1)

    def disables(self, people: Any = None) -> None:
        accounts = AccountService(
            self.company.actor(self.ann), people or self.company.people, self.company.mail, HOME, self.company.clock
        )
        accounts.change(self.id, disabled=True)
        self.company.accounts(self.ann).change(self.id, disabled=False)

    def is_deprovisioned(self, people: Any = None) -> None:
        def revise(active: bool) -> Callable[[UserWithGroups], UserAttributes]:
            def attributes(found: UserWithGroups) -> UserAttributes:
                known = found.entry.user
                return UserAttributes(known.email, known.email, known.name, known.role, active, "", "{}")

            return attributes

        directory = Before(DynamoDirectory(table(self.company.tenant)), people._happens if people else lambda: None)
        actor = self.company.actor(self.ann)
        DirectoryService(actor, directory, self.company.mail, HOME, self.company.clock).change(self.id, revise(False))
        self.company.directory(self.ann).change(self.id, revise(True))

    def is_revoked(self, people: Any = None) -> None:
        accounts = AccountService(
            self.company.actor(self.ann), people or self.company.people, self.company.mail, HOME, self.company.clock
        )
        accounts.revoke_all(self.id)

    def loses_factors(self, people: Any = None) -> None:
        accounts = AccountService(
            self.company.actor(self.ann), people or self.company.people, self.company.mail, HOME, self.company.clock
        )
        accounts.reset_mfa(self.id)

    def changes_password(self, people: Any = None) -> None:
        company = self.company
        own = OwnPassword(
            company.actor(self.entry), people or company.people, company.passwords, company.lockout(), company.clock
        )
        own.change(PASSWORD, OTHER)

    def resets_password(self, people: Any = None) -> None:
        company = self.company
        company.asks_for_reset(BO)
        company.clock.passes(seconds=1)
        _, token = company.mail.resets[-1]
        LostPassword(
            company.tenant,
            "r",
            people or company.people,
            company.passwords,
            company.mail,
            HOME,
            company.clock,
            PasswordsAllowed(),
        ).reset(token, OTHER)

    def revokes_others(self, people: Any = None) -> None:
        company = self.company
        OwnSessions(company.actor(self.entry), people or company.people, company.clock).revoke_others()


ENDS: dict[str, Callable[..., None]] = {
    "disabled": Bo.disables,
    "deprovisioned": Bo.is_deprovisioned,
    "revoked": Bo.is_revoked,
    "factors reset": Bo.loses_factors,
    "password changed": Bo.changes_password,
    "password reset": Bo.resets_password,
    "others revoked": Bo.revokes_others,
}
END = pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
KEY_END = pytest.mark.parametrize("end", [Bo.disables, Bo.is_deprovisioned], ids=["disabled", "deprovisioned"])


@pytest.fixture
def bo(company: Company) -> Bo:
    return Bo(company)


def later(company: Company, does: Callable[[], object]) -> Callable[[], None]:
    """What happens at a later time than that of the request around it."""

    def happens() -> None:
        company.clock.passes(seconds=2)
        does()

    return happens


def lives(company: Company, entry: IssuedTokens) -> bool:
    try:
        company.door.refresh(entry.refresh_token)
    except InvalidRefreshToken:
        return False
    return True


def door(company: Company, happens: Callable[[], object]) -> SessionService:
    found = company.door
    found._people = Before(company.people, happens)
    return found


@END
def test_a_session_that_commits_before_the_end_has_ended(company: Company, bo: Bo, end: Callable[..., None]) -> None:
    opened: list[IssuedTokens] = []
    people = Before(company.people, later(company, lambda: opened.append(company.door.log_in(BO, PASSWORD))))
    end(bo, people)
    assert len(opened) == 1 and not lives(company, opened[0])


@END
def test_a_log_in_that_commits_after_the_end_is_refused(company: Company, bo: Bo, end: Callable[..., None]) -> None:
    def ends_earlier() -> None:  # by the clock of the other request
        at = company.clock.at
        company.clock.passes(seconds=-2)
        end(bo)
        company.clock.at = at

    with pytest.raises(InvalidCredentials):
        door(company, ends_earlier).log_in(BO, PASSWORD)


@END
def test_a_log_in_after_the_end_is_open_and_stays(company: Company, bo: Bo, end: Callable[..., None]) -> None:
    end(bo)
    password = OTHER if end in (Bo.changes_password, Bo.resets_password) else PASSWORD
    assert lives(company, company.door.log_in(BO, password))
    keeps = end in (Bo.changes_password, Bo.revokes_others)
    assert lives(company, bo.entry) is keeps


@KEY_END
def test_a_key_that_commits_before_the_end_has_ended(company: Company, bo: Bo, end: Callable[..., None]) -> None:
    made: list[str] = []
    end(bo, Before(company.people, later(company, lambda: made.append(makes_key(company, bo)))))
    with pytest.raises(KeyRefused, match="ended with its owner's access"):
        admit(made[0], keys(company), company.clock())


@KEY_END
def test_a_key_that_commits_after_the_end_is_refused(company: Company, bo: Bo, end: Callable[..., None]) -> None:
    with pytest.raises(ChangedMeanwhile):
        makes_key(company, bo, Before(keys(company), lambda: end(bo)))
    company.clock.passes(seconds=1)
    assert admit(makes_key(company, bo), keys(company), company.clock())


def keys(company: Company) -> DynamoApiKeys:
    return DynamoApiKeys(table(company.tenant))


def makes_key(company: Company, bo: Bo, store: Any = None) -> str:
    service = ApiKeyService(company.actor(bo.entry), store or keys(company), company.clock)
    return service.create("k", frozenset({Permission.READ}), company.clock() + timedelta(days=30))[1]


@END
def test_a_challenge_to_enrol_ends_with_the_sessions(company: Company, bo: Bo, end: Callable[..., None]) -> None:
    company.accounts(bo.ann).set_security("192.0.2.7", require_mfa=True)
    with pytest.raises(MfaEnrolmentRequired) as due:
        company.door.log_in(BO, PASSWORD)
    challenge = str(due.value.facts["challenge"])
    secret, _ = company.steps.enrol(challenge)  # it works until then
    end(bo)
    with pytest.raises(InvalidChallenge):
        company.steps.enrol(challenge)
    with pytest.raises(InvalidChallenge):
        company.steps.confirm_enrolment(challenge, pyotp.TOTP(secret).at(company.clock.at))


@END
def test_a_challenge_of_a_second_factor_ends_with_the_sessions(
    company: Company, bo: Bo, end: Callable[..., None]
) -> None:
    secret, _ = company.own_factors(bo.entry).enrol_totp()
    company.own_factors(bo.entry).confirm_totp(pyotp.TOTP(secret).at(company.clock.at))
    company.clock.passes(minutes=1)
    for ended in (False, True):
        with pytest.raises(MfaRequired) as due:
            company.door.log_in(BO, PASSWORD)
        if ended:
            end(bo)
            with pytest.raises(InvalidChallenge):
                company.steps.passkey_options(str(due.value.facts["challenge"]))
        code = PresentedFactor(code=pyotp.TOTP(secret).at(company.clock.at))
        if not ended:
            assert company.steps.verify_factor(str(due.value.facts["challenge"]), code)
            company.clock.passes(minutes=1)
            continue
        with pytest.raises(InvalidChallenge):
            company.steps.verify_factor(str(due.value.facts["challenge"]), code)


@END
def test_a_second_factor_that_commits_after_the_end_is_refused(
    company: Company, bo: Bo, end: Callable[..., None]
) -> None:
    company.accounts(bo.ann).set_security("192.0.2.7", require_mfa=True)
    with pytest.raises(MfaEnrolmentRequired) as due:
        company.door.log_in(BO, PASSWORD)
    challenge, steps = str(due.value.facts["challenge"]), company.steps
    secret, _ = steps.enrol(challenge)
    steps._people = Before(company.people, lambda: end(bo))
    code = pyotp.TOTP(secret).at(company.clock.at)
    with pytest.raises((InvalidChallenge, InvalidCode)):  # the code, if the end took the factors too
        steps.confirm_enrolment(challenge, code)
