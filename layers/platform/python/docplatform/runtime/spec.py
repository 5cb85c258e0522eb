"""The specification of a function for its deployment: mounts, grants, memory and so on. Each
``functions/<name>/spec.py`` holds ``FUNCTIONS``.

The CDK app reads the same objects as the tests and the OpenAPI document, so each fact is written once. This module
imports the standard library only, and reading a spec imports no handler.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

_DAY = 24 * 60  # minutes
_JOB_NAME = re.compile(r"[a-z]+(?:-[a-z]+)*")


class Auth(StrEnum):
    """The callers that a mount accepts."""

    TENANT = "tenant"  # the REQUEST authorizer: a bearer token of the tenant whose subdomain is called
    PUBLIC = "public"  # everybody: log-in, invitation, health
    OPERATOR = "operator"  # SigV4 (AWS_IAM): platform operators; the control plane only


class Grant(StrEnum):
    """A permission of a function's own role. Only TENANT_ACCESS leads to tenant data: to the items of one tenant, and to
    what the grants of ``TENANT_REACHES`` add to them."""

    TENANT_ACCESS = "tenant-access"  # sts:AssumeRole + sts:TagSession on a TenantAccess role
    TENANT_FILES = "tenant-files"  # that role also reaches the tenant's files
    TENANT_SEARCH = "tenant-search"  # and the tenant's search collection
    TENANT_SECRETS = "tenant-secrets"  # and uses the data key in the tenant's encryption context
    REGISTRY_READ = "registry-read"  # dynamodb:GetItem on the tenant registry (the region's replica)
    REGISTRY_WRITE = "registry-write"  # GetItem, PutItem, TransactWriteItems' parts on the registry in its home region
    TOKEN_SIGN = "token-sign"  # kms:Sign on the token keys
    TOKEN_VERIFY = "token-verify"  # kms:GetPublicKey on the token keys
    CURSOR_SECRET = "cursor-secret"  # kms:GenerateMac on the cursor key
    COLLECTIONS = "collections"  # aoss: make, find and delete the search collections of tenants
    MAIL_SEND = "mail-send"  # ses:SendEmail from the configured sender
    RESET_SEND = "reset-send"  # sqs:SendMessage on the queue of password resets (and kms for it)
    QUEUE_SEND = "queue-send"  # sqs:SendMessage on the plan queues (and kms for them)
    LIVE_CONNECTIONS = "live-connections"  # execute-api:ManageConnections on the WebSocket API
    REGISTRY_LIST = "registry-list"  # dynamodb:Query on the registry's index of a region's tenants
    JOB_RECORDS = "job-records"  # the operations table's items below ``job#``, and its index of what is unfinished
    JOB_SEND = "job-send"  # sqs:SendMessage on the queues of jobs (and kms for them)
    JOB_START = "job-start"  # lambda:InvokeFunction on the tick
    SCAN_REQUEST = "scan-request"  # guardduty:SendObjectMalwareScan
    OPEN_FILES = "open-files"  # lambda:InvokeFunction on the function that opens untrusted files
    EXPRESS_START = "express-start"  # states:StartSyncExecution on the processing workflow
    OPERATIONS = "operations"  # the operations table's items below ``operation#``; to start and read executions of their workflows
    OPERATIONS_SWEEP = (
        "operations-sweep"  # the index of unfinished operations; the history of executions, and to stop them
    )
    FINDINGS = "findings"  # to put the operations table's items below ``finding#``
    ATTEMPTS = (
        "attempts"  # to count in the operations table's items below ``attempts#``: attempts to reach another tenant
    )


TENANT_REACHES = frozenset({Grant.TENANT_FILES, Grant.TENANT_SEARCH, Grant.TENANT_SECRETS})
"""Grants that widen TENANT_ACCESS. A TenantAccess role exists for each set of them that some function has."""


class Layer(StrEnum):
    """The layers of a function; ``platform`` is the product's own package."""

    PLATFORM = "platform"
    DEPENDENCIES = "dependencies"
    PARSERS = "parsers"  # PDF, office and image parsers: only for functions that open untrusted files
    IDENTITY = "identity"  # SSO, passkeys, one-time passwords, SCIM: only for functions that log people in


