"""Keys, tables and buckets themselves refuse everybody who is not named, whatever that caller's own policies allow; and they refuse no
role of the product what it needs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.infrastructure.conftest import PRODUCTION, synthesize
from tests.infrastructure.policies import Context, Statement, allows, denies, roles, statements, trusts
from tests.infrastructure.synthesized import ACCOUNT, HOME, REGIONS, Assembly, Json, Stack

OWN, FOREIGN = "t000000000001", "t000000000002"
QUEUE = "arn:aws:sqs:{region}:123456789012:docplatform-processing-standard"
STRANGERS = ("Admin", "DatabaseAdministrator", "docplatform", "docplatform-x", "AWSReservedSSO_AdministratorAccess_1")
ADMINISTRATION = ("DescribeKey", "PutKeyPolicy", "ScheduleKeyDeletion", "DisableKey", "EnableKeyRotation")
USES = (
    "Decrypt",
    "GenerateDataKey",
    "Encrypt",
    "ReEncryptFrom",
    "ReEncryptTo",
    "GenerateDataKeyWithoutPlaintext",
    "CreateGrant",
)

Policy = list[Statement]


@pytest.fixture(params=REGIONS)
def region(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def data(production: Assembly, region: str) -> Stack:
    return production.stack("data", region)


def _caller(role: str, region: str) -> dict[str, str]:
    name = role if role in STRANGERS else f"docplatform-{role}-{region}"
    return {"aws:PrincipalArn": f"arn:aws:iam::{ACCOUNT}:role/{name}"}


def _root() -> dict[str, str]:
    return {"aws:PrincipalArn": f"arn:aws:iam::{ACCOUNT}:root"}


def _key_policy(data: Stack) -> Policy:
    """What the key's policy says to principals of the account."""
    document = data.of("AWS::KMS::Key")[data.key("alias/docplatform-data")]["KeyPolicy"]
    own = [each for each in document["Statement"] if "Service" not in each["Principal"]]
    assert {each["Principal"]["AWS"].rpartition(":")[2] for each in own} == {"root"}
    return statements({"Statement": own})


def _uses(region: str) -> dict[str, dict[str, str]]:
    """The ways in which data is encrypted: what KMS learns of a request."""
    database, storage, queues = (f"{each}.{region}.amazonaws.com" for each in ("dynamodb", "s3", "sqs"))
    documents = f"arn:aws:s3:::docplatform-documents-{ACCOUNT}-{region}"
    of_table = "kms:EncryptionContext:aws:dynamodb:tableName"
    return {
        **{
            f"{what} table": {"kms:ViaService": database, of_table: f"docplatform-{what}"}
            for what in ("data", "audit", "operations", "registry", "restored")
        },
        "documents": {"kms:ViaService": storage, "kms:EncryptionContext:aws:s3:arn": documents},
        "audit bucket": {
            "kms:ViaService": storage,
            "kms:EncryptionContext:aws:s3:arn": documents.replace("documents", "audit"),
        },
        "a queue": {"kms:ViaService": queues, "kms:EncryptionContext:aws:sqs:arn": QUEUE.format(region=region)},
        "a secret": {"kms:EncryptionContext:tenant_id": OWN, "kms:EncryptionContextKeys": "tenant_id"},
        "by hand": {},
        "any service": {"kms:ViaService": f"lambda.{region}.amazonaws.com", "kms:GrantIsForAWSResource": "true"},
    }


@pytest.mark.parametrize("action", USES)
def test_whoever_has_every_permission_of_iam_uses_the_data_key_for_nothing(
    data: Stack, region: str, action: str
) -> None:
    policy = _key_policy(data)
    for caller in (*(_caller(each, region) for each in STRANGERS), _root()):
        for use, given in _uses(region).items():
            for tags in ({}, {"aws:PrincipalTag/tenant_id": OWN}):
                assert not allows(policy, f"kms:{action}", "*", {**caller, **given, **tags}), f"{caller}: {use}"


def test_administrators_keep_the_key_and_do_not_use_it(data: Stack, region: str) -> None:
    policy = _key_policy(data)
    for action in ADMINISTRATION:
        assert allows(policy, f"kms:{action}", "*", _caller("Admin", region))
    administration = next(each for each in policy if "kms:PutKeyPolicy" in each.actions)
    assert not {f"kms:{each}" for each in USES} & set(administration.actions)
    assert not any("*" in action for each in policy for action in each.actions)


