"""The environment of the functions, typed. A field's name in capitals is the variable's; the CDK app fills every one.

A function names the smallest class that serves it in its spec; a field that deployment cannot fill fails synth, and a
variable that is missing at run time fails the cold start, not the hundredth request.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, fields
from functools import cache
from typing import Any, TypeVar, get_type_hints


@dataclass(frozen=True, kw_only=True)
class RegionSettings:
    """Every function's. ``region_addresses``: region → address of a tenant there, with ``{tenant}`` for its subdomain."""

    region_addresses: dict[str, str]


@dataclass(frozen=True, kw_only=True)
class RegistrySettings(RegionSettings):
    registry_table: str


@dataclass(frozen=True, kw_only=True)
class TenantSettings(RegistrySettings):
    """For functions that act for a tenant. The role is assumed with the session tag ``tenant_id``."""

    tenant_access_role_arn: str
    data_table: str
    audit_table: str


@dataclass(frozen=True, kw_only=True)
class StorageSettings(TenantSettings):
    documents_bucket: str


@dataclass(frozen=True, kw_only=True)
class ScanSettings(StorageSettings):
    """``malware_scan``: 'guardduty' (GuardDuty Malware Protection for S3 tags the object) or 'signature' (the EICAR test file only)."""

    malware_scan: str


@dataclass(frozen=True, kw_only=True)
class SearchSettings(TenantSettings):
    """``search_endpoints``: collection name → URL."""

    search_endpoints: dict[str, str]


@dataclass(frozen=True, kw_only=True)
class ContentSettings(StorageSettings, SearchSettings):
    """Files and their index entries: processing and clean-up."""


@dataclass(frozen=True, kw_only=True)
class LiveSettings(TenantSettings):
    """``live_endpoint``: where live connections are told things and closed."""

    live_endpoint: str


@dataclass(frozen=True, kw_only=True)
class AuthorizerSettings(TenantSettings):
    """``token_key_arns``: of the keys for access tokens; the first signs, all verify."""

    token_key_arns: list[str]


@dataclass(frozen=True, kw_only=True)
class IdentitySettings(AuthorizerSettings):
    """``data_key_arn`` encrypts second factors' secrets and those of identity providers, by the tenant's role and in its context.
    ``sso_loopback``: 'yes' lets identity providers be on this machine, without TLS too (for trials only), or 'no'."""

    mail_sender: str
    sso_loopback: str
    data_key_arn: str


@dataclass(frozen=True, kw_only=True)
class OperatorSettings(TenantSettings):
    registry_home_region: str
    search_endpoints: dict[str, str]
    mail_sender: str


@dataclass(frozen=True, kw_only=True)
class IngestionSettings(RegistrySettings):
    """``queue_urls``: plan → URL of its processing queue."""

    queue_urls: dict[str, str]


@dataclass(frozen=True, kw_only=True)
class WorkflowSettings(RegionSettings):
    """``express_workflow_arn`` runs synchronously, up to 5 minutes; ``standard_workflow_arn`` is the same definition for large files."""

    express_workflow_arn: str
    standard_workflow_arn: str


S = TypeVar("S", bound=RegionSettings)


@cache
def load(kind: type[S]) -> S:
    """The settings of this process. Raises KeyError with the variable's name when one is missing."""
    hints = get_type_hints(kind)
    values: dict[str, Any] = {}
    for field in fields(kind):
        raw = os.environ[field.name.upper()]
        values[field.name] = raw if hints[field.name] is str else json.loads(raw)
    return kind(**values)
