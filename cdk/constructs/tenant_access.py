"""TenantAccess: the role that functions assume with the session tag ``tenant_id``. What it reaches is that tenant's, by
IAM.

Every statement on items and files, and the use of the data key by hand, names ``${aws:PrincipalTag/tenant_id}``; a session without the tag
reaches none of them, for a variable without a value matches nothing
(docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html). The trust policy gives no session without it."""

from __future__ import annotations

from collections.abc import Mapping

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from constructs import Construct

from cdk import names
from cdk.constructs.keys import Keys

TENANT = "${aws:PrincipalTag/tenant_id}"
TENANT_ID_FORM = "t????????????"  # STS lets no * or ? into a tag's value

_READ = ("GetItem", "BatchGetItem", "Query")
_WRITE = ("PutItem", "UpdateItem", "DeleteItem", "ConditionCheckItem")
_APPEND = ("GetItem", "Query", "PutItem")
_OBJECTS = ("GetObject", "GetObjectVersion", "PutObject", "DeleteObject", "DeleteObjectVersion")
_TAGS_READ = (
    "GetObjectTagging",
    "GetObjectVersionTagging",
)  # the malware scan's verdict; writing it is GuardDuty's alone


class TenantAccess(Construct):
    """Trusts the account's functions by the pattern of their roles' names (a list of them would outgrow a trust policy,
    and naming the roles themselves would tie the stacks into a ring). A function needs sts:AssumeRole from its own role
    as well."""

    def __init__(self, scope: Construct, name: str, *, keys: Keys) -> None:
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
                        "StringLike": {"aws:RequestTag/tenant_id": TENANT_ID_FORM},
                        "ForAllValues:StringEquals": {"aws:TagKeys": ["tenant_id"]},
                    }
                )
            ),
        )
        self._items()
        self._files()
        self._use_keys(keys)

    def _items(self) -> None:
        """Items whose partition key begins with the tenant's id. A Scan or a PartiQL statement names no key, and
        ``Null`` refuses what names none
        (docs.aws.amazon.com/amazondynamodb/latest/developerguide/specifying-conditions.html)."""
        own = {
            "ForAllValues:StringLike": {"dynamodb:LeadingKeys": [f"{TENANT}#*"]},
            "Null": {"dynamodb:LeadingKeys": "false"},
        }
        data, audit = self._table(names.DATA_TABLE), self._table(names.AUDIT_TABLE)
        self._allow("dynamodb", (*_READ, *_WRITE), [data, f"{data}/index/*"], own)
        self._allow("dynamodb", _APPEND, [audit], own)

    def _files(self) -> None:
        self._allow("s3", (*_OBJECTS, *_TAGS_READ), [f"{self._documents}/tenants/{TENANT}/*"])
        listing = {"StringLike": {"s3:prefix": f"tenants/{TENANT}/*"}}
        self._allow("s3", ("ListBucket", "ListBucketVersions"), [self._documents], listing)

    def _use_keys(self, keys: Keys) -> None:
        """By hand only in the tenant's own encryption context; through S3 and DynamoDB only for the documents and the
        tables, where the statements above decide whose."""
        region = cdk.Stack.of(self).region
        key = [keys.data.key_arn]
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