def _own_roles(production: Assembly, region: str) -> Iterator[tuple[str, Policy]]:
    for stack in production.region(region):
        yield from roles(stack)


def test_no_role_of_the_product_is_refused_what_it_needs_of_the_key_or_has_more(
    production: Assembly, data: Stack, region: str
) -> None:
    """Both policies must allow: where a role's own policy allows, so does the key's; and no role is named for a use that its own
    policy does not have. Queues are open to all of the product's roles: their messages are ids."""
    policy, key = _key_policy(data), f"<{data.key('alias/docplatform-data')}.Arn>"
    seen = set()
    for name, own in _own_roles(production, region):
        role = name.removeprefix("docplatform-").removesuffix(f"-{region}")
        for use, given in _uses(region).items():
            context: Context = {**_caller(role, region), **given, "aws:PrincipalTag/tenant_id": OWN}
            for action in USES[:5]:
                needed = allows(own, f"kms:{action}", key, context)
                allowed = allows(policy, f"kms:{action}", "*", context)
                assert allowed if needed else (not allowed or use == "a queue"), f"{role}: {action} of {use}"
                seen |= {(role, use)} if needed else set()
    assert {
        ("tenant-access", "data table"),
        ("tenant-access-files", "documents"),
        ("tenant-access-secrets", "a secret"),
        ("malware-scan", "documents"),
        ("processing-start", "operations table"),
        ("index-sync", "data table"),
        ("ingestion-dispatch", "a queue"),
        ("break-glass", "documents"),
    } <= seen


@pytest.mark.parametrize(
    "role", ["tenant-access", "tenant-access-files", "tenant-access-secrets", "tenant-access-search"]
)
def test_a_secret_is_opened_by_the_role_for_secrets_in_its_tenants_context(data: Stack, region: str, role: str) -> None:
    policy = _key_policy(data)
    for tenant in (OWN, FOREIGN):
        context: Context = {
            **_caller(role, region),
            "aws:PrincipalTag/tenant_id": tenant,
            "kms:EncryptionContext:tenant_id": OWN,
        }
        due = role == "tenant-access-secrets" and tenant == OWN
        assert allows(policy, "kms:Decrypt", "*", context) == due
        disguised = {**context, "kms:EncryptionContextKeys": ["tenant_id", "TENANT_ID"]}
        assert not allows(policy, "kms:Decrypt", "*", disguised)


def test_making_tables_and_collections_is_for_the_deployment_and_for_onboarding(data: Stack, region: str) -> None:
    policy = _key_policy(data)
    deployment = f"arn:aws:iam::{ACCOUNT}:role/cdk-hnb659fds-cfn-exec-role-{ACCOUNT}-{region}"
    for caller, due in (
        ({"aws:PrincipalArn": deployment}, True),
        (_caller("tenants", region), True),
        (_caller("documents", region), False),
        (_caller("Admin", region), False),
    ):
        service = {"kms:ViaService": f"aoss.{region}.amazonaws.com"}
        for_it = {"kms:GrantIsForAWSResource": "true"}
        assert allows(policy, "kms:CreateGrant", "*", {**caller, **service, **for_it}) == due
        assert not allows(policy, "kms:CreateGrant", "*", {**caller, **service, "kms:GrantIsForAWSResource": "false"})
        assert not allows(policy, "kms:CreateGrant", "*", caller)


# -- tables
ITEM_ACTIONS = (
    "GetItem", "BatchGetItem", "Query", "Scan", "PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem", "ConditionCheckItem",
    "PartiQLSelect", "PartiQLInsert", "PartiQLUpdate", "PartiQLDelete", "ExportTableToPointInTime",
)  # fmt: skip
OF_TABLE = {
    "data": {"tenant-access", "tenant-access-files", "tenant-access-secrets", "break-glass"},
    "audit": {"tenant-access", "tenant-access-search", "break-glass"},
    "operations": {"job-tick", "processing-start", "operations-sweep"},
}
"""Some of the roles that a table lets in. The others are tried by their own policies."""


def _replica(data: Stack, table: str) -> Json:
    (only,) = data.one("AWS::DynamoDB::GlobalTable", TableName=f"docplatform-{table}")["Replicas"]
    return dict(only)


