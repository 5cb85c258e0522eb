"""A text of a person that looks like the key of another tenant's object is a text, and no link."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from docplatform.core.actor import Role
from docplatform.core.time import now, rfc3339
from docplatform.infra.dynamodb.codec import encode_item
from docplatform.search.model import MARK_OFF, MARK_ON, Candidate, IndexHits, SearchQuery
from tests.support.mocked_aws import Answer, Person, TenantWorld

OTHER = "taaaaaaaaaaaa"
TEXTS = [f"tenants/{OTHER}/", f"see https://s3.example/derived/{OTHER}/documents/x?X-Amz-Signature=1"]
NAMED = {"name", "title", "author"}
every_text = pytest.mark.parametrize("text", TEXTS)


@pytest.fixture
def admin(acme: TenantWorld) -> Person:
    return acme.member(Role.ADMIN)


def is_answered(answer: Answer, text: str, person: Person) -> None:
    assert answer.status in (200, 201), answer.body
    assert text in str(answer.body), "the text came as far as the answer"
    assert "access_denied" not in person.home.actions


def holding(value: Any, text: str) -> Any:
    """A stored value with the text as every name, title, author and attachment."""
    if isinstance(value, dict):
        return {
            name: [text] if name == "attachments" else text if name in NAMED else holding(part, text)
            for name, part in value.items()
        }
    return value


@every_text
def test_in_names_titles_authors_and_attachments(admin: Person, text: str) -> None:
    """No name may hold a slash; older names might."""
    folder, document = admin.creates_folder("Contracts")["id"], admin.announces("a.txt")["document"]["id"]
    for item in admin.home.cloud.items("data"):
        if folder in item["pk"] or document in item["pk"]:
            admin.home.cloud.database.put_item(TableName="data", Item=encode_item(holding(item, text)))
    for path in (f"/v1/documents/{document}", f"/v1/folders/{folder}", "/v1/folders/root/children"):
        is_answered(admin.asks("GET", path), text, admin)
    assert str(admin.lists().body).count(text) > 3


@every_text
def test_in_names_of_groups_and_users(admin: Person, text: str) -> None:
    admin.home.group(text, admin)
    is_answered(admin.asks("GET", "/v1/groups"), text, admin)
    schemas = "urn:ietf:params:scim:schemas:core:2.0:"
    group = {"schemas": [f"{schemas}Group"], "displayName": f"SCIM {text}"}
    user = {"schemas": [f"{schemas}User"], "userName": "bea@acme.example", "displayName": text, "title": text}
    for path, wish in (("/scim/v2/Groups", group), ("/scim/v2/Users", user)):
        is_answered(admin.asks("POST", path, wish), text, admin)
        is_answered(admin.asks("GET", path), text, admin)


@every_text
def test_in_names_of_api_keys(admin: Person, text: str) -> None:
    wish = {"name": text, "scopes": ["read"], "expires_at": rfc3339(now() + timedelta(days=1))}
    is_answered(admin.asks("POST", "/v1/api-keys", wish), text, admin)
    is_answered(admin.asks("GET", "/v1/api-keys"), text, admin)


@every_text
def test_in_what_a_search_finds(admin: Person, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    document = admin.announces("a.txt")["document"]["id"]

    class Index:
        def search(self, query: SearchQuery) -> IndexHits:
            fragments: dict[str, tuple[str, ...]] = dict.fromkeys(
                ("text", "name", "title"), (f"{MARK_ON}{text}{MARK_OFF}",)
            )
            return IndexHits((Candidate(document, 1.0, fragments),), "")

    monkeypatch.setattr("docplatform.search.wiring.index", lambda _: Index())
    is_answered(admin.asks("GET", "/v1/search", query={"q": "word"}), text, admin)
