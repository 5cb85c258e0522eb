"""Typed settings of functions, read from environment variables. The variable of a field has its name in capitals.

A function's spec names the smallest class that it needs. The CDK app sets every variable. A field without a value fails
synth, and a variable that is missing at run time fails when the settings are loaded.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, fields
from functools import cache
from typing import Any, TypeVar, get_type_hints


@dataclass(frozen=True, kw_only=True)
class RegionSettings:
    """The settings that every function has. ``region_addresses``: region → URL of a tenant there, with ``{tenant}`` in
    place of the subdomain."""

    region_addresses: dict[str, str]


@dataclass(frozen=True, kw_only=True)
class RegistrySettings(RegionSettings):
    registry_table: str


@dataclass(frozen=True, kw_only=True)
class TenantSettings(RegistrySettings):
    """Settings of functions that act for a tenant. They assume the role with the session tag ``tenant_id``. ``operations_table``:
    where the functions with the grant ATTEMPTS count."""

    operations_table: str
    tenant_access_role_arn: str
    data_table: str
    audit_table: str


@dataclass(frozen=True, kw_only=True)
class CursorSettings(RegionSettings):
    """``cursor_key_arn``: the HMAC key from which the secret for cursors comes."""

    cursor_key_arn: str


@dataclass(frozen=True, kw_only=True)
class ListingSettings(TenantSettings, CursorSettings):
    """Settings of functions that answer with pages of a list."""


@dataclass(frozen=True, kw_only=True)
class StorageSettings(TenantSettings):
    documents_bucket: str


@dataclass(frozen=True, kw_only=True)
class FolderSettings(StorageSettings, CursorSettings):
    """Settings of the function for folders."""


@dataclass(frozen=True, kw_only=True)
class FileStepSettings(StorageSettings):
    """``file_opener_function``: the name of the function that opens untrusted files, by links."""

    file_opener_function: str


@dataclass(frozen=True, kw_only=True)
class SearchSettings(TenantSettings):
    """``search_endpoint``: the URL of a search collection, with ``{collection}`` for its id."""

    search_endpoint: str


@dataclass(frozen=True, kw_only=True)
class QuerySettings(SearchSettings, CursorSettings):
    """Settings of the function that answers searches."""


@dataclass(frozen=True, kw_only=True)
class ContentSettings(StorageSettings, SearchSettings):
    """Settings of functions that use files and their entries in the index: processing and clean-up."""


@dataclass(frozen=True, kw_only=True)
class StreamSettings(RegionSettings):
    """``dead_letters_url``: the URL of the function's own dead-letter queue, for records that it cannot process."""

    dead_letters_url: str


@dataclass(frozen=True, kw_only=True)
class IndexSyncSettings(ContentSettings, StreamSettings):
    """Settings of the function that keeps the index up to date."""


@dataclass(frozen=True, kw_only=True)
class LiveSettings(TenantSettings):
    """``live_endpoint``: the URL for sending to live connections and for closing them."""

    live_endpoint: str


@dataclass(frozen=True, kw_only=True)
class LiveEndsSettings(LiveSettings, StreamSettings):
    """Settings of the function that closes live connections."""


@dataclass(frozen=True, kw_only=True)
class AuthorizerSettings(TenantSettings):
    """``token_key_arns``: the keys of access tokens. The first one signs, all of them verify."""

    token_key_arns: list[str]


@dataclass(frozen=True, kw_only=True)
class MailSettings(TenantSettings):
    """``mail_sender``: the address that mails to members come from."""

    mail_sender: str


@dataclass(frozen=True, kw_only=True)
class IdentitySettings(AuthorizerSettings, MailSettings):
    """``data_key_arn``: the key that encrypts secrets of second factors and of identity providers. The tenant's role
    uses it, in the tenant's encryption context. ``sso_loopback``: 'yes' allows identity providers on this machine, also
    without TLS (for trials only); else 'no'."""

    sso_loopback: str
    data_key_arn: str


@dataclass(frozen=True, kw_only=True)
class SignInSettings(IdentitySettings):
    """``reset_queue_url``: the queue of password resets that were asked for."""

    reset_queue_url: str


@dataclass(frozen=True, kw_only=True)
class AccountSettings(SignInSettings, CursorSettings):
    """Settings of the function for users and sign-in."""


@dataclass(frozen=True, kw_only=True)
class IngestionSettings(RegistrySettings):
    """``queue_urls``: plan → URL of its processing queue."""

    queue_urls: dict[str, str]


@dataclass(frozen=True, kw_only=True)
class ArrivalSettings(StorageSettings, IngestionSettings):
    """Files that have arrived, and the results of their scans."""


@dataclass(frozen=True, kw_only=True)
class OperationSettings(RegionSettings):
    """``operations_table`` holds their records. ``operation_workflows``: kind of operation → ARN of its Standard state machine."""

    operations_table: str
    operation_workflows: dict[str, str]


@dataclass(frozen=True, kw_only=True)
class WorkflowSettings(OperationSettings):
    """``express_workflow_arn``: the state machine of processing that runs synchronously, for up to 5 minutes. Large files
    are operations."""

    express_workflow_arn: str


@dataclass(frozen=True, kw_only=True)
class JobRecordSettings(RegistrySettings):
    """``operations_table`` holds the runs of jobs, and what else runs long."""

    operations_table: str


@dataclass(frozen=True, kw_only=True)
class OperatorSettings(TenantSettings):
    """``collection_group``: the group in which tenants' search collections are made."""

    registry_home_region: str
    collection_group: str
    mail_sender: str


@dataclass(frozen=True, kw_only=True)
class FindingSettings(StreamSettings):
    """``operations_table`` holds the security findings that an operator reads."""

    operations_table: str


@dataclass(frozen=True, kw_only=True)
class JobSettings(JobRecordSettings):
    """``jobs``: name → the other fields of ``docplatform.runtime.schedules.model.Job``."""

    jobs: dict[str, dict[str, Any]]


@dataclass(frozen=True, kw_only=True)
class JobStartSettings(JobSettings):
    """``tick_function``: the name of the function that EventBridge Scheduler calls."""

    tick_function: str


@dataclass(frozen=True, kw_only=True)
class JobWorkSettings(JobRecordSettings):
    """Settings of functions that do a job's work. ``function_timeout``: of the function itself, in seconds."""

    function_timeout: int


@dataclass(frozen=True, kw_only=True)
class ProvisioningSettings(OperatorSettings, JobWorkSettings):
    """The job that completes what onboarding has begun."""


@dataclass(frozen=True, kw_only=True)
class WatchSettings(JobSettings, JobWorkSettings):
    """The job that looks at the runs of all jobs."""


@dataclass(frozen=True, kw_only=True)
class SweepSettings(OperationSettings, JobWorkSettings):
    """The job that looks at unfinished operations."""


@dataclass(frozen=True, kw_only=True)
class RecoverySettings(ArrivalSettings, JobWorkSettings):
    """Uploads whose processing has not begun."""


@dataclass(frozen=True, kw_only=True)
class ErasureSettings(ContentSettings, JobWorkSettings):
    """Erasures of deleted documents that are not yet complete."""


S = TypeVar("S", bound=RegionSettings)


@cache
def load(kind: type[S]) -> S:
    """The settings of this process. Raises KeyError with the name of a variable that is missing."""
    hints = get_type_hints(kind)
    values: dict[str, Any] = {}
    for field in fields(kind):
        raw = os.environ[field.name.upper()]
        values[field.name] = raw if hints[field.name] is str else json.loads(raw)
    return kind(**values)
