from datetime import UTC, datetime, timedelta

import pytest

from docplatform.core.actor import Role
from docplatform.core.errors import Invalid
from docplatform.sso.model import Connection, Kind, clean_domain, next_health

AT = datetime(2026, 1, 1, tzinfo=UTC)
STAFF = Connection(Kind.OIDC, "https://idp.example", roles={"staff": Role.EDITOR, "boss": Role.ADMIN})


@pytest.mark.parametrize(
    ("groups", "role"),
    [((), Role.VIEWER), (("staff",), Role.EDITOR), (("boss", "staff"), Role.ADMIN), (("Staff",), Role.VIEWER)],
)
def test_the_highest_role_of_the_groups_counts(groups: tuple[str, ...], role: Role) -> None:
    assert STAFF.role_of(groups) is role


def test_a_role_given_here_stays_when_the_connection_has_no_roles() -> None:
    plain = Connection(Kind.OIDC, "https://idp.example")
    assert plain.role_at_return(Role.ADMIN, ("staff",)) is Role.ADMIN
    assert STAFF.role_at_return(Role.ADMIN, ("staff",)) is Role.EDITOR


@pytest.mark.parametrize(
    ("email", "owned"),
    [
        ("ann@acme.example", True),
        ("ann@sub.acme.example", False),
        ("ann@notacme.example", False),
        ("ann@example", False),
        ("acme.example@evil.example", False),
        ("", False),
    ],
)
def test_a_connection_vouches_for_exactly_its_domains(email: str, owned: bool) -> None:
    assert Connection(Kind.OIDC, "x", domains=("acme.example",)).vouches(email, True) is owned
    assert Connection(Kind.SAML, "x", domains=("acme.example",)).vouches(email, None) is owned
    assert Connection(Kind.OIDC, "x", authoritative_domains=("acme.example",)).vouches(email, None) is owned


def test_a_connection_without_domains_vouches_for_none() -> None:
    assert not Connection(Kind.OIDC, "x").vouches("nobody", True)
    assert not Connection(Kind.SAML, "x").vouches("nobody", None)


@pytest.mark.parametrize("kind", Kind)
def test_what_the_provider_has_not_verified_is_never_vouched_for(kind: Kind) -> None:
    sure = Connection(kind, "x", domains=("acme.example",), authoritative_domains=("acme.example",))
    assert not sure.vouches("ann@acme.example", False)


@pytest.mark.parametrize(
    "domain", ["", "acme", "*.acme.example", "@acme.example", "acme..example", "-a.example", "a b.example"]
)
def test_a_malformed_domain_is_refused(domain: str) -> None:
    with pytest.raises(Invalid):
        clean_domain(domain)
    assert clean_domain(" ACME.example ") == "acme.example"


def test_an_outage_lasts_from_when_it_was_found_and_is_told_once_an_hour() -> None:
    first = next_health(None, down=True, at=AT)
    assert (
        first.should_notify(AT)
        and first.is_fresh(AT + timedelta(seconds=59))
        and not first.is_fresh(AT + timedelta(seconds=60))
    )
    later = AT + timedelta(minutes=59)
    second = next_health(type(first)(True, AT, AT, AT), down=True, at=later)
    assert second.since == AT and not second.should_notify(later) and second.should_notify(AT + timedelta(hours=1))
    assert not next_health(second, down=False, at=later).should_notify(AT + timedelta(days=1))
