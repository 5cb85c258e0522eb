"""Wiring of API keys and service accounts."""

from __future__ import annotations

from docplatform.api_keys.adapters.store import DynamoApiKeys
from docplatform.api_keys.administration import ApiKeyService
from docplatform.api_keys.service_accounts import ServiceAccounts
from docplatform.core.actor import Actor
from docplatform.core.tenant import Tenant
from docplatform.core.time import now
from docplatform.runtime.tenant_access import table


def keys_of(tenant: Tenant) -> DynamoApiKeys:
    return DynamoApiKeys(table(tenant))


def api_keys(actor: Actor) -> ApiKeyService:
    return ApiKeyService(actor, keys_of(actor.tenant), now)


def service_accounts(actor: Actor) -> ServiceAccounts:
    return ServiceAccounts(actor, keys_of(actor.tenant), now)
