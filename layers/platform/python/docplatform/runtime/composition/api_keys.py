"""API keys and service accounts."""

from __future__ import annotations

from docplatform.adapters.dynamo_keys import DynamoApiKeys
from docplatform.domain.identity import Actor
from docplatform.domain.tenants import Tenant
from docplatform.runtime.composition.core import now, table
from docplatform.services.api_keys import ApiKeyService
from docplatform.services.service_accounts import ServiceAccounts


def keys_of(tenant: Tenant) -> DynamoApiKeys:
    return DynamoApiKeys(table(tenant))


def api_keys(actor: Actor) -> ApiKeyService:
    return ApiKeyService(actor, keys_of(actor.tenant), now)


def service_accounts(actor: Actor) -> ServiceAccounts:
    return ServiceAccounts(actor, keys_of(actor.tenant), now)
