"""TenantAccess: the role that functions assume with the session tag ``tenant_id``; what it reaches is that tenant's, by IAM.

Every condition names ``${aws:PrincipalTag/tenant_id}``. A Scan or a PartiQL statement has no leading keys, and ``Null`` makes that a
refusal (docs.aws.amazon.com/amazondynamodb/latest/developerguide/specifying-conditions.html).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aws_cdk import aws_iam as iam
from config import PREFIX

if TYPE_CHECKING:
    from stacks.data import DataStack

TAG = "${aws:PrincipalTag/tenant_id}"


def role_arn(account: str, region: str) -> str:
    return f"arn:aws:iam::{account}:role/{PREFIX}-tenant-access-{region}"


def tenant_access_role(stack: DataStack) -> iam.Role:
    role = iam.Role(
        stack,
        "TenantAccess",
        role_name=f"{PREFIX}-tenant-access-{stack.region}",
        description="A function acting for the tenant that the session tag names",
        assumed_by=iam.SessionTagsPrincipal(
            iam.AccountRootPrincipal().with_conditions(
                {
                    "ArnLike": {"aws:PrincipalArn": f"arn:aws:iam::{stack.account}:role/{PREFIX}-*-{stack.region}"},
                    "StringLike": {"aws:RequestTag/tenant_id": "t????????????"},
                    "ForAllValues:StringEquals": {"aws:TagKeys": ["tenant_id"]},
                }
            )
        ),
    )
    for statement in (*_database(stack), *_storage(stack), *_keys(stack)):
        role.add_to_policy(statement)
    return role


def _database(stack: DataStack) -> list[iam.PolicyStatement]:
    own: dict[str, Any] = {
        "ForAllValues:StringLike": {"dynamodb:LeadingKeys": [f"{TAG}#*"]},
        "Null": {"dynamodb:LeadingKeys": "false"},
    }
    data = stack.table.table_arn
    read = ["dynamodb:GetItem", "dynamodb:BatchGetItem", "dynamodb:Query"]
    write = ["dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem", "dynamodb:ConditionCheckItem"]
    append = ["dynamodb:PutItem", "dynamodb:GetItem", "dynamodb:Query"]
    return [
        iam.PolicyStatement(actions=[*read, *write], resources=[data, f"{data}/index/*"], conditions=own),
        iam.PolicyStatement(actions=append, resources=[stack.audit_table.table_arn], conditions=own),
    ]


def _storage(stack: DataStack) -> list[iam.PolicyStatement]:
    bucket = stack.documents.bucket_arn
    objects = ["GetObject", "GetObjectVersion", "GetObjectTagging", "GetObjectVersionTagging"]
    objects += ["PutObject", "DeleteObject", "DeleteObjectVersion"]
    return [
        iam.PolicyStatement(actions=[f"s3:{each}" for each in objects], resources=[f"{bucket}/tenants/{TAG}/*"]),
        iam.PolicyStatement(
            actions=["s3:ListBucket", "s3:ListBucketVersions"],
            resources=[bucket],
            conditions={"StringLike": {"s3:prefix": [f"tenants/{TAG}/*"]}},
        ),
    ]


def _keys(stack: DataStack) -> list[iam.PolicyStatement]:
    """By hand only in the tenant's own encryption context; by way of S3 and DynamoDB as those services need it."""
    actions, key = ["kms:GenerateDataKey", "kms:Decrypt"], [stack.key.key_arn]
    services = [f"{service}.{stack.region}.amazonaws.com" for service in ("s3", "dynamodb")]
    return [
        iam.PolicyStatement(
            actions=actions, resources=key, conditions={"StringEquals": {"kms:EncryptionContext:tenant_id": TAG}}
        ),
        iam.PolicyStatement(actions=actions, resources=key, conditions={"StringEquals": {"kms:ViaService": services}}),
    ]
