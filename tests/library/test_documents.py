"""Documents through the HTTP API. Tests of their files are in tests/processing and tests/e2e."""

from urllib.parse import parse_qs, urlsplit

import pytest

from docplatform.core.actor import Role
from docplatform.core.tenant import LIMITS, Plan
from tests.support.mocked_aws import Cloud, Person, TenantWorld


def test_a_new_document_waits_for_its_file(ann: Person, acme: TenantWorld) -> None:
    made = ann.announces("Lease.pdf", size=1234, content_type="application/pdf")
    assert made.status == 201
    document = made["document"]
    assert document["processing"]["state"] == "awaiting_upload"
    assert document["version"]["size"] == 1234
    assert ann.names_in() == ["Lease.pdf"]
    assert acme.usage == {"documents": 1, "bytes": 1234}
    assert acme.actions.count("document.created") == 1


def test_the_upload_link_is_bound_to_key_length_type_and_first_arrival(ann: Person, acme: TenantWorld) -> None:
    made = ann.announces("Lease.pdf", size=1234, content_type="application/pdf")
    upload, document = made["upload"], made["document"]
    url = urlsplit(upload["url"])
    signed = parse_qs(url.query)["X-Amz-SignedHeaders"][0].split(";")
    assert {"content-length", "content-type", "if-none-match", "host"} <= set(signed)
    place = f"tenants/{acme.tenant.id}/documents/{document['id']}/{document['version']['id']}/original"
    assert url.path.endswith(place)
    assert upload["headers"] == {"Content-Type": "application/pdf", "Content-Length": "1234", "If-None-Match": "*"}


def test_a_lost_link_is_renewed_while_the_file_has_not_arrived(ann: Person) -> None:
    document = ann.announces("a.txt")["document"]["id"]
    renewed = ann.asks("POST", f"/v1/documents/{document}/upload")
    assert renewed.status == 200
    assert renewed["upload"]["method"] == "PUT"


def test_the_same_idempotency_key_makes_one_document(ann: Person, acme: TenantWorld) -> None:
    first = ann.announces("a.txt", key="k")
    again = ann.announces("a.txt", key="k")
    assert again["document"]["id"] == first["document"]["id"]
    assert again["upload"]["url"]
    assert acme.usage["documents"] == 1
    assert ann.announces("b.txt", key="k")["code"] == "idempotency_key_reused"


def test_a_file_over_the_plans_size_is_refused_with_the_limit(ann: Person, acme: TenantWorld) -> None:
    most = LIMITS[Plan.STANDARD].file_bytes
    refused = ann.announces("big.pdf", size=most + 1)
    assert (refused.status, refused["code"], refused["limit"]) == (413, "file_too_large", most)
    assert ann.names_in() == []
    assert ann.announces("big.pdf", size=most).status == 201


def test_an_empty_file_is_refused_before_it_is_stored(ann: Person) -> None:
    assert ann.announces("empty.txt", size=0).status == 400