@pytest.mark.parametrize("table", OF_TABLE)
def test_a_table_refuses_everybody_but_the_roles_that_need_it(
    production: Assembly, data: Stack, region: str, table: str
) -> None:
    policy = statements(_replica(data, table)["ResourcePolicy"]["PolicyDocument"])
    arn = f"arn:aws:dynamodb:{region}:{ACCOUNT}:table/docplatform-{table}"
    tagged: Context = {"aws:PrincipalTag/tenant_id": OWN, "dynamodb:LeadingKeys": [f"{OWN}#x"]}
    for resource in (arn, f"{arn}/index/gsi1"):
        for action in ITEM_ACTIONS:
            for caller in (*(_caller(each, region) for each in STRANGERS), _root(), {}):
                assert denies(policy, f"dynamodb:{action}", resource, caller), f"{caller}: {action}"
            for role in OF_TABLE[table]:
                assert not denies(policy, f"dynamodb:{action}", resource, _caller(role, region)), role
    for name, own in _own_roles(production, region):
        role = name.removeprefix("docplatform-").removesuffix(f"-{region}")
        for action in ITEM_ACTIONS:
            contexts = (tagged, {"dynamodb:LeadingKeys": ["job#x"]}, {"dynamodb:LeadingKeys": ["operation#x"]})
            if any(allows(own, f"dynamodb:{action}", arn, each) for each in contexts):
                assert not denies(policy, f"dynamodb:{action}", arn, _caller(role, region)), f"{role}: {action}"


def test_the_stream_opens_to_its_followers(data: Stack, region: str) -> None:
    stream = f"arn:aws:dynamodb:{region}:{ACCOUNT}:table/docplatform-data/stream/2026"
    policy = statements(_replica(data, "data")["ReplicaStreamSpecification"]["ResourcePolicy"]["PolicyDocument"])
    for action in ("DescribeStream", "GetRecords", "GetShardIterator"):
        for role in ("index-sync", "live-ends"):
            assert not denies(policy, f"dynamodb:{action}", stream, _caller(role, region))
        for role in (*STRANGERS, "documents", "tenant-access"):
            assert denies(policy, f"dynamodb:{action}", stream, _caller(role, region)), role


# -- buckets
OBJECT_ACTIONS = (
    "GetObject", "GetObjectVersion", "GetObjectTagging", "GetObjectAttributes", "PutObject", "PutObjectTagging", "DeleteObject",
    "DeleteObjectVersion", "RestoreObject", "ListBucket", "ListBucketVersions", "ListBucketMultipartUploads",
)  # fmt: skip
OF_BUCKET = {
    "documents": {"tenant-access-files", "tenant-access-files-search", "malware-scan", "break-glass"},
    "audit": {"break-glass"},
}


@pytest.mark.parametrize("bucket", OF_BUCKET)
def test_a_bucket_refuses_everybody_but_the_roles_that_need_it(data: Stack, region: str, bucket: str) -> None:
    name = f"docplatform-{bucket}-{ACCOUNT}-{region}"
    (logical_id,) = [each for each, facts in data.of("AWS::S3::Bucket").items() if facts["BucketName"] == name]
    (document,) = [
        each["PolicyDocument"]
        for each in data.of("AWS::S3::BucketPolicy").values()
        if each["Bucket"] == f"<{logical_id}>"
    ]
    policy = [
        each
        for each in statements(document)
        if "aws:SecureTransport" not in str(each) and "TlsVersion" not in str(each)
    ]
    for resource in (f"arn:aws:s3:::{name}", f"arn:aws:s3:::{name}/tenants/{OWN}/documents/1/2/original"):
        for action in OBJECT_ACTIONS:
            for caller in (*(_caller(each, region) for each in STRANGERS), _root(), {}):
                assert denies(policy, f"s3:{action}", resource, caller), f"{caller}: {action}"
            for role in ("documents", "tenant-access", "file-opener"):
                assert denies(policy, f"s3:{action}", resource, _caller(role, region)), role
            for role in OF_BUCKET[bucket]:
                assert not denies(policy, f"s3:{action}", resource, _caller(role, region)), role


# -- break glass
ANN = f"arn:aws:iam::{ACCOUNT}:user/ann"
ALLOWED: Context = {
    "aws:MultiFactorAuthPresent": "true",
    "aws:RequestedRegion": HOME,
    "aws:RequestTag/tenant_id": OWN,
    "aws:TagKeys": ["tenant_id"],
    "sts:RoleSessionName": "incident-4711",
}


