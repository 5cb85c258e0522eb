"""The OpenAPI document is generated from the code, stored and served. These tests show that it is current and
complete."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from cdk.contract import copy_contract
from docplatform.http.openapi import document, operations, render
from docplatform.runtime.spec import Auth
from tests.support.mocked_aws import ROOT, Cloud

DOCUMENT = document(ROOT / "functions")
OPERATIONS = [(method, path, each) for path, methods in DOCUMENT["paths"].items() for method, each in methods.items()]


def test_the_kept_document_is_current() -> None:
    assert (ROOT / "docs/openapi.json").read_text(encoding="utf-8") == render(ROOT / "functions"), "run ./dp openapi"


def test_the_copy_that_the_layer_carries_is_never_an_older_one(tmp_path: Path) -> None:
    for folder in ("docs", "layers"):
        (tmp_path / folder).mkdir()
    for content in ("{}\n", '{"openapi": "3.1.0"}\n'):
        (tmp_path / "docs/openapi.json").write_text(content)
        copy = copy_contract(tmp_path)
        assert copy == tmp_path / "layers/platform/python/docplatform/http/openapi.json"
        assert copy.read_text() == content
    assert not list((tmp_path / "layers").glob(".openapi-*"))


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="not a clone")
def test_git_keeps_the_document_once() -> None:
    listed = subprocess.run(["git", "ls-files", "*openapi.json"], cwd=ROOT, capture_output=True, text=True, check=True)
    assert listed.stdout.split() == ["docs/openapi.json"]


def test_the_document_is_served(region: Cloud) -> None:
    event = {"httpMethod": "GET", "path": "/v1/openapi.json", "headers": {}, "requestContext": {"requestId": "r"}}
    assert region.call("info", event).body == DOCUMENT


def test_every_operation_has_a_name_a_summary_and_its_errors() -> None:
    names = [operation["operationId"] for _, _, operation in OPERATIONS]
    assert len(names) == len(set(names))
    for method, path, operation in OPERATIONS:
        assert operation["summary"], (method, path)
        assert {"400", "404", "405", "429", "500"} <= set(operation["responses"]), (method, path)


def test_what_needs_a_token_says_so_and_names_its_refusals() -> None:
    public = {route.path for _, auth, route in operations(ROOT / "functions") if auth is Auth.PUBLIC}
    for method, path, operation in OPERATIONS:
        if path not in public:
            assert operation["security"], (method, path)
            assert {"401", "403"} <= set(operation["responses"]), (method, path)


def test_every_reference_leads_somewhere() -> None:
    schemas = DOCUMENT["components"]["schemas"]
    for reference in set(_references(DOCUMENT)):
        assert reference.removeprefix("#/components/schemas/") in schemas


def _references(node: object) -> list[str]:
    if isinstance(node, dict):
        own = [node["$ref"]] if isinstance(node.get("$ref"), str) else []
        return own + [found for value in node.values() for found in _references(value)]
    if isinstance(node, list):
        return [found for value in node for found in _references(value)]
    return []


def test_the_document_is_json_that_a_client_can_read() -> None:
    assert json.loads(render(ROOT / "functions"))["openapi"].startswith("3.1")
