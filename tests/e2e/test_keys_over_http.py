"""A program with an API key, at the running platform."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from tests.e2e.client import Session, TenantSite, problem
from tests.e2e.conftest import EU


def makes_key(admin: Session, *scopes: str, **more: Any) -> dict[str, Any]:
    expires = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    body = {"name": "Import", "scopes": list(scopes), "expires_at": expires, **more}
    answer = admin.asks("POST", "/v1/api-keys", json=body)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def program(admin: Session, *scopes: str, **more: Any) -> Session:
    return Session(admin.site, {"access_token": makes_key(admin, *scopes, **more)["key"]})


def test_a_program_stores_and_finds_within_its_scopes_and_its_tenant(acme: TenantSite, hooli: TenantSite) -> None:
    account = acme.admin.asks("POST", "/v1/service-accounts", json={"name": "Importer", "role": "editor"}).json()["id"]
    bot = program(acme.admin, "read", "write", "search", owner_id=account)
    document_id = bot.uploads("by-a-program.txt", b"pangolin ledger", "text/plain")
    assert bot.waits_for(document_id)["processing"]["state"] == "ready"
    bot.finds("pangolin", document_id)
    assert problem(bot.asks("DELETE", f"/v1/documents/{document_id}")) == (403, "forbidden")
    assert problem(bot.asks("GET", "/v1/api-keys")) == (403, "session_needed")
    assert problem(bot.at(EU).asks("GET", "/v1/me")) == (421, "wrong_region")
    elsewhere = Session(hooli.site, bot.tokens)
    assert problem(elsewhere.asks("GET", "/v1/me")) == (401, "unauthenticated")
    (listed,) = acme.admin.asks("GET", "/v1/api-keys", params={"owner_id": account}).json()["items"]
    assert listed["used_at"] and listed["state"] == "active"


def test_a_revoked_key_is_refused(acme: TenantSite) -> None:
    made = makes_key(acme.admin, "read")
    assert acme.admin.asks("DELETE", f"/v1/api-keys/{made['api_key']['id']}").status_code == 204
    bot = Session(acme.site, {"access_token": made["key"]})
    assert problem(bot.asks("GET", "/v1/me")) == (401, "unauthenticated")


def test_the_key_set_may_be_kept_for_five_minutes(acme: TenantSite) -> None:
    answer = acme.site.ask("GET", "/v1/auth/jwks.json")
    assert answer.headers["Cache-Control"] == "public, max-age=300"
    assert len(answer.json()["keys"]) == 1