def _break_glass(stack: Stack) -> Json:
    region = stack.name.removeprefix("docplatform-data-")
    return stack.one("AWS::IAM::Role", RoleName=f"docplatform-break-glass-{region}")


def test_nobody_breaks_the_glass_by_default(data: Stack) -> None:
    trust = _break_glass(data)["AssumeRolePolicyDocument"]
    assert [each["Effect"] for each in trust["Statement"]] == ["Deny"]


@pytest.fixture(scope="module")
def staffed(tmp_path_factory: pytest.TempPathFactory, layers_of_nothing: Any) -> Stack:
    settings = PRODUCTION | {"break_glass": [ANN]}
    return synthesize(tmp_path_factory.mktemp("staffed"), settings, layers_of_nothing, HOME).stack("data", HOME)


def test_who_is_named_breaks_it_with_a_second_factor_for_one_tenant_and_an_incident(staffed: Stack) -> None:
    trust = _break_glass(staffed)["AssumeRolePolicyDocument"]
    (statement,) = trust["Statement"]
    assert statement["Principal"] == {"AWS": ANN}
    for action in ("sts:AssumeRole", "sts:TagSession"):
        assert trusts(trust, action, ALLOWED)
        for key, other in (
            ("aws:MultiFactorAuthPresent", "false"),
            ("aws:RequestedRegion", "eu-central-1"),
            ("aws:RequestTag/tenant_id", "*"),
            ("sts:RoleSessionName", "ann"),
            ("aws:TagKeys", ["tenant_id", "x"]),
        ):
            assert not trusts(trust, action, {**ALLOWED, key: other}), key
            if key != "aws:TagKeys":
                assert not trusts(trust, action, {name: value for name, value in ALLOWED.items() if name != key}), key


def test_it_reads_one_tenants_items_and_files_and_writes_nothing(
    production: Assembly, data: Stack, region: str
) -> None:
    policy = dict(roles(data))[f"docplatform-break-glass-{region}"]
    table = f"arn:aws:dynamodb:{region}:{ACCOUNT}:table/docplatform-data"
    file = f"arn:aws:s3:::docplatform-documents-{ACCOUNT}-{region}/tenants/{{}}/documents/1/2/original"
    for tenant in (OWN, FOREIGN):
        keys: Context = {"aws:PrincipalTag/tenant_id": OWN, "dynamodb:LeadingKeys": [f"{tenant}#doc#1"]}
        assert allows(policy, "dynamodb:GetItem", table, keys) == (tenant == OWN)
        assert allows(policy, "s3:GetObject", file.format(tenant), keys) == (tenant == OWN)
    actions = {action.partition(":")[2] for each in policy for action in each.actions}
    reading = {
        "GetItem",
        "BatchGetItem",
        "Query",
        "GetObject",
        "GetObjectVersion",
        "ListBucket",
        "ListBucketVersions",
        "Decrypt",
    }
    assert actions == reading


def test_maintainers_restore_and_change_tables_and_open_no_file_and_no_secret(
    tmp_path: Path, layers_of_nothing: Any
) -> None:
    stack = synthesize(tmp_path, PRODUCTION | {"maintainers": [ANN]}, layers_of_nothing, HOME).stack("data", HOME)
    caller, policy = {"aws:PrincipalArn": ANN}, _key_policy(stack)
    may = {use for use, given in _uses(HOME).items() if allows(policy, "kms:Decrypt", "*", {**caller, **given})}
    assert may == {f"{what} table" for what in ("data", "audit", "operations", "registry", "restored")}
    for table in OF_TABLE:
        items = statements(_replica(stack, table)["ResourcePolicy"]["PolicyDocument"])
        arn = f"arn:aws:dynamodb:{HOME}:{ACCOUNT}:table/docplatform-{table}"
        assert not denies(items, "dynamodb:PutItem", arn, caller)
        assert denies(items, "dynamodb:PutItem", arn, _caller("Admin", HOME))


@pytest.mark.parametrize("someone", ["*", "arn:aws:iam::123456789012:root", "arn:aws:iam::123456789012:role/*", 5])
def test_a_pattern_is_nobody(tmp_path: Path, layers_of_nothing: Any, someone: object) -> None:
    for setting in ("break_glass", "maintainers", "queue_operators"):
        with pytest.raises(ValueError, match="without patterns"):
            synthesize(tmp_path / setting, PRODUCTION | {setting: [someone]}, layers_of_nothing, HOME)
