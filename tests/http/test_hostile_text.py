"""Text that no honest client sends is refused as bad input, or names nothing. It is no error of the platform."""

from __future__ import annotations

import pytest

from docplatform.core.actor import Role
from tests.support.mocked_aws import Person, TenantWorld

USER = "urn:ietf:params:scim:schemas:core:2.0:User"
SEARCH = "urn:ietf:params:scim:api:messages:2.0:SearchRequest"


@pytest.fixture
def admin(acme: TenantWorld) -> Person:
    return acme.member(Role.ADMIN)


@pytest.mark.parametrize("segment", ["{}", "%7B%7D", "{folder_id}", "root%2Fchildren", "..", "%ED%A0%80"])
@pytest.mark.parametrize("path", ["/v1/folders/{}", "/v1/documents/{}", "/v1/groups/{}", "/scim/v2/Users/{}"])
def test_a_strange_path_segment_names_nothing(admin: Person, path: str, segment: str) -> None:
    assert admin.asks("GET", path.replace("{}", segment)).status == 404


@pytest.mark.parametrize("attribute", ["userName", "title", "externalId"])
def test_a_lone_surrogate_in_a_resource_is_refused(admin: Person, attribute: str) -> None:
    resource = {"schemas": [USER], "userName": "bea"} | {attribute: "\ud800"}
    assert admin.asks("POST", "/scim/v2/Users", resource).status == 400


def test_a_lone_surrogate_in_a_filter_names_nobody(admin: Person) -> None:
    by_link = admin.asks("GET", "/scim/v2/Users", query={"filter": 'userName eq "\ud800"'})
    assert (by_link.status, by_link["totalResults"]) == (200, 0)
    message = {"schemas": [SEARCH], "filter": 'userName eq "\\ud800"'}
    by_message = admin.asks("POST", "/scim/v2/Users/.search", message)
    assert (by_message.status, by_message["totalResults"]) == (200, 0)


@pytest.mark.parametrize("body", [r'{"name": "\ud800"}', r'{"name": "a\uDC00b"}', r'{"na\ud800me": "a"}'])
def test_a_lone_surrogate_in_any_body_is_refused(admin: Person, body: str) -> None:
    refused = admin.asks("POST", "/v1/folders", raw=body)
    assert (refused.status, refused["detail"]) == (400, "The body holds text that is not Unicode: a lone surrogate.")


def test_a_pair_of_surrogates_is_one_character(admin: Person) -> None:
    made = admin.asks("POST", "/v1/folders", raw=r'{"name": "\ud83d\ude00"}')
    assert (made.status, made["name"]) == (201, "\U0001f600")
