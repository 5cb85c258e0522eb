"""Search for one actor."""

from __future__ import annotations

import os
from functools import lru_cache

from opensearchpy import OpenSearch

from docplatform.adapters.opensearch_index import TenantIndex, connect
from docplatform.domain.identity import Actor
from docplatform.domain.tenants import Tenant
from docplatform.runtime.composition.core import clients, now
from docplatform.runtime.composition.library import library
from docplatform.runtime.credentials import TenantClients
from docplatform.runtime.settings import SearchSettings, load
from docplatform.services.search import SearchService


@lru_cache(maxsize=64)
def _connection(endpoint: str, holder: TenantClients) -> OpenSearch:
    return connect(endpoint, holder.credentials, os.environ["AWS_REGION"])


def index(tenant: Tenant) -> TenantIndex:
    endpoint = load(SearchSettings).search_endpoints[tenant.collection]
    return TenantIndex(_connection(endpoint, clients(tenant)), endpoint, tenant.id)


def search(actor: Actor) -> SearchService:
    return SearchService(actor, library(actor), index(actor.tenant), now)
