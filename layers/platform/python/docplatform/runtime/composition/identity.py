"""People, sessions and tenants."""

from __future__ import annotations

import os
from datetime import datetime
from functools import cache

from docplatform.adapters.dynamo_people import DynamoPeople
from docplatform.adapters.kms_tokens import Claims, KmsTokens
from docplatform.domain import ids
from docplatform.domain.identity import Session, User
from docplatform.domain.tenants import Tenant
from docplatform.runtime.composition.core import table
from docplatform.runtime.credentials import own_client
from docplatform.runtime.settings import AuthorizerSettings, load


def people(tenant: Tenant) -> DynamoPeople:
    return DynamoPeople(table(tenant))


@cache
def tokens() -> KmsTokens:
    return KmsTokens(own_client("kms"), load(AuthorizerSettings).token_key_arns, os.environ["AWS_REGION"])


class TenantTokens:
    """Access tokens of one tenant."""

    def __init__(self, tenant: Tenant) -> None:
        self._tenant = tenant

    def access_token(self, session: Session, user: User, now: datetime) -> str:
        claims = Claims(self._tenant.id, user.id, session.id)
        return tokens().issue(claims, user.role.value, ids.ulid(now), now)
