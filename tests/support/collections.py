"""Search collections in the mocked AWS, with what moto lacks: policies by pattern, unique names, and states other than active."""

from __future__ import annotations

import fnmatch
from typing import Any

from moto.core import DEFAULT_ACCOUNT_ID
from moto.opensearchserverless.exceptions import ConflictException
from moto.opensearchserverless.models import (
    OpenSearchServiceServerlessBackend,
    opensearchserverless_backends,
)

made = {"status": "ACTIVE"}
"""The state that a new collection has. On AWS it is CREATING, for minutes."""


def behave_as_aws(monkeypatch: Any) -> None:
    create = OpenSearchServiceServerlessBackend.create_collection

    def created(backend: OpenSearchServiceServerlessBackend, name: str, **more: Any) -> Any:
        if any(each.name == name for each in backend.collections.values()):
            raise ConflictException(msg=f"A collection with name {name} already exists")
        for policy in backend.security_policies.values():
            if any(fnmatch.fnmatchcase(f"collection/{name}", each) for each in policy.resources):
                policy.resources.append(f"collection/{name}")
        collection = create(backend, name=name, **more)
        collection.status = made["status"]
        return collection

    monkeypatch.setattr(OpenSearchServiceServerlessBackend, "create_collection", created)


def collections(region: str) -> dict[str, Any]:
    """The collections of a region by name. Their ``status`` can be set."""
    backend = opensearchserverless_backends[DEFAULT_ACCOUNT_ID][region]
    return {each.name: each for each in backend.collections.values()}
