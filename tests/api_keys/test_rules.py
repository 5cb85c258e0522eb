"""API keys, with a clock that the test sets."""

from __future__ import annotations

import secrets
import zlib
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docplatform.api_keys.administration import ApiKeyService
from docplatform.api_keys.errors import InvalidExpiry
from docplatform.api_keys.model import FORM, LONGEST_LIFE, KeyState, key_text, parse_key
from docplatform.api_keys.verification import KeyRefused, admit
from docplatform.api_keys.wiring import keys_of
from docplatform.core import ids
from docplatform.core.actor import PERMISSIONS, Actor, Permission, Role
from docplatform.core.errors import Forbidden, SessionNeeded
from docplatform.core.tenant import tenant_context
from tests.identity.harness import Company, another_tenant
from tests.support.databases import on_every_database

pytestmark = on_every_database

AT = datetime(2026, 3, 1, tzinfo=UTC)
READ = frozenset({Permission.READ})


def service(company: Company) -> ApiKeyService:
    return ApiKeyService(company.actor(company.moves_in()), keys_of(company.tenant), company.clock)


def state(company: Company, text: str) -> str:
    try:
        return admit(text, keys_of(company.tenant), company.clock())[1].state(company.clock()).value
    except KeyRefused as refused:
        return str(refused)


def test_a_key_is_good_until_the_moment_of_its_expiry(company: Company) -> None:
    start = company.clock()
    _, text = service(company).create("K", READ, start + LONGEST_LIFE)
    company.clock.at = start + LONGEST_LIFE - timedelta(milliseconds=1)
    assert state(company, text) == KeyState.ACTIVE
    company.clock.at = start + LONGEST_LIFE
    assert state(company, text) == "the key is expired"


@pytest.mark.parametrize("life", [timedelta(0), -timedelta(seconds=1), LONGEST_LIFE + timedelta(milliseconds=1)])
def test_an_expiry_is_in_the_future_and_at_most_a_year_away(company: Company, life: timedelta) -> None:
    with pytest.raises(InvalidExpiry):
        service(company).create("K", READ, company.clock() + life)


def test_a_repetition_after_the_expiry_still_finds_the_key(company: Company) -> None:
    keys, expires = service(company), company.clock() + timedelta(minutes=1)
    first, text = keys.create("K", READ, expires, idempotency_key="k")
    company.clock.passes(minutes=2)
    assert keys.create("K", READ, expires, idempotency_key="k") == (first, "")
    assert text


def test_a_key_opens_no_other_tenant(company: Company) -> None:
    _, text = service(company).create("K", READ, company.clock() + timedelta(days=1))
    other = another_tenant()
    with tenant_context(other), pytest.raises(KeyRefused, match="unknown key") as refused:
        admit(text, keys_of(other), company.clock())
    assert refused.value.owner_id == ""


def test_a_wrong_secret_does_not_reveal_that_the_key_has_ended(company: Company) -> None:
    keys = service(company)
    made, _ = keys.create("K", READ, company.clock() + timedelta(days=1))
    keys.revoke(made.id)
    assert state(company, key_text(made.id, bytes(32))) == "unknown key or wrong secret"


# -- the form


@given(st.binary(min_size=32, max_size=32))
def test_every_secret_has_one_length_and_is_parsed_back(secret: bytes) -> None:
    key_id = ids.new(ids.API_KEY, AT)
    text = key_text(key_id, secret)
    assert len(text) == 4 + 26 + 1 + 49 and FORM.fullmatch(text)
    assert parse_key(text) == (key_id, text[31:-6])


@given(st.integers(0, 79), st.sampled_from("09AZaz_ \n"))
def test_one_wrong_character_is_detected_without_a_read(place: int, character: str) -> None:
    text = key_text(ids.new(ids.API_KEY, AT), secrets.token_bytes(32))
    wrong = text[:place] + character + text[place + 1 :]
    assert (parse_key(wrong) is None) == (wrong != text)


def test_the_check_is_the_crc_32_that_the_documentation_names() -> None:
    text = key_text(ids.new(ids.API_KEY, AT), bytes(range(32)))
    digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
    number = 0
    for character in text[-6:]:
        number = number * 62 + digits.index(character)
    assert number == zlib.crc32(text[:-6].encode())


# -- what it allows


@pytest.mark.parametrize("role", Role)
@given(scopes=st.frozensets(st.sampled_from(Permission)))
def test_permissions_are_the_roles_and_the_scopes(role: Role, scopes: frozenset[Permission]) -> None:
    actor = Actor(another_tenant(), "usr", "key", role, "r", scopes)
    for permission in Permission:
        allowed = permission in scopes and permission in PERMISSIONS[role]
        assert actor.may(permission) == allowed
        if not allowed:
            with pytest.raises(Forbidden, match=permission.value):
                actor.require(permission)


def test_a_session_has_all_permissions_of_its_role_and_a_key_is_no_session() -> None:
    person = Actor(another_tenant(), "usr", "ses", Role.EDITOR, "r")
    assert person.permissions == PERMISSIONS[Role.EDITOR]
    person.require_session()
    with pytest.raises(SessionNeeded):
        Actor(another_tenant(), "usr", "key", Role.ADMIN, "r", frozenset(Permission)).require_session()
