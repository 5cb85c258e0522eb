"""Folders through the HTTP API."""

import time

import pytest

from docplatform.core.actor import Role
from docplatform.infra.dynamodb.codec import encode_item
from tests.support.databases import on_every_database
from tests.support.mocked_aws import Cloud, Person, TenantWorld

pytestmark = on_every_database


def test_a_new_folder_is_in_its_parents_list_and_counted(ann: Person, acme: TenantWorld) -> None:
    made = ann.creates_folder("Contracts")
    assert made.status == 201
    assert made.headers["Location"] == f"/v1/folders/{made['id']}"
    assert ann.names_in() == ["Contracts"]
    assert ann.asks("GET", "/v1/folders/root")["children"] == 1
    assert acme.usage["folders"] == 1
    assert "folder.created" in acme.actions


def test_names_are_unique_in_a_folder_whatever_their_case(ann: Person) -> None:
    ann.creates_folder("Straße")
    refused = ann.creates_folder("STRASSE")
    assert (refused.status, refused["code"]) == (409, "name_taken")
    inside = ann.creates_folder("Other")["id"]
    assert ann.creates_folder("Straße", inside=inside).status == 201


def test_a_refused_folder_leaves_nothing_behind(ann: Person, acme: TenantWorld, region: Cloud) -> None:
    ann.creates_folder("A")
    before = len(region.items("data"))
    assert ann.creates_folder("a").status == 409
    assert len(region.items("data")) == before
    assert acme.usage["folders"] == 1
    assert acme.actions.count("folder.created") == 1


@pytest.mark.parametrize("name", ["", "   ", ".", "..", "a/b", "a\\b", "a\nb", "a\x00b", "x" * 256])
def test_names_that_cannot_be_used_are_refused(ann: Person, name: str) -> None:
    assert ann.creates_folder(name).status in (400, 422)


def test_the_same_idempotency_key_makes_one_folder(ann: Person) -> None:
    first = ann.creates_folder("A", key="k1")
    again = ann.creates_folder("A", key="k1")
    assert again.status == 201
    assert again["id"] == first["id"]
    assert ann.names_in() == ["A"]


def test_an_idempotency_key_is_good_for_one_request(ann: Person) -> None:
    ann.creates_folder("A", key="k1")
    assert ann.creates_folder("B", key="k1")["code"] == "idempotency_key_reused"
    assert ann.names_in() == ["A"]


def test_an_idempotency_key_that_is_a_day_old_is_free_again_before_the_database_forgets_it(
    ann: Person, region: Cloud
) -> None:
    ann.creates_folder("A", key="k1")
    (lookup,) = [item for item in region.items("data") if f"#idempotency#{ann.id}" in item["pk"]]
    region.database.put_item(TableName="data", Item=encode_item({**lookup, "expires": int(time.time()) - 1}))
    assert ann.creates_folder("B", key="k1").status == 201
    assert ann.creates_folder("B", key="k1").status == 201
    assert ann.names_in() == ["A", "B"]


def test_one_persons_idempotency_key_is_not_anothers(ann: Person, acme: TenantWorld) -> None:
    ann.creates_folder("A", key="k1")
    assert acme.member().creates_folder("B", key="k1").status == 201


def test_a_folder_moves_with_everything_in_it(ann: Person) -> None:
    a = ann.creates_folder("A")["id"]
    b = ann.creates_folder("B", inside=a)["id"]
    c = ann.creates_folder("C", inside=b)["id"]
    target = ann.creates_folder("Target")["id"]
    assert ann.moves_folder(b, to=target).status == 200
    path = ann.asks("GET", f"/v1/folders/{c}")["path"]
    assert [step["name"] for step in path] == ["", "Target", "B"]
    assert ann.names_in(a) == []
    assert ann.names_in(target) == ["B"]


def test_a_folder_cannot_go_into_itself_or_below(ann: Person) -> None:
    a = ann.creates_folder("A")["id"]
    b = ann.creates_folder("B", inside=a)["id"]
    c = ann.creates_folder("C", inside=b)["id"]
    for target in (a, b, c):
        assert ann.moves_folder(a, to=target)["code"] == "folder_cycle"
    assert [step["name"] for step in ann.asks("GET", f"/v1/folders/{c}")["path"]] == ["", "A", "B"]


def test_the_path_is_right_after_a_folder_far_above_was_moved(ann: Person) -> None:
    chain = ["root"]
    for name in "ABCDE":
        chain.append(ann.creates_folder(name, inside=chain[-1])["id"])
    ann.moves_folder(chain[2], to="root")  # B leaves A with everything below
    path = ann.asks("GET", f"/v1/folders/{chain[5]}")["path"]
    assert [step["name"] for step in path] == ["", "B", "C", "D"]
    assert ann.moves_folder(chain[2], to=chain[5])["code"] == "folder_cycle"


def test_folders_go_twenty_deep(ann: Person) -> None:
    inside = "root"
    for level in range(20):
        inside = ann.creates_folder(f"level {level}", inside=inside)["id"]
    assert ann.creates_folder("too deep", inside=inside)["code"] == "too_deep"


def test_the_root_folder_cannot_be_changed(ann: Person) -> None:
    for refused in (
        ann.asks("PATCH", "/v1/folders/root", {"name": "Home"}),
        ann.asks("DELETE", "/v1/folders/root"),
    ):
        assert (refused.status, refused["code"]) == (409, "root_folder")


def test_a_full_folder_is_not_deleted(ann: Person, acme: TenantWorld) -> None:
    a = ann.creates_folder("A")["id"]
    ann.announces("x.txt", inside=a)
    refused = ann.asks("DELETE", f"/v1/folders/{a}")
    assert (refused.status, refused["code"]) == (409, "folder_not_empty")
    assert ann.names_in(a) == ["x.txt"]


