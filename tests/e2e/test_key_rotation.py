"""Rotation of the signing keys of access tokens, in the steps of docs/operations.md. Each step is a deployment of the running platform, and
logs nobody out."""

from __future__ import annotations

from collections.abc import Iterator

import jwt
import pytest

from local.deploy import deploy
from local.settings import LocalSettings
from local.synth import synthesize
from local.testing import Cloud, empty_cloud
from tests.e2e.client import Member, Session, create_tenant, refreshed, sign_in
from tests.e2e.conftest import US


@pytest.fixture
def rotating() -> Iterator[LocalSettings]:
    with empty_cloud() as settings:
        yield settings


def test_a_key_follows_another(rotating: LocalSettings) -> None:
    def deployed(*names: str, former: tuple[str, ...] = ()) -> None:
        deploy(rotating, synthesize(rotating, signing_keys=names, former_signing_keys=former))

    deployed("1")
    cloud = Cloud(rotating)
    admin = create_tenant(cloud, US, "standard").admin
    ann = admin.session
    assert published(ann) == [kid(ann)]

    deployed("1", "2")  # announced
    first, second = published(ann)
    unseen = again(admin)  # the authorizer meets its token only after the key has gone
    assert (first, gets_in(ann), kid(unseen)) == (kid(ann), True, first)

    deployed("2", "1")  # signs
    later = again(admin)
    assert (kid(later), published(ann)) == (second, [second, first])
    assert gets_in(ann) and gets_in(later)

    deployed("2", former=("1",))  # the first verifies nothing any longer
    assert published(ann) == [second]
    assert not gets_in(unseen)
    assert gets_in(later) and gets_in(refreshed(ann))

    deployed("2")
    assert published(ann) == [second]
    assert gets_in(later) and gets_in(again(admin))


def kid(member: Session) -> str:
    return str(jwt.get_unverified_header(member.token)["kid"])


def published(member: Session) -> list[str]:
    return [key["kid"] for key in member.site.ask("GET", "/v1/auth/jwks.json").json()["keys"]]


def gets_in(member: Session) -> bool:
    status = member.asks("GET", "/v1/me").status_code
    assert status in (200, 401)
    return status == 200


def again(member: Member) -> Session:
    return sign_in(member.site, member.email)