def test_storage_is_counted_to_the_last_byte(ann: Person, acme: TenantWorld) -> None:
    limits = acme.tenant.limits
    for number in range(limits.storage_bytes // limits.file_bytes):
        if number >= 3:  # three real documents, then a counter as if there were many
            break
        assert ann.announces(f"{number}.bin", size=limits.file_bytes).status == 201
    acme.cloud.database.update_item(
        TableName="data",
        Key={"pk": {"S": f"{acme.tenant.id}#usage"}, "sk": {"S": "usage"}},
        UpdateExpression="SET #b = :b",
        ExpressionAttributeNames={"#b": "bytes"},
        ExpressionAttributeValues={":b": {"N": str(limits.storage_bytes - 10)}},
    )
    refused = ann.announces("last.bin", size=11)
    assert (refused.status, refused["code"]) == (402, "quota_exceeded")
    assert ann.announces("last.bin", size=10).status == 201


def test_a_document_moves_and_is_renamed_in_one_step(ann: Person, acme: TenantWorld) -> None:
    folder = ann.creates_folder("A")["id"]
    document = ann.announces("x.txt")["document"]["id"]
    changed = ann.asks("PATCH", f"/v1/documents/{document}", {"name": "y.txt", "folder_id": folder})
    assert (changed["name"], changed["folder_id"]) == ("y.txt", folder)
    assert ann.names_in() == ["A"]
    assert ann.names_in(folder) == ["y.txt"]
    assert {"document.moved", "document.renamed"} <= set(acme.actions)


def test_a_move_onto_a_taken_name_changes_nothing(ann: Person) -> None:
    folder = ann.creates_folder("A")["id"]
    ann.announces("x.txt", inside=folder)
    document = ann.announces("X.txt")["document"]["id"]
    refused = ann.asks("PATCH", f"/v1/documents/{document}", {"folder_id": folder})
    assert (refused.status, refused["code"]) == (409, "name_taken")
    assert ann.names_in() == ["A", "X.txt"]


def test_a_deleted_document_is_gone_from_every_list_and_uncounted(ann: Person, acme: TenantWorld) -> None:
    document = ann.announces("x.txt")["document"]["id"]
    assert ann.asks("DELETE", f"/v1/documents/{document}").status == 204
    assert ann.asks("GET", f"/v1/documents/{document}").status == 404
    for sort in ("name", "created_at", "updated_at"):
        assert ann.names_in(sort=sort) == []
    assert acme.usage == {"documents": 0, "bytes": 0}
    assert ann.announces("x.txt").status == 201


def test_there_is_nothing_to_download_before_the_file_was_verified(ann: Person) -> None:
    document = ann.announces("x.txt")["document"]["id"]
    for what in ("content", "preview", "thumbnail"):
        refused = ann.asks("GET", f"/v1/documents/{document}/{what}")
        assert (refused.status, refused["code"]) == (409, "not_ready")


def test_a_foreign_document_and_an_unknown_one_get_the_same_answer(ann: Person, region: Cloud) -> None:
    other = region.tenant("globex")
    foreign = other.member().announces("secret.txt")["document"]["id"]
    unknown = foreign[:-1] + ("0" if foreign[-1] != "0" else "1")
    for method, path, body in (
        ("GET", "", None),
        ("PATCH", "", {"name": "mine.txt"}),
        ("DELETE", "", None),
        ("GET", "/content", None),
        ("GET", "/preview", None),
        ("GET", "/thumbnail", None),
        ("POST", "/upload", None),
    ):
        answers = [ann.asks(method, f"/v1/documents/{each}{path}", body) for each in (foreign, unknown, "x")]
        assert {(answer.status, answer["code"]) for answer in answers} == {(404, "document_not_found")}
        assert len({answer["detail"] for answer in answers}) == 1
    assert other.member().names_in() == ["secret.txt"]


def test_every_read_and_every_refusal_is_audited(ann: Person, acme: TenantWorld) -> None:
    document = ann.announces("x.txt")["document"]["id"]
    ann.asks("GET", f"/v1/documents/{document}")
    ann.asks("GET", "/v1/documents/doc_nothing")
    read, refused = acme.audit[-2:]
    assert (read["action"], read["target"], read["actor"]) == ("document.read", document, ann.id)
    assert (refused["action"], refused["facts"]["code"]) == ("access.refused", "document_not_found")


def test_viewers_read_and_do_not_write(ann: Person, acme: TenantWorld) -> None:
    document = ann.announces("x.txt")["document"]["id"]
    viewer = acme.member(Role.VIEWER)
    assert viewer.asks("GET", f"/v1/documents/{document}").status == 200
    for refused in (
        viewer.announces("y.txt"),
        viewer.asks("PATCH", f"/v1/documents/{document}", {"name": "z.txt"}),
        viewer.asks("DELETE", f"/v1/documents/{document}"),
        viewer.asks("POST", f"/v1/documents/{document}/upload"),
    ):
        assert (refused.status, refused["code"]) == (403, "forbidden")


@pytest.mark.parametrize(
    "content_type",
    [
        "",
        "pdf",
        "application/",
        "/pdf",
        "a/b/c",
        "text/plain\r\nX: y",
        "text/plain\n",
        "text/plain; charset",
        "text/plain; a b=c",
    ]
    + ["tëxt/plain", 'text/plain; charset="utf-8', "text plain", "*/*", "a" * 128 + "/b"],
)
def test_what_is_no_media_type_is_refused_in_words(ann: Person, content_type: str) -> None:
    refused = ann.announces("x.txt", content_type=content_type)
    assert refused.status == 400
    assert "such as application/pdf" in refused["detail"] and "[" not in refused["detail"]


@pytest.mark.parametrize(
    "content_type",
    [
        "application/vnd.ms-excel.sheet.macroEnabled.12",
        "application/vnd.ms-excel.sheet.binary.macroEnabled.12",
        "application/vnd.ms-word.document.macroEnabled.12",
        "application/vnd.ms-powerpoint.presentation.macroEnabled.12",
        "Application/PDF",
        "text/plain;charset=utf-8",
        "text/plain; charset=UTF-8; format=flowed",
        'multipart/related; type="text/html"; boundary="a b"',
        "text/csv;",
    ],
)
def test_a_media_type_may_have_any_case_and_parameters_and_the_link_takes_it_as_it_was_given(
    ann: Person, content_type: str
) -> None:
    made = ann.announces("x", content_type=content_type)
    assert made.status == 201
    assert made["document"]["version"]["content_type"] == content_type
    assert made["upload"]["headers"]["Content-Type"] == content_type
