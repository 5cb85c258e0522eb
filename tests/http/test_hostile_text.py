"""Text that no honest client sends is refused as bad input, or names nothing. It is no error of the platform."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from docplatform.core.actor import Role
from docplatform.http.problems import MalformedRequest
from docplatform.http.request import Request, check_encoding, json_of
from tests.support.mocked_aws import Answer, Person, TenantWorld

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


# -- encodings of bodies

JSON_WRITES = [
    ("POST", "/v1/folders", '{"name": "%s"}'),
    ("POST", "/v1/groups", '{"name": "%s"}'),
    ("POST", "/scim/v2/Groups", '{"schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "displayName": "%s"}'),
]
every_write = pytest.mark.parametrize(("method", "path", "body"), JSON_WRITES)


def asks_in(person: Person, method: str, path: str, raw: bytes, content_type: str = "application/json") -> Answer:
    """As API Gateway hands a body on: as text, in which the replacement character stands for what is not UTF-8."""
    text = raw.decode(errors="replace")
    return person.asks(method, path, raw=text, headers={"Content-Type": content_type})


@every_write
def test_json_in_another_encoding_is_refused_and_stores_nothing(
    admin: Person, method: str, path: str, body: str
) -> None:
    for encoding in ("latin-1", "cp1252", "mac-roman"):
        answer = asks_in(admin, method, path, (body % "Verträge").encode(encoding))
        assert answer.status == 400 and "UTF-8" in answer["detail"]
    for declared in ("iso-8859-1", "ISO-8859-1", '"windows-1252"', "utf-16", "x", ""):
        answer = asks_in(admin, method, path, (body % "Vertraege").encode(), f"application/json; charset={declared}")
        assert answer.status == 415 and "UTF-8" in answer["detail"]
    for wide in ("utf-16", "utf-16-le", "utf-32"):
        assert asks_in(admin, method, path, (body % "Verträge").encode(wide)).status == 400
    assert set(admin.home.actions) <= {"access.refused"}


@every_write
@pytest.mark.parametrize("declared", ["", "; charset=utf-8", ';charset="UTF-8"', "; Charset=utf8; x=y", "; q=1"])
def test_utf_8_is_read_with_and_without_a_byte_order_mark(
    admin: Person, method: str, path: str, body: str, declared: str
) -> None:
    for mark, name in (("", "Verträge"), ("\ufeff", "Öfen")):
        answer = asks_in(admin, method, path, (mark + body % name).encode(), f"application/json{declared}")
        assert answer.status == 201, answer
        assert answer.body.get("name", answer.body.get("displayName")) == name


def test_a_body_of_bytes_is_judged_alike(admin: Person) -> None:
    """API Gateway may hand a body on as base64."""
    good, bad = '\ufeff{"name": "Verträge"}'.encode(), '{"name": "Verträge"}'.encode("latin-1")
    told = [Request.of(_event(base64.b64encode(each).decode())).body for each in (good, bad)]
    assert json_of(told[0]) == {"name": "Verträge"}
    with pytest.raises(MalformedRequest):
        check_encoding("application/json", told[1])


def _event(body: str) -> dict[str, Any]:
    return {"httpMethod": "POST", "path": "/", "body": body, "isBase64Encoded": True, "requestContext": {}}
