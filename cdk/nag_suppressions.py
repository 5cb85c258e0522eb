"""Suppressed findings of the rule packs (cdk-nag: AwsSolutions, HIPAA Security), each with the reason.

``tests/infrastructure/test_rule_packs.py`` fails for a finding without an entry here, and for an entry without a
finding.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import aws_cdk as cdk
from constructs import IConstruct

from cdk import names
from cdk.config import Config
from cdk.specs import Deployable, mounts, tenant_roles
from docplatform.runtime.spec import Auth, Grant, Trigger

_ROLE_POLICY_DIES_WITH_ROLE = (
    "Each policy belongs to one role and says what that role's one job needs; shared managed policies would make "
    "roles that grow together."
)


@dataclass(frozen=True)
class Acknowledgement:
    """A suppressed finding. ``finding``: its id in the rule packs. ``place``: the path of a construct in its
    stack; the entry covers everything inside it."""

    finding: str
    place: str
    reason: str


def _wildcard(resource: str) -> str:
    return f"AwsSolutions-IAM5[Resource::{resource}]"


def _for_tenant_role(account: str, region: str, reaches: frozenset[Grant], role: str = "") -> Iterator[Acknowledgement]:
    role = role or names.title(names.tenant_role(reaches))
    table = f"arn:aws:dynamodb:{region}:{account}:table/{names.DATA_TABLE}"
    yield Acknowledgement(
        _wildcard(f"{table}/index/*"), role, "The table's indexes; dynamodb:LeadingKeys narrows them to the tenant."
    )
    yield Acknowledgement("HIPAA.Security-IAMNoInlinePolicy", role, _ROLE_POLICY_DIES_WITH_ROLE)
    if Grant.TENANT_FILES in reaches:
        for part in ("tenants", "derived"):
            yield Acknowledgement(
                _wildcard(f"{names.bucket_arn('documents', account, region)}/{part}/<aws:PrincipalTag/tenant_id>/*"),
                role,
                "All files of one tenant: the session's tag says whose. This is the isolation itself.",
            )
    if Grant.TENANT_SEARCH in reaches:
        yield Acknowledgement(
            _wildcard(f"arn:aws:aoss:{region}:{account}:collection/*"),
            role,
            "AWS makes a collection's id when a tenant is created, after this template. Two walls name one collection: its tag tenant_id "
            "must be the session's, and the session policy has its ARN; each is tested with the other switched off.",
        )


def for_data(config: Config, region: str, functions: Sequence[Deployable]) -> Iterator[Acknowledgement]:
    account = config.account
    documents = names.bucket_arn("documents", account, region)
    for reaches in tenant_roles(functions):
        yield from _for_tenant_role(account, region, reaches)
    yield from _for_tenant_role(account, region, frozenset({Grant.TENANT_FILES}), role="BreakGlass")
    yield Acknowledgement(
        _wildcard("*"),
        "RegionBoundary",
        "A permissions boundary grants nothing: it leaves to the roles' own policies what is inside the region.",
    )
    for finding in (
        "AwsSolutions-IAM5[Action::*]",
        "HIPAA.Security-IAMPolicyNoStatementsWithAdminAccess",
        "HIPAA.Security-IAMPolicyNoStatementsWithFullAccess",
    ):
        yield Acknowledgement(finding, "RegionBoundary", "As above: a boundary limits, and grants nothing.")
    yield Acknowledgement(
        "HIPAA.Security-S3BucketReplicationEnabled",
        "Buckets",
        "Open: a tenant's data stays in its region, and there is no backup inside the region yet. Until there is, S3's three zones "
        "and versions are the only copies; docs/operations.md says how a copy in the same region is added.",
    )
    yield Acknowledgement(
        "HIPAA.Security-S3DefaultEncryptionKMS",
        "Buckets/AccessLogs",
        "S3 delivers server access logs to buckets with its own keys (SSE-S3) only.",
    )
    scan = "MalwareProtection"
    yield Acknowledgement("HIPAA.Security-IAMNoInlinePolicy", scan, _ROLE_POLICY_DIES_WITH_ROLE)
    yield Acknowledgement(
        _wildcard(f"{documents}/tenants/*"),
        scan,
        "GuardDuty scans every upload; the role is GuardDuty's alone.",
    )
    yield Acknowledgement(
        _wildcard(f"arn:aws:events:{region}:{account}:rule/DO-NOT-DELETE-AmazonGuardDutyMalwareProtectionS3*"),
        scan,
        "GuardDuty chooses the rule's name; a condition lets it manage only rules of its own.",
    )


def for_api(config: Config, region: str, functions: Sequence[Deployable]) -> Iterator[Acknowledgement]:
    yield from _for_functions(config, region, functions)
    api = "Rest"
    yield Acknowledgement(
        "AwsSolutions-APIG2",
        api,
        "Functions validate requests against typed models.",
    )
    yield Acknowledgement(
        "AwsSolutions-COG4", api, "Tokens are the platform's own (RS256, signed by KMS), checked by its authorizer."
    )
    for route in ("Disconnect", "Everything"):
        yield Acknowledgement(
            "AwsSolutions-APIG4",
            f"Live/{route}",
            "A connection is let in by $connect's authorizer, and by nothing else.",
        )
    for mount, _ in mounts(functions):
        if mount.auth is Auth.PUBLIC:
            yield Acknowledgement(
                "AwsSolutions-APIG4", f"Rest/Api/Default{mount.path}", "Called before anybody can have a token."
            )
    yield Acknowledgement(
        "AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs]",
        "Rest/Api/CloudWatchRole",
        "The policy that API Gateway asks for to write its logs; one setting for all APIs of account and region.",
    )
    yield Acknowledgement(
        "HIPAA.Security-APIGWCacheEnabledAndEncrypted",
        api,
        "Answers are for one person's eyes: a shared cache before the permission checks must not keep them.",
    )
    yield Acknowledgement(
        "HIPAA.Security-APIGWSSLEnabled",
        api,
        "A client certificate shows an HTTP backend who calls it. The backends are functions, called by IAM.",
    )


_STREAMS = {
    Trigger.DOCUMENT_STREAM: names.DATA_TABLE,
    Trigger.SESSION_STREAM: names.DATA_TABLE,
    Trigger.AUDIT_STREAM: names.AUDIT_TABLE,
}


def _for_functions(config: Config, region: str, functions: Sequence[Deployable]) -> Iterator[Acknowledgement]:
    place = "Functions"
    for each in functions:
        yield Acknowledgement(
            _wildcard(names.log_streams_arn(config.account, region, each.spec.name)),
            f"{place}/{names.title(each.spec.name)}Role",
            "Lambda names the streams of the function's own log group.",
        )
        if Grant.OPERATIONS in each.spec.grants:
            for workflow in names.OPERATION_WORKFLOWS.values():
                yield Acknowledgement(
                    _wildcard(names.executions_arn(config.account, region, workflow)),
                    f"{place}/{names.title(each.spec.name)}Role",
                    "An execution has a name of its own operation.",
                )
        if Grant.COLLECTIONS in each.spec.grants:
            for kind in ("collection", "collection-group"):
                yield Acknowledgement(
                    _wildcard(f"arn:aws:aoss:{region}:{config.account}:{kind}/*"),
                    f"{place}/{names.title(each.spec.name)}Role",
                    "Ids are known once they exist; conditions name the group, and want a tenant's tag.",
                )
        if Grant.LIVE_CONNECTIONS in each.spec.grants:
            yield from _for_live_connections(config, region, f"{place}/{names.title(each.spec.name)}Role")
        if each.spec.trigger in _STREAMS:
            stream = f"arn:aws:dynamodb:{region}:{config.account}:table/{_STREAMS[each.spec.trigger]}/stream/*"
            yield Acknowledgement(
                _wildcard(stream),
                f"{place}/{names.title(each.spec.name)}Role",
                "A stream is named by its birth.",
            )
    yield Acknowledgement(
        _wildcard("*"),
        place,
        "X-Ray, ListStreams and a collection before it is made have no resources; test_function_roles.py allows nothing else.",
    )
    yield Acknowledgement(
        "AwsSolutions-L1",
        place,
        "python3.13 is what code and layers are built for; to move is a decision.",
    )
    yield Acknowledgement("HIPAA.Security-IAMNoInlinePolicy", place, _ROLE_POLICY_DIES_WITH_ROLE)
    yield Acknowledgement(
        "HIPAA.Security-LambdaConcurrency",
        place,
        "What can stall (search, files) and what lets people in has a reserve, which is its cap; workers are capped by their queues. The "
        "functions of the API share the rest, so that each can use what the others do not; cdk/concurrency.py sums all parts against "
        "the account's quota.",
    )
    yield Acknowledgement(
        "HIPAA.Security-LambdaDLQ",
        place,
        "Functions are called synchronously, or by a queue, stream or rule that has a dead-letter queue of its own.",
    )
    yield Acknowledgement(
        "HIPAA.Security-LambdaInsideVPC",
        place,
        "What opens untrusted files is in isolated subnets, with an endpoint to the documents only. The others open no file, call "
        "services that answer by TLS and SigV4, and reach what their role allows; identity providers of tenants are on the "
        "internet, and infra/outbound.py decides which addresses are.",
    )
    network = f"{place}/Network"
    yield Acknowledgement(
        _wildcard(f"arn:aws:logs:{region}:{config.account}:log-group:/docplatform/network-flows:*"),
        network,
        "EC2 names the streams of the one log group.",
    )
    yield Acknowledgement(
        "HIPAA.Security-VPCDefaultSecurityGroupClosed",
        network,
        "CloudFormation cannot change a default group. Nothing is in it, and the network has no way in or out; "
        "docs/operations.md says how to close it.",
    )


def _for_live_connections(config: Config, region: str, place: str) -> Iterator[Acknowledgement]:
    for how in ("POST", "DELETE"):
        connections = (
            f"arn:aws:execute-api:{region}:{config.account}:<LiveApiACBCF7C0>/{names.STAGE}/{how}/@connections/*"
        )
        yield Acknowledgement(_wildcard(connections), place, "A connection has an id of the gateway's making.")


def for_workflows() -> Iterator[Acknowledgement]:
    workflow = "Processing"
    yield Acknowledgement("HIPAA.Security-IAMNoInlinePolicy", workflow, _ROLE_POLICY_DIES_WITH_ROLE)
    yield Acknowledgement(_wildcard("*"), workflow, "X-Ray and the delivery of logs know no resources.")
    yield Acknowledgement("HIPAA.Security-IAMNoInlinePolicy", "Schedules", _ROLE_POLICY_DIES_WITH_ROLE)
    of_rules = [f"{rule}/{queue}" for rule in ("Uploads", "Incidents") for queue in ("Undelivered", "Undone")]
    of_streams = ("Changes/Undone", "Sessions/Undone", "Audit/Undone")
    for place in (*of_rules, "Uploads/UndeliveredResults", *of_streams, "Schedules/Undelivered"):
        yield Acknowledgement("AwsSolutions-SQS3", place, "It is a dead-letter queue, of a rule, function or stream.")


def acknowledge(stack: cdk.Stack, entries: Iterable[Acknowledgement]) -> None:
    """Suppress the findings in ``stack``. Raises ValueError for an entry whose place the stack does not have."""
    for entry in entries:
        construct: IConstruct = stack
        for part in entry.place.split("/"):
            found = construct.node.try_find_child(part)
            if found is None:
                raise ValueError(f"{stack.stack_name} has no {entry.place}, which an acknowledgement is about")
            construct = found
        cdk.Validations.of(construct).acknowledge(cdk.Acknowledgment(id=entry.finding, reason=entry.reason))
