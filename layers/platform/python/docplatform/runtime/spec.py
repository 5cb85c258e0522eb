"""The specification of a function for its deployment: mounts, grants, memory and so on. Each
``functions/<name>/spec.py`` holds ``FUNCTIONS``.

The CDK app reads the same objects as the tests and the OpenAPI document, so each fact is written once. This module
imports the standard library only, and reading a spec imports no handler.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Auth(StrEnum):
    """The callers that a mount accepts."""

    TENANT = "tenant"  # the REQUEST authorizer: a bearer token of the tenant whose subdomain is called
    PUBLIC = "public"  # everybody: log-in, invitation, health
    OPERATOR = "operator"  # SigV4 (AWS_IAM): platform operators; the control plane only


class Grant(StrEnum):
    """A permission of a function's own role. Only TENANT_ACCESS leads to tenant data."""

    TENANT_ACCESS = "tenant-access"  # sts:AssumeRole + sts:TagSession on the TenantAccess role
    REGISTRY_READ = "registry-read"  # dynamodb:GetItem on the tenant registry (the region's replica)
    REGISTRY_WRITE = "registry-write"  # GetItem, PutItem, TransactWriteItems' parts on the registry in its home region
    TOKEN_SIGN = "token-sign"  # kms:Sign on the token keys
    TOKEN_VERIFY = "token-verify"  # kms:GetPublicKey on the token keys
    MAIL_SEND = "mail-send"  # ses:SendEmail from the configured sender
    QUEUE_SEND = "queue-send"  # sqs:SendMessage on the plan queues (and kms for them)
    LIVE_CONNECTIONS = "live-connections"  # execute-api:ManageConnections on the WebSocket API
    WORKFLOW_START = (
        "workflow-start"  # states:StartSyncExecution, StartExecution, DescribeExecution on the processing workflow
    )


class Layer(StrEnum):
    """The layers of a function; ``platform`` is the product's own package."""

    PLATFORM = "platform"
    DEPENDENCIES = "dependencies"
    PARSERS = "parsers"  # PDF, office and image parsers: only for functions that open untrusted files
    IDENTITY = "identity"  # SSO, passkeys, one-time passwords, SCIM: only for functions that log people in


class Trigger(StrEnum):
    """The source of events for a function without routes."""

    UPLOAD = "upload"  # EventBridge: Object Created under tenants/…/original in the documents bucket
    PLAN_QUEUE = "plan-queue"  # the processing queue of each plan, with the plan's concurrency cap
    DOCUMENT_STREAM = "document-stream"  # keys (only keys) of changed documents, and of folders marked for reindexing
    WORKFLOW = "workflow"  # a task of statemachines/processing.asl.json
    AUTHORIZER = "authorizer"  # API Gateway's REQUEST authorizer
    LIVE_AUTHORIZER = "live-authorizer"  # the WebSocket API's, for $connect
    LIVE_SOCKETS = "live-sockets"  # every route of the WebSocket API
    SESSION_STREAM = "session-stream"  # keys (only keys) of sessions and users that have changed


@dataclass(frozen=True, slots=True)
class Mount:
    """A path of the API and all paths below it, which one function serves. ``path`` begins with a slash."""

    path: str
    auth: Auth = Auth.TENANT


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
    grants: frozenset[Grant] = frozenset()
    layers: tuple[Layer, ...] = (Layer.PLATFORM, Layer.DEPENDENCIES)
    memory: int = 512
    timeout: int = 29
    storage: int = 512
    untrusted_input: bool = False  # whether it opens uploaded files
