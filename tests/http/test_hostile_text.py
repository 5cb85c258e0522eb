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
    assert by_message.status == 400 or by_message["totalResults"] == 0
