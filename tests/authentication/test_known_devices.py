"""Strangers' failures keep only strangers out: known devices, sessions and passkeys are not locked out with them."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from docplatform.authentication.errors import ProofRefused
from docplatform.authentication.mfa_sign_in import MfaSignIn
from docplatform.authentication.sign_in import IssuedTokens
from docplatform.authentication.verification import PresentedFactor
from docplatform.core.actor import Role
from docplatform.core.errors import TooManyAttempts
from docplatform.identity.errors import InvalidChallenge, InvalidCode, InvalidCredentials
from docplatform.runtime.tenant_access import clients
from tests.identity.harness import PASSWORD, Company
from tests.support.databases import on_every_database
from tests.support.mocked_aws import Cloud
from tests.support.mocked_region import PASSWORD as HOUSE_PASSWORD
from tests.support.mocked_region import House

pytestmark = on_every_database

ANN, BO = "ann@acme.example", "bo@acme.example"
HERE = "192.0.2.7"


@pytest.fixture
def entry(company: Company) -> IssuedTokens:
    return company.moves_in()


def fails(company: Company, email: str = ANN, *, address: str = HERE, cookie: str = "", times: int = 1) -> None:
    for _ in range(times):
        with pytest.raises(InvalidCredentials):
            company.door_for(address, cookie=cookie).log_in(email, "wrong " + PASSWORD)


def waits(company: Company, email: str = ANN, *, cookie: str = "", address: str = HERE) -> None:
    with pytest.raises(TooManyAttempts):
        company.door_for(address, cookie=cookie).log_in(email, PASSWORD)


def account_is_locked(company: Company, _: pytest.MonkeyPatch) -> None:
    for number in range(10):
        fails(company, address=f"198.51.100.{number}")


def source_is_blocked(company: Company, patch: pytest.MonkeyPatch) -> None:
    patch.setattr("docplatform.authentication.lockout.SOURCE_FAILURES", 12)
    for number in range(12):
        fails(company, f"n{number}@acme.example")


def tenant_is_blocked(company: Company, patch: pytest.MonkeyPatch) -> None:
    patch.setattr("docplatform.authentication.lockout.tenant_cap", lambda _: 12)
    for number in range(12):
        fails(company, f"n{number}@acme.example", address=f"198.51.100.{number}")


Block = Callable[[Company, pytest.MonkeyPatch], None]
BLOCKS: list[Block] = [account_is_locked, source_is_blocked, tenant_is_blocked]
every_block = pytest.mark.parametrize("block", BLOCKS, ids=lambda each: each.__name__)


@every_block
def test_a_known_device_comes_in(
    company: Company, entry: IssuedTokens, block: Block, monkeypatch: pytest.MonkeyPatch
) -> None:
    block(company, monkeypatch)
    waits(company)
    again = company.door_for(cookie=entry.device).log_in(ANN, PASSWORD)
    assert company.door_for(cookie=again.device).log_in(ANN, PASSWORD)


@every_block
def test_who_is_in_proves_it_again_and_changes_the_password(
    company: Company, entry: IssuedTokens, block: Block, monkeypatch: pytest.MonkeyPatch
) -> None:
    block(company, monkeypatch)
    company.step_up(entry).prove(PASSWORD, PresentedFactor())
    company.own_password(entry).change(PASSWORD, "another sentence of many words")


@pytest.mark.parametrize("block", [account_is_locked, tenant_is_blocked], ids=lambda each: each.__name__)
def test_a_passkey_is_looked_at(
    company: Company, entry: IssuedTokens, block: Block, monkeypatch: pytest.MonkeyPatch
) -> None:
    block(company, monkeypatch)
    steps = company.way_in(MfaSignIn)
    monkeypatch.setattr(steps._verifier.passkeys, "owner", lambda _: company.actor(entry).user_id)
    looked: list[str] = []

    def used(*_: object) -> None:
        looked.append("at")
        raise InvalidCode("")

    monkeypatch.setattr(steps._verifier.passkeys, "used", used)
    for _ in range(11):  # and failures with them lock no account
        with pytest.raises(InvalidCode):
            steps.log_in_with_passkey(steps.issue_passkey_challenge()[0], {})
    assert len(looked) == 11


def test_passkeys_of_one_source_are_capped(
    company: Company, entry: IssuedTokens, monkeypatch: pytest.MonkeyPatch
) -> None:
    source_is_blocked(company, monkeypatch)
    steps = company.way_in(MfaSignIn)
    with pytest.raises(TooManyAttempts):
        steps.log_in_with_passkey(steps.issue_passkey_challenge()[0], {})


def test_a_right_password_is_finished_while_strangers_are_kept_out(
    company: Company, entry: IssuedTokens, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second step has a challenge, which only the right password gives."""
    tenant_is_blocked(company, monkeypatch)
    steps = company.way_in(MfaSignIn)
    monkeypatch.setattr(steps, "_challenged_login", lambda _: company.people.login_of(ANN))
    monkeypatch.setattr("docplatform.authentication.mfa_sign_in.valid_challenge", lambda *_: None)
    with pytest.raises(InvalidCode):
        steps.verify_factor("token", PresentedFactor(code="123456"))


# -- what a cookie does not do


