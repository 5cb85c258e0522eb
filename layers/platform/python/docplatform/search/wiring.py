"""Builds the search use cases for one actor."""

from __future__ import annotations

import os
from functools import lru_cache
from typing import Any

from opensearchpy import OpenSearch, Transport

from docplatform.core.actor import Actor, Role
from docplatform.core.errors import Unavailable
from docplatform.core.tenant import POOLED, Tenant
from docplatform.core.time import now
from docplatform.infra.credentials import TenantClients
from docplatform.library.wiring import library
from docplatform.runtime import tracing
from docplatform.runtime.settings import SearchSettings, load
from docplatform.runtime.tenant_access import clients, table
from docplatform.search.adapters.opensearch import TenantIndex, connect
from docplatform.search.query import SearchService
from docplatform.search.reindex import SubtreeService


class _TracedTransport(Transport):
    def perform_request(self, method: str, url: str, *given: Any, **more: Any) -> Any:
        operation = next((part for part in url.split("/") if part.startswith("_")), "")  # leaves out the entry's id
        with tracing.subsegment("opensearch", operation=f"{method} {operation}".strip()):
            return super().perform_request(method, url, *given, **more)


@lru_cache(maxsize=64)
def _connection(endpoint: str, holder: TenantClients) -> OpenSearch:
    return connect(endpoint, holder.credentials, os.environ["AWS_REGION"], _TracedTransport)


def index(tenant: Tenant) -> TenantIndex:
    """The tenant's search entries. Raises Unavailable for a tenant without a search collection of its own."""
    if tenant.collection in ("", POOLED):
        raise Unavailable("The organisation's search is being set up; try again in some minutes.")
    endpoint = load(SearchSettings).search_endpoint.replace("{collection}", tenant.collection)
    return TenantIndex(_connection(endpoint, clients(tenant)), endpoint, tenant.id)


def search(actor: Actor) -> SearchService:
    if actor.role is Role.ADMIN:  # for the others, the database is read before the index is asked
        table(actor.tenant).verify_authority()
    return SearchService(actor, library(actor), index(actor.tenant), now)


def subtrees(actor: Actor) -> SubtreeService:
    return SubtreeService(library(actor))
