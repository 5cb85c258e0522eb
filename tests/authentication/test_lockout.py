"""Lock-out: too many attempts must wait, whether the account exists or not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docplatform.core.errors import DomainError, TooManyAttempts
from docplatform.core.tenant import Plan
from docplatform.identity.attempts import AttemptCount, source_of, tenant_cap
from docplatform.identity.errors import InvalidCredentials
from tests.identity.harness import PASSWORD, Company, at_once
from tests.support.databases import on_every_database
from tests.support.mocked_aws import Cloud

pytestmark = on_every_database

ANN, NOBODY = "ann@acme.example", "nobody@acme.example"


@pytest.fixture
def company(company: Company) -> Company:
    company.moves_in()
    return company


def fails(company: Company, email: str = ANN, times: int = 1, address: str = "192.0.2.7") -> None:
    for _ in range(times):
        with pytest.raises(InvalidCredentials):
            company.door_for(address).log_in(email, "wrong " + PASSWORD)


def waits(company: Company, email: str = ANN, address: str = "192.0.2.7") -> int:
    """The seconds to wait, which are the same with the right password."""
    with pytest.raises(TooManyAttempts) as refused:
        company.door_for(address).log_in(email, PASSWORD)
    seconds = refused.value.facts["retry_after"]
    assert isinstance(seconds, int)
    return seconds


def actions(company: Company, region: Cloud) -> list[str]:
    own = [item for item in region.items("audit") if item["pk"].startswith(company.tenant.id + "#")]
    return [item["action"] for item in own]


@pytest.mark.parametrize("email", [ANN, NOBODY, "no address", "ANN@acme.example"])
def test_ten_failures_lock_an_account_whether_it_is_there_or_not(company: Company, email: str, region: Cloud) -> None:
    fails(company, email, times=10)
    assert waits(company, email) == 60
    assert actions(company, region).count("account.locked") == 1
    assert actions(company, region).count("login.throttled") == 1


def test_the_right_password_before_the_tenth_failure_resets_the_count(company: Company) -> None:
    for _ in range(3):
        fails(company, times=9)
        assert company.door.log_in(ANN, PASSWORD)


def test_after_the_lock_the_right_password_is_accepted(company: Company) -> None:
    fails(company, times=10)
    company.clock.passes(seconds=61)
    assert company.door.log_in(ANN, PASSWORD)
    fails(company, times=9)  # the count was reset: ten more attempts are allowed


def test_each_further_failure_locks_for_twice_as_long(company: Company) -> None:
    fails(company, times=10)
    locks = [waits(company)]
    for _ in range(8):
        company.clock.passes(seconds=locks[-1])
        fails(company)
        locks.append(waits(company))
    assert locks == [60, 120, 240, 480, 960, 1920, 3600, 3600, 3600]


def test_failures_are_forgotten_after_15_minutes(company: Company) -> None:
    for _ in range(4):
        fails(company, times=9)
        company.clock.passes(minutes=15)
    assert company.door.log_in(ANN, PASSWORD)


def test_a_lock_concerns_one_account(company: Company) -> None:
    fails(company, NOBODY, times=10)
    assert waits(company, NOBODY)
    assert company.door.log_in(ANN, PASSWORD)


def test_parallel_attempts_get_no_more_tries(company: Company) -> None:
    def guess(number: int) -> type[DomainError]:
        try:
            company.door_for(f"192.0.2.{number}").log_in(ANN, f"guess {number}")
        except DomainError as error:
            return type(error)
        raise AssertionError("a guess was right")

    with at_once(8) as pool:
        outcomes = list(pool.map(guess, range(40)))
    assert outcomes.count(InvalidCredentials) <= 10
    assert set(outcomes) == {InvalidCredentials, TooManyAttempts}


def test_a_right_password_takes_back_only_its_own_count(company: Company) -> None:
    """Otherwise somebody who knows the password could try codes without end: each log-in would reset their count."""
    lockout = company.lockout()
    for _ in range(5):
        beside = lockout.admit(ANN)
        lockout.admit(ANN)  # a wrong code, say
        beside.release()
    with pytest.raises(TooManyAttempts):
        lockout.admit(ANN)


def test_one_source_is_capped_over_all_accounts(company: Company) -> None:
    for number in range(100):
        fails(company, f"n{number}@acme.example")
    assert 0 < waits(company) <= 900
    assert company.door_for("198.51.100.1").log_in(ANN, PASSWORD)
    company.clock.passes(minutes=15)
    assert company.door.log_in(ANN, PASSWORD)


def test_a_tenant_is_capped_over_all_sources(company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("docplatform.authentication.lockout.tenant_cap", lambda _: 12)
    for number in range(12):
        fails(company, f"n{number}@acme.example", address=f"192.0.2.{number}")
    assert waits(company, address="198.51.100.1")


def test_the_tenants_cap_grows_with_its_plan(company: Company) -> None:
    from dataclasses import replace

    caps = [tenant_cap(replace(company.tenant, plan=plan)) for plan in Plan]
    assert caps == [1_000, 1_000, 10_000]


def test_no_address_stands_in_a_counter(company: Company, region: Cloud) -> None:
    fails(company)
    kept = [str(item) for item in region.items("data") if "attempts#" in item["pk"]]
    assert len(kept) >= 3
    assert not [item for item in kept if ANN in item or "192.0.2.7" in item]
    assert all(item["expires"] for item in region.items("data") if "attempts#" in item["pk"])


@pytest.mark.parametrize(
    ("address", "source"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::1", "2001:db8:1:2::/64"),
        ("", ""),
    ],
)
def test_a_source_is_the_address_range_of_a_subscriber(address: str, source: str) -> None:
    assert source_of(address) == source


@given(st.lists(st.floats(min_value=0, max_value=7_200), max_size=80))
def test_no_pauses_allow_more_than_ten_tries_in_15_minutes(pauses: list[float]) -> None:
    at, tally, tries = datetime(2026, 3, 1, tzinfo=UTC), AttemptCount(), []
    for pause in pauses:
        at += timedelta(seconds=pause)
        try:
            tally = tally.with_attempt(at)
        except TooManyAttempts:
            continue
        tries.append(at)
        assert len([each for each in tries if at - each < timedelta(minutes=15)]) <= 14  # ten, then one after each lock
