"""A service that fails several times in a row is left alone for a while."""

from __future__ import annotations

import pytest

from docplatform.infra.circuit_breaker import CircuitBreaker, CircuitOpen


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def breaker(clock: Clock) -> CircuitBreaker:
    return CircuitBreaker(failures=3, open_for=20, clock=clock)


def fails(breaker: CircuitBreaker, times: int) -> None:
    for _ in range(times):
        breaker.check()
        breaker.failed()


def test_failures_in_a_row_open_it_and_a_success_between_them_does_not(breaker: CircuitBreaker) -> None:
    fails(breaker, 2)
    breaker.succeeded()
    fails(breaker, 3)
    with pytest.raises(CircuitOpen):
        breaker.check()


def test_one_trial_goes_through_after_a_while_and_closes_it(breaker: CircuitBreaker, clock: Clock) -> None:
    fails(breaker, 3)
    clock.now += 19
    with pytest.raises(CircuitOpen):
        breaker.check()
    clock.now += 1
    breaker.check()
    with pytest.raises(CircuitOpen):
        breaker.check()
    breaker.succeeded()
    breaker.check()


def test_a_trial_that_fails_opens_it_again(breaker: CircuitBreaker, clock: Clock) -> None:
    fails(breaker, 3)
    clock.now += 20
    breaker.check()
    breaker.failed()
    clock.now += 19
    with pytest.raises(CircuitOpen):
        breaker.check()
