"""What deployment must know of a function: its mount, its grants, its memory. Each ``functions/<name>/spec.py`` holds ``FUNCTIONS``.

The CDK app and the local cloud read the same objects, so that a route, a permission or a setting is written once.
Standard library only: reading a spec imports no handler.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Auth(StrEnum):
    """Who may call a mount."""

    TENANT = "tenant"  # the REQUEST authorizer: a bearer token of the tenant whose subdomain is called
    PUBLIC = "public"  # nobody yet: log-in, invitation, health
    OPERATOR = "operator"  # SigV4 (AWS_IAM): platform operators; the control plane only


class Grant(StrEnum):
    """A permission of a function's own role. None of them reaches tenant data but by way of TENANT_ACCESS."""

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
    """What calls a function that no route calls."""

    UPLOAD = "upload"  # EventBridge: Object Created under tenants/…/original in the documents bucket
    PLAN_QUEUE = "plan-queue"  # the processing queue of each plan, with the plan's concurrency cap
    DOCUMENT_STREAM = "document-stream"  # keys (only keys) of documents that have changed, and of marks on folders
    WORKFLOW = "workflow"  # a task of statemachines/processing.asl.json
    AUTHORIZER = "authorizer"  # API Gateway's REQUEST authorizer
    LIVE_AUTHORIZER = "live-authorizer"  # the WebSocket API's, for $connect
    LIVE_SOCKETS = "live-sockets"  # every route of the WebSocket API
    SESSION_STREAM = "session-stream"  # keys (only keys) of sessions and users that have changed


@dataclass(frozen=True, slots=True)
class Mount:
    """A path of the API and everything below it, served by one function. ``path`` begins with a slash."""

    path: str
    auth: Auth = Auth.TENANT


@dataclass(frozen=True, slots=True)
class FunctionSpec:
    """One Lambda function. ``name`` is unique; ``settings`` is a class of ``docplatform.runtime.settings``.

    ``memory`` in MB, ``timeout`` in seconds, ``storage`` is /tmp in MB. ``handler`` is ``module.function`` inside the
    function's package; deployment prefixes the package's name. A WORKFLOW function's ARN replaces
    ``${<CamelCaseName>Arn}`` in the state machine's definition (``processing-extract`` → ``${ProcessingExtractArn}``).
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
    untrusted_input: bool = False  # opens files of strangers
