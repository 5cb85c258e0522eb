"""TenantAccess: the role that functions assume with the session tag ``tenant_id``. IAM limits it to that tenant's
data.

Every statement on items and files, and each direct use of the data key, names ``${aws:PrincipalTag/tenant_id}``. A
session without the tag has access to none of them, because a variable without a value matches nothing
(docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html). The trust policy grants no session
without the tag.
"""

from __future__ import annotations

from collections.abc import Mapping

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from constructs import Construct

from cdk import names
from cdk.constructs.kms_keys import KmsKeys

TENANT = "${aws:PrincipalTag/tenant_id}"
TENANT_ID_PATTERN = "t????????????"  # STS allows no * or ? in the value of a tag

_READ = ("GetItem", "BatchGetItem", "Query")
_WRITE = ("PutItem", "UpdateItem", "DeleteItem", "ConditionCheckItem")
_APPEND = ("GetItem", "Query", "PutItem")
_OBJECTS = ("GetObject", "GetObjectVersion", "PutObject", "DeleteObject", "DeleteObjectVersion")
_TAGS_READ = ("GetObjectTagging", "GetObjectVersionTagging")  # the malware scan's result, which only GuardDuty writes


class TenantAccess(Construct):
    """The role. It trusts the account's functions by a pattern of their roles' names: a list would exceed the size
    of a trust policy, and references to the roles would make the stacks depend on each other in a circle. A
    function also needs sts:AssumeRole in its own role."""

    def __init__(self, scope: Construct, name: str, *, kms_keys: KmsKeys) -> None:
        super().__init__(scope, name)
        stack = cdk.Stack.of(self)
        self._documents = names.bucket_arn("documents", stack.account, stack.region)
        self.role = iam.Role(
            self,
            "Role",
            role_name=names.role("tenant-access", stack.region),
            description="A function acting for the tenant that the session tag names",
            assumed_by=iam.SessionTagsPrincipal(
                iam.AccountRootPrincipal().with_conditions(
                    {
                        "ArnLike": {"aws:PrincipalArn": names.role_arn(stack.account, stack.region, "*")},
                        "StringLike": {"aws:RequestTag/tenant_id": TENANT_ID_PATTERN},
                        "ForAllValues:StringEquals": {"aws:TagKeys": ["tenant_id"]},
                    }
                )
            ),
        )
        self._items()
        self._files()
        self._use_keys(kms_keys)

    def _items(self) -> None:
        """Allow items whose partition key begins with the tenant's id. A Scan or PartiQL statement names no key;
        ``Null`` denies requests without one
        (docs.aws.amazon.com/amazondynamodb/latest/developerguide/specifying-conditions.html)."""
        own = {
            "ForAllValues:StringLike": {"dynamodb:LeadingKeys": [f"{TENANT}#*"]},
            "Null": {"dynamodb:LeadingKeys": "false"},
        }
        data, audit = self._table(names.DATA_TABLE), self._table(names.AUDIT_TABLE)
        self._allow("dynamodb", (*_READ, *_WRITE), [data, f"{data}/index/*"], own)
        self._allow("dynamodb", _APPEND, [audit], own)

    def _files(self) -> None:
        uploads, derived = (f"{place}/{TENANT}/*" for place in ("tenants", "derived"))
        objects = [f"{self._documents}/{uploads}", f"{self._documents}/{derived}"]
        self._allow("s3", (*_OBJECTS, *_TAGS_READ), objects)
        listing = {"StringLike": {"s3:prefix": [uploads, derived]}}
        self._allow("s3", ("ListBucket", "ListBucketVersions"), [self._documents], listing)

    def _use_keys(self, kms_keys: KmsKeys) -> None:
        """Allow direct use of the data key in the tenant's own encryption context only. Allow use through S3 and
        DynamoDB for the documents and the tables, where the statements above limit the tenant."""
        region = cdk.Stack.of(self).region
        key = [kms_keys.data.key_arn]
        use = ("GenerateDataKey", "Decrypt")
        self._allow("kms", use, key, {"StringEquals": {"kms:EncryptionContext:tenant_id": TENANT}})
        through_s3 = {
            "StringEquals": {"kms:ViaService": f"s3.{region}.amazonaws.com"},
            "ArnLike": {"kms:EncryptionContext:aws:s3:arn": [self._documents, f"{self._documents}/*"]},
        }
        self._allow("kms", use, key, through_s3)
        through_dynamodb = {
            "StringEquals": {
                "kms:ViaService": f"dynamodb.{region}.amazonaws.com",
                "kms:EncryptionContext:aws:dynamodb:tableName": [names.DATA_TABLE, names.AUDIT_TABLE],
            }
        }
        self._allow("kms", (*use, "Encrypt", "ReEncryptFrom", "ReEncryptTo"), key, through_dynamodb)

    def _allow(
        self,
        service: str,
        actions: tuple[str, ...],
        resources: list[str],
        conditions: Mapping[str, object] | None = None,
    ) -> None:
        self.role.add_to_policy(
            iam.PolicyStatement(
                actions=[f"{service}:{action}" for action in actions], resources=resources, conditions=conditions
            )
        )

    def _table(self, name: str) -> str:
        stack = cdk.Stack.of(self)
        return f"arn:aws:dynamodb:{stack.region}:{stack.account}:table/{name}"
