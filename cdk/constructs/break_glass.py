"""The break-glass role: people read one tenant's data when nothing else helps. Nobody may assume it unless the setting ``break_glass``
names them, and every use is a security incident (docs/operations.md; the alarm is in stacks/observability.py).

A session is of one tenant, like one of TenantAccess: the tag ``tenant_id`` is demanded, so the record of its beginning names the tenant. It
reads items and files, and writes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from constructs import Construct

from cdk import names
from cdk.constructs.kms_keys import KmsKeys
from cdk.constructs.perimeter import BREAK_GLASS
from cdk.names import TENANT, TENANT_ID_PATTERN

INCIDENT = "incident-*"  # the session's name, which names the incident


class BreakGlass(Construct):
    """``people``: ARNs of the users and roles that may assume the role, with a second factor; none by default."""

    def __init__(self, scope: Construct, name: str, *, people: Sequence[str], kms_keys: KmsKeys) -> None:
        super().__init__(scope, name)
        stack = cdk.Stack.of(self)
        iam.CfnRole(
            self,
            "Role",
            role_name=names.role(BREAK_GLASS, stack.region),
            description="Reads one tenant's data in an emergency; every use is an incident",
            max_session_duration=3600,
            assume_role_policy_document=iam.PolicyDocument(statements=[_trust(people, stack.region)]),
            policies=[
                iam.CfnRole.PolicyProperty(
                    policy_name="reading", policy_document=iam.PolicyDocument(statements=_permissions(stack, kms_keys))
                )
            ],
        )


def _trust(people: Sequence[str], region: str) -> iam.PolicyStatement:
    """A role must trust somebody: without people, it denies everybody."""
    actions = ["sts:AssumeRole", "sts:TagSession"]
    if not people:
        return iam.PolicyStatement(effect=iam.Effect.DENY, principals=[iam.AnyPrincipal()], actions=actions)
    return iam.PolicyStatement(
        principals=[iam.ArnPrincipal(each) for each in people],
        actions=actions,
        conditions={
            "Bool": {"aws:MultiFactorAuthPresent": "true"},
            "StringEquals": {"aws:RequestedRegion": region},
            "StringLike": {"aws:RequestTag/tenant_id": TENANT_ID_PATTERN, "sts:RoleSessionName": INCIDENT},
            "ForAllValues:StringEquals": {"aws:TagKeys": ["tenant_id"]},
        },
    )


def _permissions(stack: cdk.Stack, kms_keys: KmsKeys) -> list[iam.PolicyStatement]:
    account, region = stack.account, stack.region
    tables = [f"arn:aws:dynamodb:{region}:{account}:table/{each}" for each in (names.DATA_TABLE, names.AUDIT_TABLE)]
    documents = names.bucket_arn("documents", account, region)

    def allow(actions: list[str], resources: list[str], conditions: dict[str, object]) -> iam.PolicyStatement:
        return iam.PolicyStatement(actions=actions, resources=resources, conditions=conditions)

    own = {
        "ForAllValues:StringLike": {"dynamodb:LeadingKeys": [f"{TENANT}#*"]},
        "Null": {"dynamodb:LeadingKeys": "false"},
    }
    of_tables = {
        "StringEquals": {
            "kms:ViaService": f"dynamodb.{region}.amazonaws.com",
            "kms:EncryptionContext:aws:dynamodb:tableName": [names.DATA_TABLE, names.AUDIT_TABLE],
        }
    }
    of_files = {
        "StringEquals": {"kms:ViaService": f"s3.{region}.amazonaws.com"},
        "ArnLike": {"kms:EncryptionContext:aws:s3:arn": [documents, f"{documents}/*"]},
    }
    return [
        allow(
            ["dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:Query"],
            [*tables, f"{tables[0]}/index/*"],
            dict(own),
        ),
        allow(
            ["s3:GetObject", "s3:GetObjectVersion"],
            [f"{documents}/{part}/{TENANT}/*" for part in ("tenants", "derived")],
            {},
        ),
        allow(
            ["s3:ListBucket", "s3:ListBucketVersions"],
            [documents],
            {"StringLike": {"s3:prefix": [f"tenants/{TENANT}/*", f"derived/{TENANT}/*"]}},
        ),
        allow(["kms:Decrypt"], [kms_keys.data.key_arn], dict(of_tables)),
        allow(["kms:Decrypt"], [kms_keys.data.key_arn], dict(of_files)),
    ]
