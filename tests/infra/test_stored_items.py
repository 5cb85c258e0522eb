"""The exact items in the tables: those that the stores write, and those of earlier versions that they must still
read."""

from __future__ import annotations

import ast
import json
import sys
from collections.abc import Iterator
from dataclasses import fields, is_dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

import docplatform
from docplatform.core.actor import Role
from docplatform.core.tenant import IsolationLevel, tenant_context
from docplatform.identity.attempts import AttemptCount
from docplatform.identity.factors import Factors, Method
from docplatform.identity.security_settings import SecuritySettings
from docplatform.tenancy.items import from_text, to_text
from tests.infra.stored_examples import (
    CHALLENGE,
    ENTRY,
    EXAMPLES,
    FULL_CONNECTION,
    FULL_DOCUMENT,
    FULL_FOLDER,
    FULL_SESSION,
    FULL_TENANT,
    LATER,
    PERSON,
    TENANT,
    Stored,
    Stores,
    Wire,
)

ITEMS: dict[str, Stored] = json.loads(Path(__file__).with_name("stored_items.json").read_text())
READ = [name for name, example in EXAMPLES.items() if example.read]


@pytest.fixture(autouse=True)
def in_the_tenants_context() -> Iterator[None]:
    with tenant_context(TENANT):
        yield


def written(name: str) -> Stored:
    wire = Wire()
    EXAMPLES[name].write(Stores(wire), EXAMPLES[name].value)
    return wire.items


def read(name: str, items: Stored) -> object:
    find = EXAMPLES[name].read
    assert find is not None
    return find(Stores(Wire(items)))


def text(items: Any) -> str:
    return json.dumps(items, sort_keys=True, indent=1, ensure_ascii=False)


def typed(value: Any) -> Any:
    """The value with all its types: 1 equals True, and a role equals the text of its name."""
    if is_dataclass(value):
        return type(value), {each.name: typed(getattr(value, each.name)) for each in fields(value)}
    if isinstance(value, dict):
        return type(value), {typed(name): typed(each) for name, each in value.items()}
    if isinstance(value, tuple | list):
        return type(value), [typed(each) for each in value]
    if isinstance(value, frozenset):
        return type(value), {typed(each) for each in value}
    return type(value), value.tzinfo if isinstance(value, datetime) else None, value


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_item_is_written_as_it_always_was(name: str) -> None:
    assert text(written(name)) == text(ITEMS[name])


@pytest.mark.parametrize("name", READ)
def test_an_item_is_read_as_what_was_written(name: str) -> None:
    assert typed(read(name, ITEMS[name])) == typed(EXAMPLES[name].value)


def test_every_stored_item_belongs_to_an_example() -> None:
    assert ITEMS.keys() == EXAMPLES.keys()


def calls(mapper_function: str) -> Iterator[tuple[Path, ast.FunctionDef, ast.Call]]:
    """Each call in the product's package, with the function that contains it."""
    texts = {file: file.read_text() for file in Path(docplatform.__path__[0]).rglob("*.py")}
    for file, source in texts.items():
        for function in ast.walk(ast.parse(source)) if mapper_function in source else ():
            if isinstance(function, ast.FunctionDef):
                for call in ast.walk(function):
                    if isinstance(call, ast.Call) and getattr(call.func, "id", "") == mapper_function:
                        yield file, function, call


def test_no_dataclass_is_read_from_items_without_an_example() -> None:
    kinds = {ast.unparse(call.args[0]) for _, _, call in calls("from_item")}
    shown = {type(EXAMPLES[name].value).__name__ for name in READ} | {"Version"}  # which stands in a document's item
    assert kinds == shown