def test_a_cookie_is_good_for_its_own_user_alone(
    company: Company, entry: IssuedTokens, monkeypatch: pytest.MonkeyPatch
) -> None:
    company.members(entry).invite(BO, Role.VIEWER)
    bo = company.moves_in(name="Bo")
    tenant_is_blocked(company, monkeypatch)
    for cookie in (bo.device, bo.device.replace(*(company.actor(each).user_id for each in (bo, entry)))):
        waits(company, cookie=cookie)
    assert company.door_for(cookie=bo.device).log_in(BO, PASSWORD)


@pytest.mark.parametrize(
    "cookie", ["", ".", "x", "x.y", "{user}", "{user}.", "{user}.guess", ".{secret}", "{user}#.{secret}"]
)
def test_a_made_up_cookie_is_worth_nothing(
    company: Company, entry: IssuedTokens, cookie: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    user, _, secret = entry.device.partition(".")
    tenant_is_blocked(company, monkeypatch)
    waits(company, cookie=cookie.format(user=user, secret=secret))


def test_a_known_device_guesses_no_more_than_others(company: Company, entry: IssuedTokens) -> None:
    fails(company, cookie=entry.device, times=10)
    waits(company, cookie=entry.device)
    assert company.door.log_in(ANN, PASSWORD), "the account itself is not locked"


def test_a_session_guesses_no_more_than_others(company: Company, entry: IssuedTokens) -> None:
    for _ in range(10):
        with pytest.raises(ProofRefused):
            company.step_up(entry).prove("wrong " + PASSWORD, PresentedFactor())
    with pytest.raises(TooManyAttempts):
        company.step_up(entry).prove(PASSWORD, PresentedFactor())
    with pytest.raises(TooManyAttempts):
        company.own_password(entry).change(PASSWORD, "another sentence of many words")
    assert company.door.log_in(ANN, PASSWORD)


def test_a_device_is_known_for_90_days(company: Company, entry: IssuedTokens, monkeypatch: pytest.MonkeyPatch) -> None:
    company.clock.passes(days=89)
    tenant_is_blocked(company, monkeypatch)
    newer = company.door_for(cookie=entry.device).log_in(ANN, PASSWORD).device
    company.clock.passes(days=89)
    tenant_is_blocked(company, monkeypatch)
    newest = company.door_for(cookie=newer).log_in(ANN, PASSWORD).device
    company.clock.passes(days=91)
    tenant_is_blocked(company, monkeypatch)
    waits(company, cookie=newest)


def test_a_device_ends_with_all_sessions(
    company: Company, entry: IssuedTokens, monkeypatch: pytest.MonkeyPatch
) -> None:
    company.clock.passes(minutes=1)
    company.accounts(entry).revoke_all(company.actor(entry).user_id)
    tenant_is_blocked(company, monkeypatch)
    waits(company, cookie=entry.device)


def test_a_cookie_is_renewed_at_each_sign_in(
    company: Company, entry: IssuedTokens, region: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    newer = company.door_for(cookie=entry.device).log_in(ANN, PASSWORD)
    tenant_is_blocked(company, monkeypatch)
    waits(company, cookie=entry.device)
    assert company.door_for(cookie=newer.device).log_in(ANN, PASSWORD)
    stored = [
        item for item in region.items("data") if item["pk"].startswith(company.tenant.id) and "device#" in item["sk"]
    ]
    assert len(stored) == 1 and stored[0]["expires"]
    assert newer.device.partition(".")[2] not in str(stored)


def test_a_removed_user_leaves_no_device(company: Company, entry: IssuedTokens, region: Cloud) -> None:
    bo = company.members(entry).invite(BO, Role.VIEWER)
    company.moves_in(name="Bo")
    company.directory(entry).remove(bo.id)
    assert not [item for item in region.items("data") if bo.id in item["pk"] and "device#" in item["sk"]]


def test_a_cookie_costs_no_call(company: Company, entry: IssuedTokens) -> None:
    made: list[str] = []
    events = clients(company.tenant).client("dynamodb").meta.events
    events.register("before-call.dynamodb", lambda model, **_: made.append(model.name), unique_id="count")
    company.door.log_in(ANN, PASSWORD)
    without = list(made)
    made.clear()
    company.door_for(cookie=entry.device).log_in(ANN, PASSWORD)
    events.unregister("before-call.dynamodb", unique_id="count")
    assert made == without


def test_a_challenge_that_is_none_is_refused_as_before(company: Company, entry: IssuedTokens) -> None:
    with pytest.raises(InvalidChallenge):
        company.way_in(MfaSignIn).verify_factor("none", PresentedFactor(code="123456"))


# -- over HTTP


def test_the_cookie_is_for_the_browser_alone_and_comes_back(house: House) -> None:
    house.moves_in()
    answer = house.asks("POST", "/v1/auth/login", {"email": house.admin_email, "password": HOUSE_PASSWORD})
    name, _, rest = answer.headers["Set-Cookie"].partition("=")
    value, *attributes = rest.split("; ")
    assert name == "__Host-docplatform-device"
    assert set(attributes) == {"Path=/", "HttpOnly", "SameSite=Lax", f"Max-Age={90 * 86_400}", "Secure"}
    assert value not in str(answer.body)
