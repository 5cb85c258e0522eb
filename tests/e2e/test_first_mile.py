"""A real document is uploaded, processed, found by a word in its text, and downloaded byte for byte; no other tenant sees it."""

import pytest
import requests

from tests.e2e.client import ANSWER, Member, TenantSite, problem, send
from tests.e2e.conftest import APAC, EU
from tests.extraction.samples import SAMPLES, Sample


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.name)
def test_a_document_is_found_by_its_word_and_comes_back_whole(ann: Member, bob: Member, sample: Sample) -> None:
    document_id = ann.uploads(sample.name, sample.content, sample.media_type)
    document = ann.waits_for(document_id)
    assert document["processing"]["state"] == "ready", document["processing"]
    assert document["version"]["size"] == len(sample.content)
    word = sample.word or sample.name.rsplit(".", 1)[0]
    hit = ann.finds(word, document_id)
    assert "<em>" in "".join(part for parts in hit["highlights"].values() for part in parts)
    assert ann.downloads(document_id) == sample.content

    assert bob.searches(word, limit=100)["items"] == []
    for region in (EU, APAC):
        assert problem(ann.at(region).asks("GET", f"/v1/documents/{document_id}")) == (421, "wrong_region")
    assert problem(bob.asks("GET", f"/v1/documents/{document_id}")) == (404, "document_not_found")


def test_the_answer_to_a_wrong_region_names_the_right_address(ann: Member) -> None:
    answer = ann.at(EU).asks("GET", "/v1/folders/root")
    assert problem(answer) == (421, "wrong_region")
    assert answer.json()["region"] == "us-east-1"
    assert answer.json()["address"].startswith(
        f"http://{ann.site.subdomain}.localhost:{ann.site.cloud.ports['us-east-1']}"
    )


def test_every_region_serves_its_own_tenant(globex: TenantSite, initech: TenantSite) -> None:
    for tenant in (globex, initech):
        document_id = tenant.admin.uploads("memo.txt", b"quarterly zebra forecast", "text/plain")
        assert tenant.admin.waits_for(document_id)["processing"]["state"] == "ready"
        tenant.admin.finds("zebra", document_id)
    assert len(globex.admin.searches("zebra")["items"]) == 1


def test_pictures_of_the_first_page_can_be_fetched(ann: Member) -> None:
    pdf = next(sample for sample in SAMPLES if sample.media_type == "application/pdf")
    document_id = ann.uploads("with-picture.pdf", pdf.content, pdf.media_type)
    assert ann.waits_for(document_id)["version"]["has_preview"]
    for kind in ("preview", "thumbnail"):
        link = ann.asks("GET", f"/v1/documents/{document_id}/{kind}").json()
        picture = requests.get(link["url"], timeout=ANSWER)
        assert picture.content[:4] == b"RIFF"
        assert picture.headers["Content-Type"] == "image/webp"


def test_a_renamed_document_is_found_by_its_new_name_and_not_by_its_old(ann: Member) -> None:
    document_id = ann.uploads("aardvark.txt", b"nothing of note", "text/plain")
    ann.waits_for(document_id)
    ann.finds("aardvark", document_id)
    assert ann.asks("PATCH", f"/v1/documents/{document_id}", json={"name": "wombat.txt"}).status_code == 200
    ann.finds("wombat", document_id)
    assert ann.searches("aardvark")["items"] == []


def test_a_link_takes_one_file_and_only_the_announced_one(ann: Member) -> None:
    made = ann.announces("bound.txt", 10, "text/plain")
    upload = made["upload"]
    assert send(upload, b"eleven bytes").status_code >= 400
    other_type = {**upload, "headers": {**upload["headers"], "Content-Type": "text/html"}}
    assert send(other_type, b"ten bytes!").status_code >= 400
    elsewhere = {**upload, "url": upload["url"].replace(made["document"]["id"], "doc_" + "0" * 26)}
    assert send(elsewhere, b"ten bytes!").status_code >= 400
    assert send(upload, b"ten bytes!").status_code == 200
    ann.waits_for(made["document"]["id"])
    assert send(upload, b"overwrite!").status_code >= 400
    assert ann.downloads(made["document"]["id"]) == b"ten bytes!"


def test_paging_through_a_search_shows_every_hit_once(ann: Member) -> None:
    ids = {ann.uploads(f"page {number}.txt", f"okapi number {number}".encode(), "text/plain") for number in range(7)}
    for document_id in ids:
        ann.waits_for(document_id)
        ann.finds("okapi", document_id)
    seen: list[str] = []
    cursor = ""
    while True:
        page = ann.searches("okapi", limit=3, cursor=cursor)
        seen += [hit["document"]["id"] for hit in page["items"]]
        assert (page["total"], page["total_is_exact"]) == (len(seen), len(seen) == 7)
        cursor = page["next_cursor"] or ""
        if not cursor:
            break
    assert sorted(seen) == sorted(ids)


def test_a_deleted_document_is_erased_everywhere(ann: Member, acme: TenantSite) -> None:
    document_id = ann.uploads("gone.txt", b"a numbat was here", "text/plain")
    ann.waits_for(document_id)
    ann.finds("numbat", document_id)
    assert ann.asks("DELETE", f"/v1/documents/{document_id}").status_code == 204
    assert problem(ann.asks("GET", f"/v1/documents/{document_id}")) == (404, "document_not_found")
    assert ann.searches("numbat")["items"] == []
    cloud = ann.site.cloud
    cloud.eventually(lambda: cloud.stored_objects("us-east-1", f"tenants/{acme.id}/documents/{document_id}/") == [])