class Trigger(StrEnum):
    """The source of events for a function without routes."""

    UPLOAD = "upload"  # EventBridge: a file has arrived in the documents bucket; the malware scan's result for it
    PLAN_QUEUE = "plan-queue"  # the processing queue of each plan, with the plan's concurrency cap
    RESET_QUEUE = "reset-queue"  # the queue of password resets that were asked for
    DOCUMENT_STREAM = "document-stream"  # keys (only keys) of changed documents, and of folders marked for reindexing
    WORKFLOW = "workflow"  # a task of statemachines/processing.asl.json
    AUTHORIZER = "authorizer"  # API Gateway's REQUEST authorizer
    LIVE_AUTHORIZER = "live-authorizer"  # the WebSocket API's, for $connect
    LIVE_SOCKETS = "live-sockets"  # every route of the WebSocket API
    SESSION_STREAM = "session-stream"  # keys (only keys) of sessions and users that have changed
    AUDIT_STREAM = "audit-stream"  # audit records that were changed or removed, with the images before and after
    FILE_OPENER = "file-opener"  # the functions with the grant OPEN_FILES, with links to one file
    CLOUD_TRAIL = (
        "cloud-trail"  # EventBridge: the break-glass role is assumed, or the policy of a key, table or bucket changed
    )
    TICK = "tick"  # EventBridge Scheduler, for every schedule of the region
    JOBS = "jobs"  # the queue of the function's own schedules


@dataclass(frozen=True, slots=True)
class Mount:
    """A path of the API and all paths below it, which one function serves. ``path`` begins with a slash."""

    path: str
    auth: Auth = Auth.TENANT


@dataclass(frozen=True, slots=True)
class Every:
    """A cadence of equal intervals. ``minutes`` divide a day, so that runs are due at the same times each day."""

    minutes: int

    def __post_init__(self) -> None:
        """Raises ValueError."""
        if not 1 <= self.minutes <= _DAY or _DAY % self.minutes:
            raise ValueError(f"a cadence of {self.minutes} minutes does not divide a day")

    @property
    def expression(self) -> str:
        """For EventBridge Scheduler (docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html)."""
        return f"rate({self.minutes} minute{'s' if self.minutes > 1 else ''})"

    @property
    def period(self) -> int:
        """Seconds from one run to the next."""
        return self.minutes * 60


@dataclass(frozen=True, slots=True)
class Daily:
    """A cadence of one run a day. ``hour`` and ``minute`` in UTC."""

    hour: int
    minute: int = 0

    def __post_init__(self) -> None:
        """Raises ValueError."""
        if not (0 <= self.hour <= 23 and 0 <= self.minute <= 59):
            raise ValueError(f"no day has the time {self.hour}:{self.minute:02d}")

    @property
    def expression(self) -> str:
        return f"cron({self.minute} {self.hour} * * ? *)"

    @property
    def period(self) -> int:
        return _DAY * 60


@dataclass(frozen=True, slots=True)
class Schedule:
    """A job that runs by itself. ``name`` is unique among all functions.

    ``per_tenant``: once for each tenant of the region; otherwise once for the region. ``deadline``: seconds after its due time at which a
    run that has not ended is late.
    """

    name: str
    cadence: Every | Daily
    per_tenant: bool
    deadline: int

    def __post_init__(self) -> None:
        """Raises ValueError."""
        if not _JOB_NAME.fullmatch(self.name):
            raise ValueError(f"'{self.name}' cannot be the name of a schedule")
        if not 60 <= self.deadline <= self.cadence.period:
            raise ValueError(f"{self.name}: a deadline is at least a minute, and at most the time up to the next run")


@dataclass(frozen=True, slots=True)
class ObjectCreated:
    """Objects of the documents bucket whose arrival calls the function. ``pattern``: of the key, with ``*``."""

    pattern: str

    def __post_init__(self) -> None:
        """Raises ValueError."""
        if not self.pattern.startswith("tenants/*/"):
            raise ValueError(f"'{self.pattern}': every object is below tenants/<tenant>/")


@dataclass(frozen=True, slots=True)
class FunctionSpec:
    """One Lambda function. ``name`` is unique; ``settings`` is a class of ``docplatform.runtime.settings``.

    ``memory`` in MB, ``timeout`` in seconds, ``storage``: the size of /tmp in MB. ``handler``: ``module.function``
    inside the function's package; deployment puts the package's name before it. In the state machine's definition the
    ARN of a WORKFLOW function replaces ``${<CamelCaseName>Arn}`` (``processing-extract`` →
    ``${ProcessingExtractArn}``).
    """

    name: str
    settings: type
    handler: str = "handler.handler"
    mounts: tuple[Mount, ...] = ()
    trigger: Trigger | None = None
    schedules: tuple[Schedule, ...] = ()
    objects: tuple[ObjectCreated, ...] = ()
    grants: frozenset[Grant] = frozenset()
    layers: tuple[Layer, ...] = (Layer.PLATFORM, Layer.DEPENDENCIES)
    memory: int = 512
    timeout: int = 29
    storage: int = 512
    reserve: int = (
        0  # percent of the account's concurrency that is kept for the function, and is its cap; 0: of the shared rest
    )
    untrusted_input: bool = False  # whether it opens uploaded files; then it has no grants

    @property
    def reaches(self) -> frozenset[Grant]:
        """What the function reaches of a tenant beside its items."""
        return self.grants & TENANT_REACHES
