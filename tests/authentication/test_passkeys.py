"""Passkeys with a software authenticator: as the second factor and alone."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from docplatform.authentication.errors import MfaRequired, ProofRefused
from docplatform.authentication.sign_in import IssuedTokens
from docplatform.authentication.verification import PresentedFactor
from docplatform.core.actor import Role
from docplatform.core.errors import Conflict, TooManyAttempts
from docplatform.identity.errors import FactorNotFound, InvalidChallenge, InvalidCode
from tests.identity.harness import HOME, PASSWORD, Company
from tests.support.authenticator import Authenticator, content, text

ANN = "ann@acme.example"


def register(
    company: Company, entry: IssuedTokens, device: Authenticator, name: str = "Ann's phone"
) -> tuple[str, ...]:
    own = company.own_factors(entry)
    challenge, options = own.issue_passkey_challenge()
    return own.add_passkey(challenge, device.creates(options), name)[1]


def enter(company: Company, device: Authenticator) -> IssuedTokens:
    challenge, options = company.steps.issue_passkey_challenge()
    return company.steps.log_in_with_passkey(challenge, device.gets(options))


@pytest.fixture
def entry(company: Company) -> IssuedTokens:
    return company.moves_in()


@pytest.fixture
def phone(company: Company, entry: IssuedTokens) -> Authenticator:
    device = Authenticator(HOME)
    register(company, entry, device)
    return device


def test_the_options_are_for_the_tenants_host(company: Company, entry: IssuedTokens) -> None:
    _, options = company.own_factors(entry).issue_passkey_challenge()
    assert options["rp"] == {"id": "acme.example", "name": "Acme"}
    selection = options["authenticatorSelection"]
    assert (selection["residentKey"], selection["userVerification"]) == ("required", "required")
    assert content(options["user"]["id"]).decode() == company.actor(entry).user_id


def test_a_passkey_logs_in_by_itself(company: Company, phone: Authenticator) -> None:
    for _ in range(3):
        inside = enter(company, phone)
    current = company.actor(inside).session_id
    (session,) = [each for each in company.open_sessions(inside) if each.id == current]
    assert session.amr == ("pop", "mfa")


@pytest.mark.parametrize("told", [{"crossOrigin": True}, {"crossOrigin": "no"}, {"topOrigin": "https://evil.example"}])
def test_an_answer_given_inside_another_site_is_refused(
    company: Company, entry: IssuedTokens, phone: Authenticator, told: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = Authenticator._client

    def framed(device: Authenticator, kind: str, challenge: str) -> bytes:
        return json.dumps({**json.loads(honest(device, kind, challenge)), **told}).encode()

    monkeypatch.setattr(Authenticator, "_client", framed)
    with pytest.raises(InvalidCode):
        enter(company, phone)
    with pytest.raises(ProofRefused):
        register(company, entry, Authenticator(HOME))


def test_the_id_of_a_passkey_is_one_users_and_of_a_bounded_length(
    company: Company, entry: IssuedTokens, phone: Authenticator
) -> None:
    company.members(entry).invite("bo@acme.example", Role.VIEWER)
    bo = company.moves_in(name="Bo")
    with pytest.raises(Conflict):
        register(company, bo, Authenticator(HOME, credential_id=phone.credential_id))
    with pytest.raises(ProofRefused):
        register(company, bo, Authenticator(HOME, credential_id=b"x" * 1_024))
    register(company, bo, Authenticator(HOME, credential_id=b"x" * 1_023))
    assert enter(company, phone)


HOSTILE: list[Any] = [
    {},
    {"id": None},
    {"id": "x" * 200_000},
    {"id": "\ud800", "response": {"userHandle": "\ud800"}},
    {"id": "x", "response": {"userHandle": "x" * 100_000, "clientDataJSON": "x" * 100_000}},
    {"id": "x", "response": {"clientDataJSON": text(b"[" * 50_000), "userHandle": text(b"\xff")}},
    {"id": ["x"], "response": []},
    {"id": {"a": 1}, "response": {"userHandle": 7}},
]


@pytest.mark.parametrize("credential", HOSTILE)
def test_a_hostile_answer_is_refused(company: Company, entry: IssuedTokens, credential: dict[str, Any]) -> None:
    challenge, _ = company.steps.issue_passkey_challenge()
    with pytest.raises((InvalidCode, InvalidChallenge)):
        company.steps.log_in_with_passkey(challenge, credential)
    own = company.own_factors(entry)
    challenge, _ = own.issue_passkey_challenge()
    with pytest.raises(ProofRefused):
        own.add_passkey(challenge, credential, "x")


def test_a_passkey_without_a_counter_can_be_used_repeatedly(company: Company, entry: IssuedTokens) -> None:
    synced = Authenticator(HOME, counts=False)
    register(company, entry, synced)
    assert enter(company, synced)
    assert enter(company, synced)


def test_a_passkey_is_a_second_factor(company: Company, phone: Authenticator) -> None:
    with pytest.raises(MfaRequired) as due:
        company.door.log_in(ANN, PASSWORD)
    assert due.value.facts["methods"] == ["recovery_code", "passkey"]
    challenge = str(due.value.facts["challenge"])
    options = company.steps.passkey_options(challenge)
    assert [each["id"] for each in options["allowCredentials"]] == [text(phone.credential_id)]
    assert company.steps.verify_factor(challenge, PresentedFactor(passkey=phone.gets(options)))


def test_recovery_codes_come_with_the_first_factor(company: Company, entry: IssuedTokens) -> None:
    assert len(register(company, entry, Authenticator(HOME))) == 10
    assert register(company, entry, Authenticator(HOME)) == ()


def test_a_cloned_authenticator_is_detected(company: Company, phone: Authenticator) -> None:
    enter(company, phone)
    enter(company, phone)
    phone.sign_count = 0
    with pytest.raises(InvalidCode):
        enter(company, phone)


Tamper = Callable[[dict[str, Any]], None]


def _another_challenge(shown: dict[str, Any]) -> None:
    client = content(shown["response"]["clientDataJSON"]).replace(b'"challenge": "', b'"challenge": "A')
    shown["response"]["clientDataJSON"] = text(client)


def _another_origin(shown: dict[str, Any]) -> None:
    client = content(shown["response"]["clientDataJSON"]).replace(b"acme.example", b"acme.example.evil.example")
    shown["response"]["clientDataJSON"] = text(client)


def _not_verified(shown: dict[str, Any]) -> None:
    data = bytearray(content(shown["response"]["authenticatorData"]))
    data[32] &= ~0x04
    shown["response"]["authenticatorData"] = text(bytes(data))


def _another_signature(shown: dict[str, Any]) -> None:
    signature = bytearray(content(shown["response"]["signature"]))
    signature[-1] ^= 1
    shown["response"]["signature"] = text(bytes(signature))


@pytest.mark.parametrize(
    "tamper",
    [
        _another_challenge,
        _another_origin,
        _not_verified,
        _another_signature,
        lambda shown: shown.update(id="AAAA", rawId="AAAA"),
        lambda shown: shown.update(rawId="AAAA"),
        lambda shown: shown.update(type="password"),
        lambda shown: shown["response"].update(userHandle=""),
        lambda shown: shown["response"].update(userHandle="!"),
        lambda shown: shown["response"].update(userHandle=7),
        lambda shown: shown["response"].update(authenticatorData=""),
        lambda shown: shown["response"].update(signature=None),
        lambda shown: shown["response"].pop("clientDataJSON"),
        lambda shown: shown.update(response=[]),
        lambda shown: shown.clear(),
    ],
)
def test_a_forged_answer_is_refused_and_uses_up_the_challenge(
    company: Company, phone: Authenticator, tamper: Tamper
) -> None:
    challenge, options = company.steps.issue_passkey_challenge()
    right = phone.gets(options)
    shown = {**right, "response": dict(right["response"])}
    tamper(shown)
    with pytest.raises(InvalidCode):
        company.steps.log_in_with_passkey(challenge, shown)
    with pytest.raises(InvalidChallenge):
        company.steps.log_in_with_passkey(challenge, right)


def test_an_answer_is_good_once(company: Company, phone: Authenticator) -> None:
    challenge, options = company.steps.issue_passkey_challenge()
    shown = phone.gets(options)
    company.steps.log_in_with_passkey(challenge, shown)
    with pytest.raises(InvalidChallenge):
        company.steps.log_in_with_passkey(challenge, shown)
    again, _ = company.steps.issue_passkey_challenge()
    with pytest.raises(InvalidCode):
        company.steps.log_in_with_passkey(again, shown)


def test_a_challenge_is_good_for_five_minutes(company: Company, phone: Authenticator) -> None:
    challenge, options = company.steps.issue_passkey_challenge()
    company.clock.passes(minutes=5)
    with pytest.raises(InvalidChallenge):
        company.steps.log_in_with_passkey(challenge, phone.gets(options))


def test_an_authenticator_that_verifies_nobody_is_not_registered(company: Company, entry: IssuedTokens) -> None:
    with pytest.raises(ProofRefused):
        register(company, entry, Authenticator(HOME, verifies=False))


def test_a_passkey_of_another_site_is_not_registered(company: Company, entry: IssuedTokens) -> None:
    with pytest.raises(ProofRefused):
        register(company, entry, Authenticator("https://acme.example.evil.example"))


def test_another_users_passkey_is_refused(company: Company, entry: IssuedTokens, phone: Authenticator) -> None:
    from docplatform.core.actor import Role

    company.members(entry).invite("eve@acme.example", Role.VIEWER)
    eve = company.moves_in(name="Eve")
    theirs = Authenticator(HOME)
    register(company, eve, theirs)
    theirs.user_handle = phone.user_handle
    with pytest.raises(InvalidCode):
        enter(company, theirs)


def test_several_passkeys_are_deleted_one_by_one(company: Company, entry: IssuedTokens, phone: Authenticator) -> None:
    laptop = Authenticator(HOME)
    register(company, entry, laptop, "Laptop")
    own = company.own_factors(entry)
    assert [each.name for each in own.read().passkeys] == ["Ann's phone", "Laptop"]
    own.remove_passkey(own.read().passkeys[0].id)
    with pytest.raises(InvalidCode):
        enter(company, phone)
    assert enter(company, laptop)
    with pytest.raises(FactorNotFound):
        own.remove_passkey("pky_x")


def test_a_passkey_is_registered_once_and_ten_at_most(company: Company, entry: IssuedTokens) -> None:
    device = Authenticator(HOME)
    register(company, entry, device)
    with pytest.raises(Conflict):
        register(company, entry, device)
    for _ in range(9):
        register(company, entry, Authenticator(HOME))
    with pytest.raises(Conflict):
        company.own_factors(entry).issue_passkey_challenge()


def test_a_passkey_alone_is_a_step_up(company: Company, entry: IssuedTokens, phone: Authenticator) -> None:
    company.clock.passes(hours=1)
    challenge, options = company.step_up(entry).issue_passkey_challenge()
    company.step_up(entry).prove("", PresentedFactor(passkey=phone.gets(options)), challenge)
    session = company.people.session(company.actor(entry).session_id)
    assert session and session.fresh(company.clock())
    with pytest.raises(ProofRefused):
        company.step_up(entry).prove("", PresentedFactor(passkey=phone.gets(options)), challenge)


def test_forged_answers_lock_their_source_and_not_the_account(company: Company, phone: Authenticator) -> None:
    """Nobody guesses a signature. An account that strangers could lock with forged ones would be at their mercy."""
    for _ in range(100):
        challenge, options = company.steps.issue_passkey_challenge()
        shown = phone.gets(options)
        _another_signature(shown)
        with pytest.raises(InvalidCode):
            company.steps.log_in_with_passkey(challenge, shown)
    with pytest.raises(TooManyAttempts):
        enter(company, phone)
    company.clock.passes(minutes=15)
    assert enter(company, phone)
