"""TenantAccess: the roles that functions assume with the session tag ``tenant_id``. IAM limits each to that tenant's
data, and to the part of it that the functions which may assume it need: items; with some of files, search and secrets.

Every statement on items and files, and each direct use of the data key, names ``${aws:PrincipalTag/tenant_id}``. A
session without the tag has access to none of them, because a variable without a value matches nothing
(docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html). The trust policy grants no session
without the tag, and trusts only functions whose specs have exactly this need.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from constructs import Construct

from cdk import names
from cdk.constructs.kms_keys import KmsKeys
from cdk.names import TENANT, TENANT_ID_PATTERN
from docplatform.runtime.spec import FunctionSpec, Grant

_READ = ("GetItem", "BatchGetItem", "Query")
_WRITE = ("PutItem", "UpdateItem", "DeleteItem", "ConditionCheckItem")
_APPEND = ("GetItem", "Query", "PutItem")
_OBJECTS = ("GetObject", "GetObjectVersion", "PutObject", "DeleteObject", "DeleteObjectVersion")
_USE_KEY = ("GenerateDataKey", "Decrypt")
_TAGS_READ = ("GetObjectTagging", "GetObjectVersionTagging")  # the malware scan's result, which only GuardDuty writes


class TenantAccess(Construct):
    """One of the roles. It trusts ``functions`` by the names of their roles: references to the roles would make the
    stacks depend on each other in a circle. A function also needs sts:AssumeRole in its own role.

    ``reaches``: what the role reaches beside the tenant's items."""

    def __init__(
        self,
        scope: Construct,
        name: str,
        *,
        kms_keys: KmsKeys,
        reaches: frozenset[Grant],
        functions: Sequence[FunctionSpec],
    ) -> None:
        super().__init__(scope, name)
        stack = cdk.Stack.of(self)
        self._documents = names.bucket_arn("documents", stack.account, stack.region)
        self.role = iam.Role(
            self,
            "Role",
            role_name=names.role(names.tenant_role(reaches), stack.region),
            description="A function acting for the tenant that the session tag names",
            assumed_by=iam.SessionTagsPrincipal(
                iam.AccountRootPrincipal().with_conditions(
                    {
                        "ArnLike": {
                            "aws:PrincipalArn": [
                                names.role_arn(stack.account, stack.region, spec.name) for spec in functions
                            ]
                        },
                        "StringLike": {"aws:RequestTag/tenant_id": TENANT_ID_PATTERN},
                        "ForAllValues:StringEquals": {"aws:TagKeys": ["tenant_id"]},
                    }
                )
            ),
        )
        self._items(kms_keys)
        if Grant.TENANT_FILES in reaches:
            self._files(kms_keys)
        if Grant.TENANT_SEARCH in reaches:
            self._collection()
        if Grant.TENANT_SECRETS in reaches:
            self._secrets(kms_keys)

    def _items(self, kms_keys: KmsKeys) -> None:
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
        through_dynamodb = {
            "StringEquals": {
                "kms:ViaService": f"dynamodb.{cdk.Stack.of(self).region}.amazonaws.com",
                "kms:EncryptionContext:aws:dynamodb:tableName": [names.DATA_TABLE, names.AUDIT_TABLE],
            }
        }
        use = (*_USE_KEY, "Encrypt", "ReEncryptFrom", "ReEncryptTo")
        self._allow("kms", use, [kms_keys.data.key_arn], through_dynamodb)

    def _files(self, kms_keys: KmsKeys) -> None:
        """Allow the files below the tenant's prefixes, for uploads and for what is made of them. S3 uses the data key for the caller."""
        uploads, derived = (f"{place}/{TENANT}/*" for place in ("tenants", "derived"))
        objects = [f"{self._documents}/{uploads}", f"{self._documents}/{derived}"]
        self._allow("s3", (*_OBJECTS, *_TAGS_READ), objects)
        listing = {"StringLike": {"s3:prefix": [uploads, derived]}}
        self._allow("s3", ("ListBucket", "ListBucketVersions"), [self._documents], listing)
        through_s3 = {
            "StringEquals": {"kms:ViaService": f"s3.{cdk.Stack.of(self).region}.amazonaws.com"},
            "ArnLike": {"kms:EncryptionContext:aws:s3:arn": [self._documents, f"{self._documents}/*"]},
        }
        self._allow("kms", _USE_KEY, [kms_keys.data.key_arn], through_s3)

    def _collection(self) -> None:
        """Allow the collection whose tag is the session's. Its id is known only once it exists."""
        stack = cdk.Stack.of(self)
        collections = f"arn:aws:aoss:{stack.region}:{stack.account}:collection/*"
        self._allow("aoss", ("APIAccessAll",), [collections], {"StringEquals": {"aws:ResourceTag/tenant_id": TENANT}})

    def _secrets(self, kms_keys: KmsKeys) -> None:
        """Allow direct use of the data key in the tenant's own encryption context only. IAM does not compare the case of the name in
        ``kms:EncryptionContext:…``, so ``TENANT_ID`` would pass for it: no other name may be there
        (docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html, "kms:EncryptionContextKeys")."""
        own = {
            "StringEquals": {"kms:EncryptionContext:tenant_id": TENANT},
            "ForAllValues:StringEquals": {"kms:EncryptionContextKeys": "tenant_id"},
        }
        self._allow("kms", _USE_KEY, [kms_keys.data.key_arn], own)

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
