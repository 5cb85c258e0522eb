"""Credentials of one tenant, from STS by session tag; the only way from a function to tenant data.

STS answers about 600 AssumeRole calls a second in a region, so credentials are kept per tenant for the life of the
environment and renewed before a presigned URL made with them could die early (a URL dies with its credentials:
docs.aws.amazon.com/AmazonS3/latest/userguide/using-presigned-url.html).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import botocore.session
from botocore.config import Config
from botocore.credentials import Credentials

from docplatform.core import ids

_LIFE = timedelta(hours=1)  # the most that role chaining allows
_RENEW_BEFORE_END = timedelta(minutes=20)  # longer than any link we sign
_MOST_TENANTS = 64

_CONFIG = Config(connect_timeout=2, read_timeout=10, retries={"mode": "standard", "max_attempts": 4})


@cache
def _session() -> botocore.session.Session:
    """One for all clients: it keeps the service models, so that a further tenant's client costs milliseconds."""
    return botocore.session.get_session()


@cache
def own_client(service: str, region: str | None = None, *, read_timeout: int = 10, endpoint: str | None = None) -> Any:
    """A client with the function's own role. ``endpoint``: of a service that has one for each of its things."""
    config = _CONFIG.merge(Config(read_timeout=read_timeout)) if read_timeout != 10 else _CONFIG
    return _session().create_client(service, region_name=region, config=config, endpoint_url=endpoint)


class TenantClients:
    """AWS clients with one tenant's credentials, made when first asked for."""

    def __init__(self, answer: dict[str, Any]) -> None:
        """``answer``: the Credentials of AssumeRole."""
        self.expires_at: datetime = answer["Expiration"]
        self.credentials = Credentials(answer["AccessKeyId"], answer["SecretAccessKey"], answer["SessionToken"])
        self._made: dict[str, Any] = {}

    def client(self, service: str) -> Any:
        if service not in self._made:
            config = _CONFIG
            if service == "s3":  # SigV4 binds headers into links; a checksum in a link would be of no bytes
                config = config.merge(
                    Config(
                        signature_version="s3v4",
                        s3={"addressing_style": "auto"},
                        request_checksum_calculation="when_required",
                    )
                )
            self._made[service] = _session().create_client(
                service,
                config=config,
                aws_access_key_id=self.credentials.access_key,
                aws_secret_access_key=self.credentials.secret_key,
                aws_session_token=self.credentials.token,
            )
        return self._made[service]


class TenantCredentials:
    """``assume(tenant_id)`` gives clients that reach this tenant's data and nobody else's: IAM sees to it."""

    def __init__(
        self, role_arn: str, sts: Callable[[], Any], now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._role_arn, self._sts, self._now = role_arn, sts, now
        self._kept: OrderedDict[str, TenantClients] = OrderedDict()

    def assume(self, tenant_id: str) -> TenantClients:
        """Raises ValueError for what is not a tenant id."""
        if not ids.is_tenant(tenant_id):
            raise ValueError("not a tenant id")
        kept = self._kept.get(tenant_id)
        if kept is None or kept.expires_at - self._now() < _RENEW_BEFORE_END:
            answer = self._sts().assume_role(
                RoleArn=self._role_arn,
                RoleSessionName=f"tenant-{tenant_id}",
                DurationSeconds=int(_LIFE.total_seconds()),
                Tags=[{"Key": "tenant_id", "Value": tenant_id}],
            )
            kept = self._kept[tenant_id] = TenantClients(answer["Credentials"])
        self._kept.move_to_end(tenant_id)
        while len(self._kept) > _MOST_TENANTS:
            self._kept.popitem(last=False)
        return kept
