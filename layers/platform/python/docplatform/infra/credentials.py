"""Credentials for one tenant's data, from STS with a session tag. Functions have no other access to tenant data.

A session policy limits the credentials to the tenant's own search collection. It names the collection by its ARN: IAM
documents no policy variable for requests to a collection
(docs.aws.amazon.com/service-authorization/latest/reference/list_amazonopensearchserverless.html).

STS answers about 600 AssumeRole calls a second in an account and region, so each process keeps the credentials of thousands of
tenants (benchmarks/sts_calls.py). A presigned URL expires with the credentials that signed it, so whoever signs links asks for
credentials that live as long (docs.aws.amazon.com/AmazonS3/latest/userguide/using-presigned-url.html).
"""

from __future__ import annotations

import json
import os
import re
from collections import OrderedDict
from collections.abc import Callable
from contextvars import ContextVar
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import botocore.session
from botocore.client import BaseClient
from botocore.config import Config
from botocore.credentials import Credentials

from docplatform.core import ids
from docplatform.core.jitter import jitter
from docplatform.infra.guarded_client import guarded

_LIFE = timedelta(hours=1)  # the maximum for role chaining
LONGEST_INVOCATION = timedelta(minutes=10)
"""Longer than the timeout of any function that acts for a tenant."""
_JITTER = timedelta(minutes=5)
_MOST_TENANTS = 5_000  # about 3 KB each
_PRESIGNING = frozenset({"generate_presigned_url", "generate_presigned_post"})
_COLLECTION = re.compile(r"[a-z0-9]{3,40}")  # the form of a collection's id

_CONFIG = Config(connect_timeout=2, read_timeout=10, retries={"mode": "standard", "max_attempts": 4})

_REGION_OF_HOST = re.compile(r"\.([a-z]{2}(?:-[a-z]+)+-\d)\.(?:aoss\.|on\.)?(?:amazonaws\.com|aws)")

_signing: ContextVar[Credentials] = ContextVar("signing_credentials")


@cache
def _session() -> botocore.session.Session:
    """One session for all clients. It caches the service models."""
    return botocore.session.get_session()


class ForeignRegion(ValueError):
    """A client of another region was asked for. A tenant's data never leaves its region."""


def _check_region(service: str, region: str | None, endpoint: str | None) -> None:
    own = os.environ["AWS_REGION"]
    found = _REGION_OF_HOST.search(endpoint or "")
    asked = {region or own, found[1] if found else own}
    if service == "dynamodb" and (home := os.environ.get("REGISTRY_HOME_REGION")):
        asked.discard(home)  # the boundary of the role allows the registry's table there, and nothing else
    if asked - {own}:
        raise ForeignRegion(f"{service} of {', '.join(sorted(asked - {own}))} from {own}")


@cache
def own_client(service: str, region: str | None = None, *, read_timeout: int = 10, endpoint: str | None = None) -> Any:
    """A client with the function's own role. ``read_timeout`` in seconds. ``endpoint``: a URL, for a service that has
    one for each resource. ``region``: the home region of the registry, for its table; every other client is of the function's own
    region. Raises ForeignRegion."""
    _check_region(service, region, endpoint)
    config = _CONFIG.merge(Config(read_timeout=read_timeout)) if read_timeout != 10 else _CONFIG
    return _session().create_client(service, region_name=region, config=config, endpoint_url=endpoint)


@cache
def _shared_client(service: str) -> Any:
    """One client of a service for all tenants. It has no credentials of its own: a call is signed with those of the tenant whose
    ``TenantClient`` makes it, and a call without any is refused before it is sent."""
    config = _CONFIG
    if service == "s3":  # SigV4 signs a link's headers; a link has no content yet to compute a checksum of
        config = config.merge(
            Config(
                signature_version="s3v4", s3={"addressing_style": "auto"}, request_checksum_calculation="when_required"
            )
        )
    none = "none"  # botocore would take those of the function's role instead
    client = _session().create_client(service, config=config, aws_access_key_id=none, aws_secret_access_key=none)
    client.meta.events.register("before-sign", _sign_for_tenant)
    return guarded(client, service)


def _sign_for_tenant(request: Any, **_: object) -> None:
    """botocore's handler before a request is signed. Raises LookupError for a call that is made for no tenant."""
    request.context["signing"] = {**request.context.get("signing", {}), "request_credentials": _signing.get()}


