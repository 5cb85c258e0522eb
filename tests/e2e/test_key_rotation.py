"""The signing keys of access tokens follow one another in the steps of docs/operations.md, each a deployment of the running platform:
nobody is logged out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jwt
import pytest

from local.deploy import deploy
from local.settings import LocalSettings
from local.synth import synthesize
from local.testing import Cloud, empty_cloud
from tests.e2e.client import PASSWORD, Member, create_tenant
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
    ann = create_tenant(cloud, US, "standard").admin
    assert published(ann) == [kid(ann)]

    deployed("1", "2")  # announced
    first, second = published(ann)
    assert (first, gets_in(ann), kid(again(ann))) == (kid(ann), True, first)

    deployed("2", "1")  # signs
    later = again(ann)
    assert (kid(later), published(ann)) == (second, [second, first])
    assert gets_in(ann) and gets_in(later)

    deployed("2", former=("1",))  # the first verifies nothing any longer
    assert published(ann) == [second]
    cloud.eventually(lambda: not gets_in(ann), 60)
    assert gets_in(later) and gets_in(refreshed(ann))

    deployed("2")
    assert published(ann) == [second]
    assert gets_in(later) and gets_in(again(ann))


def kid(member: Member) -> str:
    return str(jwt.get_unverified_header(member.token)["kid"])


def published(member: Member) -> list[str]:
    return [key["kid"] for key in member.site.ask("GET", "/v1/auth/jwks.json").json()["keys"]]


def gets_in(member: Member) -> bool:
    status = member.asks("GET", "/v1/me").status_code
    assert status in (200, 401)
    return status == 200


def again(member: Member) -> Member:
    return _with(member, "/v1/auth/login", {"email": member.email, "password": PASSWORD})


def refreshed(member: Member) -> Member:
    return _with(member, "/v1/auth/refresh", {"refresh_token": member.tokens["refresh_token"]})


def _with(member: Member, path: str, body: dict[str, Any]) -> Member:
    answer = member.site.ask("POST", path, json=body)
    assert answer.status_code == 200, answer.text
    return Member(member.site, member.email, answer.json())
