"""A hidden folder or document and an unknown id are told apart neither by the answer nor by the calls of AWS that are
made for it. The tests walk every operation that names a folder or document."""

from __future__ import annotations

from typing import Any

import pytest

from docplatform.core.actor import Role
from docplatform.http.openapi import document
from tests.support.mocked_aws import ROOT, Answer, Person, TenantWorld

CONTRACT = document(ROOT / "functions")["paths"]
HERE = ("{folder_id}", "{document_id}", "{node_id}")
METHODS = ("get", "put", "post", "patch", "delete")

# Each operation on a path with such an id, with a body
IN_PATHS: dict[str, Any] = {
    "get /v1/access/{node_id}": None,
    "get /v1/access/{node_id}/explanation": None,
    "put /v1/access/{node_id}/grants/{principal}": {"role": "viewer"},
    "delete /v1/access/{node_id}/grants/{principal}": None,
    "put /v1/access/{node_id}/inheritance": {"inherits": False},
    "get /v1/documents/{document_id}": None,
    "patch /v1/documents/{document_id}": {"name": "b.txt"},
    "delete /v1/documents/{document_id}": None,
    "get /v1/documents/{document_id}/content": None,
    "get /v1/documents/{document_id}/preview": None,
    "get /v1/documents/{document_id}/thumbnail": None,
    "post /v1/documents/{document_id}/upload": None,
    "get /v1/folders/{folder_id}": None,
    "patch /v1/folders/{folder_id}": {"name": "B"},
    "delete /v1/folders/{folder_id}": None,
    "get /v1/folders/{folder_id}/children": None,
}
# Each operation whose body names one. ``{own}``: a folder or document of the caller
IN_BODIES: dict[str, dict[str, Any]] = {
    "post /v1/folders": {"name": "N", "parent_id": "{}"},
    "patch /v1/folders/{own}": {"parent_id": "{}"},
    "post /v1/documents": {"name": "n.txt", "content_type": "text/plain", "size": 1, "folder_id": "{}"},
    "patch /v1/documents/{own}": {"folder_id": "{}"},
}


@pytest.fixture
def hidden(acme: TenantWorld) -> dict[str, str]:
    """A folder and a document in it that only an admin sees, by the names of the parameters."""
    olga = acme.member(Role.ADMIN)
    folder = str(olga.creates_folder("Secret")["id"])
    inside = str(olga.creates_folder("Deeper", inside=folder)["id"])
    assert olga.cuts(folder).status == 200
    kept = str(olga.announces("a.txt", inside=folder)["document"]["id"])
    return {"folder_id": inside, "document_id": kept, "node_id": kept}


def unknown(node_id: str) -> str:
    """An id of the same kind that nothing has."""
    return node_id[:-4] + "0000"


def asks(person: Person, operation: str, body: Any, **places: str) -> tuple[list[str], Answer]:
    """The calls that the operation makes, and its answer."""
    method, path = operation.split(" ")
    answers: list[Answer] = []
    given = {"principal": f"user:{person.id}", **places}
    for name, value in given.items():
        path = path.replace(f"{{{name}}}", value)
    calls = person.home.calls(lambda: answers.append(person.asks(method.upper(), path, body)))
    return calls, answers[0]


def in_paths() -> set[str]:
    return {
        f"{method} {path}"
        for path, methods in CONTRACT.items()
        for method in methods
        if method in METHODS and any(each in path for each in HERE)
    }


def test_every_operation_on_a_folder_or_document_is_tested_here() -> None:
    assert in_paths() == IN_PATHS.keys()


@pytest.mark.parametrize("role", [Role.VIEWER, Role.EDITOR])
@pytest.mark.parametrize("operation", IN_PATHS)
def test_an_operation_makes_the_same_calls(
    acme: TenantWorld, hidden: dict[str, str], operation: str, role: Role
) -> None:
    person = acme.member(role)
    secret = asks(person, operation, IN_PATHS[operation], **hidden)
    nothing = asks(person, operation, IN_PATHS[operation], **{name: unknown(each) for name, each in hidden.items()})
    assert secret[0] == nothing[0]
    told = [(answer.status, answer["code"], answer["detail"]) for _, answer in (secret, nothing)]
    assert told[0] == told[1]
    assert told[0][0] == 404 or (role is Role.VIEWER and told[0][0] == 403)


@pytest.mark.parametrize("operation", IN_BODIES)
def test_a_folder_that_a_body_names_makes_the_same_calls(
    acme: TenantWorld, hidden: dict[str, str], operation: str
) -> None:
    ann = acme.member(Role.EDITOR)
    own = ann.creates_folder("Own")["id"] if "folders" in operation else ann.announces("own.txt")["document"]["id"]

    def body_of(folder: str) -> dict[str, Any]:
        return {name: folder if value == "{}" else value for name, value in IN_BODIES[operation].items()}

    secret = asks(ann, operation, body_of(hidden["folder_id"]), own=str(own))
    nothing = asks(ann, operation, body_of(unknown(hidden["folder_id"])), own=str(own))
    assert secret[0] == nothing[0]
    assert (secret[1].status, secret[1].body["detail"]) == (nothing[1].status, nothing[1].body["detail"])
    assert secret[1].status == 404


def test_an_admin_who_sees_everything_pays_nothing_for_it(acme: TenantWorld) -> None:
    olga = acme.member(Role.ADMIN)
    calls, answer = asks(olga, "get /v1/documents/{document_id}", None, document_id="doc_" + "0" * 26)
    assert answer.status == 404 and len(calls) == 2  # the item with the authority, and the record
