"""Wiring of the access tokens, which KMS signs."""

from __future__ import annotations

import os
from datetime import datetime, timedelta
from functools import cache

from docplatform.authentication.access_token import Claims
from docplatform.authentication.adapters.kms_tokens import KmsTokens
from docplatform.core import ids
from docplatform.core.tenant import Tenant
from docplatform.identity.model import Session, User
from docplatform.infra.credentials import own_client
from docplatform.runtime.settings import AuthorizerSettings, load


@cache
def tokens() -> KmsTokens:
    return KmsTokens(own_client("kms"), load(AuthorizerSettings).token_key_arns, os.environ["AWS_REGION"])


class TenantTokens:
    """Access tokens of one tenant."""

    def __init__(self, tenant: Tenant) -> None:
        self._tenant = tenant

    def access_token(self, session: Session, user: User, now: datetime, life: timedelta) -> str:
        claims = Claims(self._tenant.id, user.id, session.id)
        return tokens().issue(claims, user.role.value, ids.ulid(now), now, life)
