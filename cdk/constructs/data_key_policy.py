"""The data key's policy: the account administers the key, named roles use it, each through the service and in the encryption context that
its work has. IAM policies alone allow nobody to decrypt (docs.aws.amazon.com/kms/latest/developerguide/key-policies.html).

A role needs both: a statement here, and one of its own policies.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from aws_cdk import aws_iam as iam

from cdk import names
from cdk.constructs.perimeter import MALWARE_SCAN, Perimeter
from cdk.names import TENANT
from docplatform.runtime.spec import Grant

_ADMINISTER = [
    f"kms:{each}"
    for each in (
        "DescribeKey", "GetKeyPolicy", "GetKeyRotationStatus", "ListGrants", "ListKeyPolicies", "ListKeyRotations", "ListResourceTags",
        "PutKeyPolicy", "EnableKey", "DisableKey", "EnableKeyRotation", "DisableKeyRotation", "RotateKeyOnDemand", "RevokeGrant",
        "ScheduleKeyDeletion", "CancelKeyDeletion", "TagResource", "UntagResource", "UpdateKeyDescription", "CreateAlias", "DeleteAlias",
        "UpdateAlias",
    )
]  # fmt: skip
_READ, _WRITE = "kms:Decrypt", "kms:GenerateDataKey"
_TABLE = [_READ, _WRITE, "kms:Encrypt", "kms:ReEncryptFrom", "kms:ReEncryptTo"]

Conditions = dict[str, dict[str, object]]


def administration() -> iam.PolicyDocument:
    """What the account's administrators may do by their own policies. None of it encrypts or decrypts."""
    return iam.PolicyDocument(statements=[_statement("Administer", _ADMINISTER, {})])


def uses(perimeter: Perimeter, operators: Sequence[str]) -> Iterator[iam.PolicyStatement]:
    """Statements for the roles that use the key. ``operators``: ARNs of further roles that may read queues, whose messages are ids."""
    region, account = perimeter.region, perimeter.account

    def through(service: str) -> str:
        return f"{service}.{region}.amazonaws.com"

    def of_tables(*tables: str) -> dict[str, object]:
        return {"kms:ViaService": through("dynamodb"), "kms:EncryptionContext:aws:dynamodb:tableName": list(tables)}

    data, audit = names.DATA_TABLE, names.AUDIT_TABLE
    documents = names.bucket_arn("documents", account, region)
    of_documents: Conditions = {
        "StringEquals": {"kms:ViaService": through("s3")},
        "ArnLike": {"kms:EncryptionContext:aws:s3:arn": [documents, f"{documents}/*"]},
    }
    secrets: Conditions = {
        "StringEquals": {"kms:EncryptionContext:tenant_id": TENANT},
        "ForAllValues:StringEquals": {"kms:EncryptionContextKeys": "tenant_id"},
    }
    yield _for("TenantsItems", perimeter.tenant_roles(), _TABLE, {"StringEquals": of_tables(data, audit)})
    files = [*perimeter.tenant_roles(Grant.TENANT_FILES), perimeter.role(MALWARE_SCAN)]
    yield _for("TenantsFiles", files, [_READ, _WRITE], of_documents)
    yield _for("TenantsSecrets", perimeter.tenant_roles(Grant.TENANT_SECRETS), [_READ, _WRITE], secrets)
    yield _for("BreakGlassItems", [perimeter.break_glass], [_READ], {"StringEquals": of_tables(data, audit)})
    yield _for("BreakGlassFiles", [perimeter.break_glass], [_READ], of_documents)
    yield _for("Records", perimeter.of_operations, _TABLE, {"StringEquals": of_tables(names.OPERATIONS_TABLE)})
    for sid, table in (("Stream", data), ("AuditStream", audit)):
        yield _for(sid, perimeter.of_stream(table), [_READ], {"StringEquals": of_tables(table)})
    own = [perimeter.role("*"), *operators]
    queues: Conditions = {
        "StringEquals": {"kms:ViaService": through("sqs")},
        "ArnLike": {
            "kms:EncryptionContext:aws:sqs:arn": names.queue_arn(account, region, f"{names.PREFIX}-*"),
            "aws:PrincipalArn": own,
        },
    }
    yield _statement("Queues", [_READ, _WRITE], queues)
    deployment = names.deployment_role_arn(account, region)
    tables: Conditions = {
        "StringEquals": of_tables(data, audit, names.OPERATIONS_TABLE),
        "ArnLike": {"aws:PrincipalArn": deployment},
    }
    yield _statement("MakingTables", _TABLE, tables)
    making: Conditions = {
        "StringEquals": {"kms:ViaService": [through("dynamodb"), through("aoss")]},
        "Bool": {"kms:GrantIsForAWSResource": "true"},
        "ArnLike": {"aws:PrincipalArn": [deployment, *_with(perimeter, Grant.COLLECTIONS)]},
    }
    yield _statement("GrantsOfServices", ["kms:CreateGrant"], making)
    if perimeter.maintainers:
        yield from _of_maintainers(perimeter)


def _of_maintainers(perimeter: Perimeter) -> Iterator[iam.PolicyStatement]:
    """Statements for the time of a migration or a restore, whose tables have other names."""
    by_hand: Conditions = {
        "StringEquals": {"kms:ViaService": f"dynamodb.{perimeter.region}.amazonaws.com"},
        "ArnLike": {"aws:PrincipalArn": list(perimeter.maintainers)},
    }
    of_ours = {"kms:EncryptionContext:aws:dynamodb:tableName": f"{names.PREFIX}-*"}
    yield _statement("Maintenance", _TABLE, {**by_hand, "StringLike": of_ours})
    yield _statement("Restoring", ["kms:CreateGrant"], {**by_hand, "Bool": {"kms:GrantIsForAWSResource": "true"}})


def _with(perimeter: Perimeter, grant: Grant) -> list[str]:
    return [perimeter.role(each.spec.name) for each in perimeter.functions if grant in each.spec.grants]


def _for(sid: str, roles: Sequence[str], actions: Sequence[str], conditions: Conditions) -> iam.PolicyStatement:
    named = {**conditions.get("StringEquals", {}), "aws:PrincipalArn": list(roles)}
    return _statement(sid, actions, {**conditions, "StringEquals": named})


def _statement(sid: str, actions: Sequence[str], conditions: Mapping[str, object]) -> iam.PolicyStatement:
    return iam.PolicyStatement(
        sid=sid,
        principals=[iam.AccountRootPrincipal()],
        actions=list(actions),
        resources=["*"],
        conditions=dict(conditions),
    )
