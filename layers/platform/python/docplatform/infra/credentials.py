"""Credentials for one tenant's data, from STS with a session tag. Functions have no other access to tenant data.

STS answers about 600 AssumeRole calls a second in a region, so the process keeps each tenant's credentials. They are
renewed early, because a presigned URL expires with the credentials that signed it
(docs.aws.amazon.com/AmazonS3/latest/userguide/using-presigned-url.html).
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

_LIFE = timedelta(hours=1)  # the maximum for role chaining
_RENEW_BEFORE_END = timedelta(minutes=20)  # longer than the life of any presigned URL
_MOST_TENANTS = 64

_CONFIG = Config(connect_timeout=2, read_timeout=10, retries={"mode": "standard", "max_attempts": 4})


@cache
def _session() -> botocore.session.Session:
    """One session for all clients. It caches the service models, so a client for another tenant takes milliseconds."""
    return botocore.session.get_session()


@cache
def own_client(service: str, region: str | None = None, *, read_timeout: int = 10, endpoint: str | None = None) -> Any:
    """A client with the function's own role. ``read_timeout`` in seconds. ``endpoint``: a URL, for a service that has
    one for each resource."""
    config = _CONFIG.merge(Config(read_timeout=read_timeout)) if read_timeout != 10 else _CONFIG
    return _session().create_client(service, region_name=region, config=config, endpoint_url=endpoint)


class TenantClients:
    """AWS clients with one tenant's credentials. Each client is made at its first use."""

    def __init__(self, answer: dict[str, Any]) -> None:
        """``answer``: the member Credentials of the response of AssumeRole."""
        self.expires_at: datetime = answer["Expiration"]
        self.credentials = Credentials(answer["AccessKeyId"], answer["SecretAccessKey"], answer["SessionToken"])
        self._made: dict[str, Any] = {}

    def client(self, service: str) -> Any:
        if service not in self._made:
            config = _CONFIG
            if service == "s3":  # SigV4 signs a link's headers; a link has no content yet to compute a checksum of
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
    """Makes clients for one tenant. IAM limits their credentials to this tenant's data."""

    def __init__(
        self, role_arn: str, sts: Callable[[], Any], now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._role_arn, self._sts, self._now = role_arn, sts, now
        self._kept: OrderedDict[str, TenantClients] = OrderedDict()

    def assume(self, tenant_id: str) -> TenantClients:
        """Clients with credentials for this tenant. Raises ValueError for a text that is not a tenant id."""
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