def test_an_empty_folder_is_deleted_and_its_name_is_free(ann: Person, acme: TenantWorld) -> None:
    a = ann.creates_folder("A")["id"]
    assert ann.asks("DELETE", f"/v1/folders/{a}").status == 204
    assert ann.asks("GET", f"/v1/folders/{a}").status == 404
    assert acme.usage["folders"] == 0
    assert ann.creates_folder("A").status == 201


def test_renaming_frees_the_old_name_and_takes_the_new_one(ann: Person) -> None:
    a = ann.creates_folder("A")["id"]
    ann.creates_folder("B")
    assert ann.asks("PATCH", f"/v1/folders/{a}", {"name": "b"})["code"] == "name_taken"
    assert ann.asks("PATCH", f"/v1/folders/{a}", {"name": "a"})["name"] == "a"  # only the case changes
    assert ann.asks("PATCH", f"/v1/folders/{a}", {"name": "C"}).status == 200
    assert ann.names_in() == ["B", "C"]
    assert ann.creates_folder("A").status == 201


def test_a_change_of_an_outdated_revision_is_refused(ann: Person) -> None:
    made = ann.creates_folder("A")
    tag = made.headers["ETag"]
    path = f"/v1/folders/{made['id']}"
    assert ann.asks("PATCH", path, {"name": "B"}, headers={"If-Match": tag}).status == 200
    assert ann.asks("PATCH", path, {"name": "C"}, headers={"If-Match": tag}).status == 412
    assert ann.asks("DELETE", path, headers={"If-Match": tag}).status == 412
    assert ann.asks("PATCH", path, {"name": "C"}, headers={"If-Match": "nonsense"}).status == 400


@pytest.mark.parametrize("sort", ["name", "-name", "created_at", "-created_at", "updated_at", "-updated_at"])
def test_every_order_is_paged_without_loss_or_repetition(ann: Person, sort: str) -> None:
    made = [f"{letter}{number}" for number in range(4) for letter in "cab"]
    for name in made:
        if name.startswith("c"):
            ann.announces(name)
        else:
            ann.creates_folder(name)
    listed = ann.names_in(sort=sort, limit="5")
    assert sorted(listed) == sorted(made)
    if sort.endswith("name"):
        assert listed == sorted(made, reverse=sort.startswith("-"))


def test_a_cursor_opens_nothing_but_its_own_list(ann: Person, region: Cloud) -> None:
    for number in range(3):
        ann.creates_folder(f"f{number}")
    cursor = ann.lists(limit="1")["next_cursor"]
    assert ann.lists(sort="created_at", cursor=cursor)["code"] == "invalid_cursor"
    for forged in ("x", "e30", "bnVsbA", cursor[:-4], "A" * 5000):
        assert ann.lists(cursor=forged)["code"] == "invalid_cursor"
    other = region.tenant("globex").member()
    assert other.lists(cursor=cursor)["code"] == "invalid_cursor"


def test_a_foreign_folder_and_an_unknown_one_get_the_same_answer(ann: Person, region: Cloud) -> None:
    foreign = region.tenant("globex").member().creates_folder("Secret")["id"]
    unknown = foreign[:-1] + ("0" if foreign[-1] != "0" else "1")
    for ask in (
        lambda target: ann.asks("GET", f"/v1/folders/{target}"),
        lambda target: ann.lists(target),
        lambda target: ann.creates_folder("x", inside=target),
        lambda target: ann.asks("PATCH", f"/v1/folders/{target}", {"name": "x"}),
        lambda target: ann.asks("DELETE", f"/v1/folders/{target}"),
    ):
        answers = [ask(target) for target in (foreign, unknown, "nonsense", "fld_*", "root#x")]
        assert {(answer.status, answer["code"]) for answer in answers} == {(404, "folder_not_found")}
        assert len({answer["detail"] for answer in answers}) == 1


def test_viewers_of_folders_read_and_do_not_change(acme: TenantWorld, ann: Person) -> None:
    a = ann.creates_folder("A")["id"]
    viewer = acme.member(Role.VIEWER)
    assert viewer.names_in() == ["A"]
    for refused in (
        viewer.creates_folder("B"),
        viewer.asks("PATCH", f"/v1/folders/{a}", {"name": "B"}),
        viewer.asks("DELETE", f"/v1/folders/{a}"),
    ):
        assert (refused.status, refused["code"]) == (403, "forbidden")
    assert acme.actions.count("access.refused") == 3


def test_bad_requests_say_what_is_wrong(ann: Person) -> None:
    assert ann.asks("POST", "/v1/folders", raw="{").status == 400
    assert ann.asks("POST", "/v1/folders", raw="[]").status == 400
    assert ann.asks("POST", "/v1/folders", raw='{"name": NaN}').status == 400
    unknown = ann.asks("POST", "/v1/folders", {"name": "A", "colour": "red"})
    assert unknown["code"] == "invalid_request"
    assert "body.colour" in unknown["detail"]
    assert ann.asks("POST", "/v1/folders", {"name": "A"}, headers={"Content-Type": "text/plain"}).status == 415
    assert ann.asks("POST", "/v1/folders", raw='{"name": "' + "x" * 1_000_001 + '"}').status == 413
    assert ann.lists(limit="0").status == 400
    assert ann.lists(limit="101").status == 400
    assert ann.lists(colour="red").status == 400
    assert ann.asks("PUT", "/v1/folders/root").headers["Allow"] == "DELETE, GET, PATCH"
    assert ann.names_in() == []