class TenantClient:
    """A client of one service whose calls and links are signed with one tenant's credentials. It costs a few hundred bytes, where
    a client of its own would cost milliseconds and megabytes for each tenant."""

    __slots__ = ("_client", "_credentials")

    def __init__(self, client: Any, credentials: Credentials) -> None:
        self._client, self._credentials = client, credentials

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._client, name)
        if name not in self._client.meta.method_to_api_mapping and name not in _PRESIGNING:
            return found

        def call(*given: Any, **named: Any) -> Any:
            token = _signing.set(self._credentials)
            try:
                return found(*given, **named)
            finally:
                _signing.reset(token)

        return call

    def get_paginator(self, operation: str) -> Any:
        """A paginator whose pages are calls of this client."""
        return BaseClient.get_paginator(self, operation)


class TenantClients:
    """AWS clients with one tenant's credentials."""

    def __init__(self, answer: dict[str, Any]) -> None:
        """``answer``: the member Credentials of the response of AssumeRole."""
        self.expires_at: datetime = answer["Expiration"]
        self.credentials = Credentials(answer["AccessKeyId"], answer["SecretAccessKey"], answer["SessionToken"])

    def client(self, service: str) -> TenantClient:
        return TenantClient(_shared_client(service), self.credentials)


class TenantCredentials:
    """Keeps the credentials of tenants. IAM limits them to the tenant's data.

    Credentials are renewed late, at a time that differs from tenant to tenant, so that tenants whose credentials began together do not
    renew them together.
    """

    def __init__(
        self,
        role_arn: str,
        sts: Callable[[], Any],
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        *,
        issued: Callable[[], None] = lambda: None,
        most: int = _MOST_TENANTS,
    ) -> None:
        """``issued`` is called for each answer of STS. ``most``: tenants whose credentials are kept."""
        self._role_arn, self._sts, self._now, self._issued, self._most = role_arn, sts, now, issued, most
        self._kept: OrderedDict[tuple[str, str], tuple[TenantClients, datetime]] = OrderedDict()

    def assume(
        self, tenant_id: str, collection: str = "", *, valid_for: timedelta = LONGEST_INVOCATION
    ) -> TenantClients:
        """Clients with credentials for this tenant, and for its search ``collection``; '' for none. They are valid for
        ``valid_for`` at least: as long as the invocation takes, or as a link that they sign. Raises ValueError for a text that is
        not a tenant id, or not a collection's id."""
        if not ids.is_tenant(tenant_id):
            raise ValueError("not a tenant id")
        at, holder = self._now(), (tenant_id, collection)
        clients, renew_at = self._kept.get(holder, (None, at))
        if clients is None or renew_at <= at or clients.expires_at - at < valid_for:
            clients = self._assumed(tenant_id, collection)
            early = timedelta(seconds=jitter(_JITTER.total_seconds()))
            self._kept[holder] = (clients, clients.expires_at - LONGEST_INVOCATION - early)
        self._kept.move_to_end(holder)
        while len(self._kept) > self._most:
            self._kept.popitem(last=False)
        return clients

    def _assumed(self, tenant_id: str, collection: str) -> TenantClients:
        answer = self._sts().assume_role(
            RoleArn=self._role_arn,
            RoleSessionName=f"tenant-{tenant_id}",
            DurationSeconds=int(_LIFE.total_seconds()),
            Tags=[{"Key": "tenant_id", "Value": tenant_id}],
            Policy=session_policy(self._role_arn, collection),
        )
        self._issued()
        return TenantClients(answer["Credentials"])


def session_policy(role_arn: str, collection: str) -> str:
    """The session policy: what the role allows, but no search collection other than ``collection`` (an id; '' for none).
    A session has what both its role and this policy allow. Raises ValueError."""
    statements: list[dict[str, Any]] = [{"Effect": "Allow", "NotAction": "aoss:*", "Resource": "*"}]
    if collection:
        if not _COLLECTION.fullmatch(collection):
            raise ValueError("not a collection's id")
        own = f"arn:aws:aoss:{os.environ['AWS_REGION']}:{role_arn.split(':')[4]}:collection/{collection}"
        statements.append({"Effect": "Allow", "Action": "aoss:APIAccessAll", "Resource": own})
    return json.dumps({"Version": "2012-10-17", "Statement": statements}, separators=(",", ":"))
