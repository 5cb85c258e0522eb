"""Builds the use cases of operators."""

from __future__ import annotations

import os
from functools import cache

from docplatform.control_plane.adapters.store import OnboardingStore
from docplatform.control_plane.onboarding import TenantService
from docplatform.core.tenant import Tenant
from docplatform.core.time import now
from docplatform.identity.adapters.mail import SesUserMail
from docplatform.infra.credentials import own_client
from docplatform.infra.mail import SesSender
from docplatform.runtime.settings import OperatorSettings, load
from docplatform.runtime.tenant_access import table
from docplatform.runtime.tenant_resolution import address_of
from docplatform.tenancy.registry import Registry


@cache
def _home_registry() -> Registry:
    settings = load(OperatorSettings)
    return Registry(own_client("dynamodb", settings.registry_home_region), settings.registry_table)


def _tenant_setup(tenant: Tenant) -> OnboardingStore:
    return OnboardingStore(table(tenant))


def tenants(operator: str, request_id: str) -> TenantService:
    mail = SesUserMail(SesSender(own_client("sesv2"), load(OperatorSettings).mail_sender))
    region = os.environ["AWS_REGION"]
    return TenantService(_home_registry(), _tenant_setup, mail, address_of, region, operator, request_id, now)
