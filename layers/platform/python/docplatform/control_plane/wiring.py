"""Builds the use cases of operators."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from functools import cache

from docplatform.control_plane.adapters.collections import ServerlessCollections
from docplatform.control_plane.adapters.store import OnboardingStore
from docplatform.control_plane.first_admin import FirstAdmin
from docplatform.control_plane.onboarding import TenantService
from docplatform.control_plane.provisioning import Provisioning, Settled
from docplatform.core.actor import system
from docplatform.core.tenant import Tenant
from docplatform.core.time import now
from docplatform.identity.adapters.mail import SesUserMail
from docplatform.infra.credentials import own_client
from docplatform.infra.mail import SesSender
from docplatform.runtime.settings import OperatorSettings, load
from docplatform.runtime.tenant_access import record, registry, table
from docplatform.runtime.tenant_resolution import address_of
from docplatform.tenancy.registry import Registry

_PAUSES = 15  # of a second each: the call that creates a tenant ends well before API Gateway's 29 s


@cache
def _home_registry() -> Registry:
    settings = load(OperatorSettings)
    return Registry(own_client("dynamodb", settings.registry_home_region), settings.registry_table)


def _tenant_setup(tenant: Tenant) -> OnboardingStore:
    return OnboardingStore(table(tenant))


def _first_admin() -> FirstAdmin:
    mail = SesUserMail(SesSender(own_client("sesv2"), load(OperatorSettings).mail_sender))
    return FirstAdmin(_tenant_setup, mail, address_of, now)


def _provisioning() -> Provisioning:
    collections = ServerlessCollections(own_client("opensearchserverless"), load(OperatorSettings).collection_group)
    return Provisioning(_home_registry(), collections, _first_admin())


def _pauses() -> Iterator[int]:
    for number in range(_PAUSES):
        time.sleep(1)
        yield number


def tenants(operator: str, request_id: str) -> TenantService:
    region = os.environ["AWS_REGION"]
    return TenantService(
        _home_registry(), _first_admin(), _provisioning(), region, operator, request_id, now, _pauses, record
    )


def settle_tenants(request_id: str) -> Settled:
    """Takes the next step for each tenant of the region that is being set up, or has ended."""
    found = (_home_registry().by_id(each) for each in registry().unsettled_in_region(os.environ["AWS_REGION"]))
    return _provisioning().settle(system(tenant, "provisioning", request_id) for tenant in found if tenant)
