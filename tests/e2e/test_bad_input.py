"""Bad input gets a clear problem document, and nothing is stored in part."""

import json

import pytest

from tests.e2e.client import Member, Site, TenantSite, problem
from tests.e2e.conftest import US
from tests.extraction.samples import REFUSED, RefusedSample


@pytest.mark.parametrize("sample", REFUSED, ids=lambda sample: sample.name)
def test_a_file_that_cannot_be_read_says_why_and_what_to_do(ann: Member, sample: RefusedSample) -> None:
    document_id = ann.uploads(sample.name, sample.content, sample.media_type)
    document = ann.waits_for(document_id)
    assert document["processing"]["state"] == "failed"
    reason = document["processing"]["problem"]
    assert reason["code"] == sample.problem
    assert reason["detail"]
    assert document["version"]["scan"] == ("unsupported" if sample.problem == "encrypted" else "clean")
    ann.finds(sample.name.rsplit(".", 1)[0], document_id)  # by its metadata
    assert ann.downloads(document_id) == sample.content  # stored all the same


def test_malware_goes_into_quarantine(ann: Member) -> None:
    eicar = rb"X5O!P%@AP[4\PZX54(P^)7CC)7}$" + b"EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"
    document_id = ann.uploads("invoice.txt", eicar, "text/plain")
    document = ann.waits_for(document_id)
    assert document["processing"]["problem"]["code"] == "infected"
    assert problem(ann.asks("GET", f"/v1/documents/{document_id}/content")) == (409, "not_ready")


def test_an_unknown_tenant_is_not_there(acme: TenantSite, ann: Member) -> None:
    nobody = Site(acme.site.cloud, US, "nobody-of-that-name")
    assert problem(nobody.ask("POST", "/v1/auth/login", json={"email": "a@b.example", "password": "x" * 12})) == (
        404,
        "tenant_not_found",
    )
    assert problem(nobody.ask("GET", "/v1/folders/root", token=ann.token)) == (404, "tenant_not_found")


def test_a_token_of_another_tenant_opens_nothing(ann: Member, bob: Member) -> None:
    answer = bob.site.ask("GET", "/v1/folders/root", token=ann.token)
    assert problem(answer)[0] == 403


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0."])
def test_without_a_valid_token_there_is_401(ann: Member, token: str) -> None:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    answer = ann.site.ask("GET", "/v1/folders/root", headers=headers)
    assert problem(answer)[0] == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_a_tampered_token_is_refused(ann: Member) -> None:
    head, payload, signature = ann.token.split(".")
    for forged in (
        f"{head}.{payload}.{signature[:-6]}AAAAAA",
        f"{head}.{payload[:-4]}AAAA.{signature}",
        f"{head}.{payload}.",
    ):
        assert problem(ann.site.ask("GET", "/v1/folders/root", token=forged))[0] == 401


def test_duplicate_names_cycles_and_unknown_fields(ann: Member) -> None:
    a = ann.creates_folder("bad input")
    b = ann.creates_folder("inner", a)
    assert problem(ann.asks("POST", "/v1/folders", json={"name": "BAD INPUT"})) == (409, "name_taken")
    assert problem(ann.asks("PATCH", f"/v1/folders/{a}", json={"parent_id": b})) == (422, "folder_cycle")
    assert problem(ann.asks("POST", "/v1/folders", json={"name": "x", "colour": "red"})) == (400, "invalid_request")
    malformed = ann.asks("POST", "/v1/folders", data="{", headers={"Content-Type": "application/json"})
    assert problem(malformed) == (400, "malformed_request")


def test_a_file_over_the_plans_size_is_refused_before_it_is_sent(bob: Member) -> None:
    body = {"name": "huge.pdf", "content_type": "application/pdf", "size": 51_000_000}
    assert problem(bob.asks("POST", "/v1/documents", json=body)) == (413, "file_too_large")
    assert json.dumps(bob.asks("GET", "/v1/folders/root/children").json()).find("huge.pdf") == -1


def test_unknown_paths_and_methods(ann: Member) -> None:
    assert problem(ann.asks("GET", "/v1/folders/root/nothing")) == (404, "unknown_route")
    assert problem(ann.asks("PUT", "/v1/folders/root")) == (405, "method_not_allowed")
    assert problem(ann.asks("GET", "/v1/nothing"))[0] in (403, 404)