def test_no_function_makes_an_item_without_an_example(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: set[tuple[str, str]] = set()

    def noted(value: object, **options: Any) -> Any:
        code = sys._getframe(2).f_code  # of the caller of to_item
        seen.add((code.co_filename, code.co_name))
        return to_builtins(value, **options)

    to_builtins = msgspec.to_builtins
    monkeypatch.setattr(msgspec, "to_builtins", noted)
    for name in EXAMPLES:
        written(name)
    assert {(str(file), function.name) for file, function, _ in calls("to_item")} == seen


OLDER = {
    "folder: full": (("inherits", "cuts"), replace(FULL_FOLDER, inherits=True, cuts=0)),
    "document: full": (("inherits",), replace(FULL_DOCUMENT, inherits=True)),
    "user: person": (("kind",), PERSON),
    "session: full": (("amr",), replace(FULL_SESSION, amr=())),
    "challenge: full": (("first",), replace(CHALLENGE, first=Method.PASSWORD)),
    "connection: full": (
        ("authoritative_domains", "links_complete"),
        replace(FULL_CONNECTION, authoritative_domains=(), links_complete=False),
    ),
    "security settings: full": (
        ("session_idle", "session_life", "address_ranges", "used_since", "authenticated_since", "revision"),
        SecuritySettings(require_mfa=True),
    ),
    "tenant: full": (
        ("isolation_level", "encryption_key", "features", "table"),
        replace(FULL_TENANT, isolation_level=IsolationLevel.SHARED, encryption_key="", features=frozenset(), table=""),
    ),
}


@pytest.mark.parametrize("name", OLDER)
def test_an_item_that_is_older_than_an_attribute_has_its_default(name: str) -> None:
    absent, value = OLDER[name]
    items = {
        place: {attribute: content for attribute, content in item.items() if attribute not in absent}
        for place, item in ITEMS[name].items()
    }
    assert items != ITEMS[name]
    assert typed(read(name, items)) == typed(value)


def test_a_document_of_an_earlier_version_has_its_text_beside_its_file() -> None:
    items = json.loads(json.dumps(ITEMS["document: full"]))
    for item in items.values():
        for newer in ("derived_apart", "attachments"):
            item.get("version", {"M": {}})["M"].pop(newer, None)
    assert items != ITEMS["document: full"]
    older = replace(FULL_DOCUMENT, version=replace(FULL_DOCUMENT.version, derived_apart=False, attachments=()))
    assert typed(read("document: full", items)) == typed(older)


@pytest.mark.parametrize("name", ["factors: full", "attempts: full", "directory entry: full"])
def test_what_was_never_written_has_its_defaults(name: str) -> None:
    kind = name.partition(":")[0]
    sort_key = {"factors": "factors", "attempts": "tally", "directory entry": "directory"}[kind]
    items = {place: item for place, item in ITEMS[name].items() if place.split()[-1] != sort_key}
    assert len(items) == len(ITEMS[name]) - 1
    defaults = {
        "factors": Factors(),
        "attempts": AttemptCount(),
        "directory entry": replace(
            ENTRY, user_name=PERSON.email, external_id="", kept="", updated_at=PERSON.created_at, revision=0
        ),
    }
    assert typed(read(name, items)) == typed(defaults[kind])


def test_a_profile_tells_when_its_sessions_ended() -> None:
    items = {place: dict(item) for place, item in ITEMS["user: person"].items()}
    (profile,) = (item for item in items.values() if "email" in item)
    profile["sessions_since"] = {"S": "2026-03-01T13:00:00.007Z"}
    assert typed(read("user: person", items)) == typed(replace(PERSON, sessions_since=LATER))


def test_a_grant_of_its_own_attribute_is_read() -> None:
    items = {place: dict(item) for place, item in ITEMS["folder: empty"].items()}
    (folder,) = (item for item in items.values() if item.get("id"))
    folder["grant:group:grp_1"] = {"S": "admin"}
    granted = replace(EXAMPLES["folder: empty"].value, grants={"group:grp_1": Role.ADMIN})
    assert typed(read("folder: empty", items)) == typed(granted)


@pytest.mark.parametrize("tenant", [TENANT, FULL_TENANT], ids=["empty", "full"])
def test_the_authorizers_text_of_a_tenant_is_its_item(tenant: Any) -> None:
    name = "tenant: full" if tenant is FULL_TENANT else "tenant: empty"
    stored = next(iter(ITEMS[name].values()))
    plain = {
        attribute: [each["S"] for each in value["L"]] if "L" in value else value["S"]
        for attribute, value in stored.items()
    }
    assert json.loads(to_text(tenant)) == plain | {"subdomain": tenant.subdomain}
    assert from_text(to_text(tenant)) == tenant
