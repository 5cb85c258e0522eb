"""The roles that may reach stored data, as keys, tables and buckets name them themselves. So a user or role whose own policies allow
``dynamodb:*``, ``s3:*`` or ``kms:*`` reads no tenant's data.

A resource names roles by ARN, in the condition ``aws:PrincipalArn``: for a session that is the ARN of its role
(docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html). So the policies need no reference to the roles of
other stacks, and a role that is made anew is the same one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from aws_cdk import aws_iam as iam

from cdk import names
from cdk.specs import Deployable, tenant_roles
from docplatform.runtime.spec import Grant, Trigger

BREAK_GLASS, MALWARE_SCAN = "break-glass", "malware-scan"

_ITEMS = [
    f"dynamodb:{each}"
    for each in (
        "GetItem", "BatchGetItem", "Query", "Scan", "PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem",
        "ConditionCheckItem", "PartiQLSelect", "PartiQLInsert", "PartiQLUpdate", "PartiQLDelete", "ExportTableToPointInTime",
    )
]  # fmt: skip
_STREAM = ["dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator"]
_OBJECTS = [
    "s3:GetObject*",
    "s3:PutObject*",
    "s3:DeleteObject*",
    "s3:ListBucket*",
    "s3:RestoreObject",
    "s3:AbortMultipartUpload",
    "s3:ListMultipartUploadParts",
]
_OPERATIONS = frozenset({Grant.JOB_RECORDS, Grant.OPERATIONS, Grant.OPERATIONS_SWEEP, Grant.FINDINGS, Grant.ATTEMPTS})
_FOLLOWERS = {
    names.DATA_TABLE: (Trigger.DOCUMENT_STREAM, Trigger.SESSION_STREAM),
    names.AUDIT_TABLE: (Trigger.AUDIT_STREAM,),
}


@dataclass(frozen=True)
class Perimeter:
    """The roles of one region, by what they may reach."""

    account: str
    region: str
    functions: Sequence[Deployable]
    maintainers: Sequence[str] = ()
    """ARNs of roles that change and restore tables by hand; empty but for the time of a migration."""

    def role(self, name: str) -> str:
        return names.role_arn(self.account, self.region, name)

    @property
    def break_glass(self) -> str:
        return self.role(BREAK_GLASS)

    def tenant_roles(self, reach: Grant | None = None) -> list[str]:
        """The TenantAccess roles: all of them, or those with ``reach``."""
        return [
            self.role(names.tenant_role(reaches))
            for reaches in tenant_roles(self.functions)
            if reach is None or reach in reaches
        ]

    @property
    def of_operations(self) -> list[str]:
        """The functions that keep records of jobs and operations, and those that count attempts."""
        return [self.role(each.spec.name) for each in self.functions if each.spec.grants & _OPERATIONS]

    def of_stream(self, table: str) -> list[str]:
        """The functions that follow the table's stream."""
        followers = _FOLLOWERS[table]
        return [self.role(each.spec.name) for each in self.functions if each.spec.trigger in followers]

    @property
    def of_tenants_items(self) -> list[str]:
        return [*self.tenant_roles(), self.break_glass]

    @property
    def of_files(self) -> list[str]:
        return [*self.tenant_roles(Grant.TENANT_FILES), self.role(MALWARE_SCAN), self.break_glass]

    def table_policy(self, table: str, allowed: Sequence[str]) -> iam.PolicyDocument:
        arn = f"arn:aws:dynamodb:{self.region}:{self.account}:table/{table}"
        allowed = [*allowed, *self.maintainers]
        return iam.PolicyDocument(statements=[_nobody_but(allowed, _ITEMS, [arn, f"{arn}/index/*"])])

    def stream_policy(self, table: str) -> iam.PolicyDocument:
        arn = f"arn:aws:dynamodb:{self.region}:{self.account}:table/{table}/stream/*"
        return iam.PolicyDocument(statements=[_nobody_but(self.of_stream(table), _STREAM, [arn])])

    def bucket_statement(self, bucket_arn: str, allowed: Sequence[str]) -> iam.PolicyStatement:
        return _nobody_but(allowed, _OBJECTS, [bucket_arn, f"{bucket_arn}/*"])


def _nobody_but(allowed: Sequence[str], actions: Sequence[str], resources: Sequence[str]) -> iam.PolicyStatement:
    return iam.PolicyStatement(
        sid="NobodyElse",
        effect=iam.Effect.DENY,
        principals=[iam.AnyPrincipal()],
        actions=list(actions),
        resources=list(resources),
        conditions={"StringNotEquals": {"aws:PrincipalArn": list(allowed)}},
    )
