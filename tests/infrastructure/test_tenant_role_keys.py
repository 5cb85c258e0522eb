"""KMS permissions of TenantAccess: a table written by hand, because the npm evaluator of
``test_tenant_role_by_others.py`` knows no encryption-context keys. This folder's own evaluator and the local cloud
check it.

The encryption contexts of services: S3 gives the object, or the bucket with a bucket key
(docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html#encryption-context); DynamoDB gives table and
account (docs.aws.amazon.com/amazondynamodb/latest/developerguide/encryption.usagenotes.html).
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace

import pytest

from local.settings import CLOUD_PYTHON, ROOT
from tests.engines.npm import answers
from tests.infrastructure.policies import Statement, allows, document, tenant_access
from tests.infrastructure.synthesized import ACCOUNT, REGIONS, Assembly

OWN, FOREIGN = "t000000000001", "t000000000002"
HERE, ELSEWHERE = "HERE", "ELSEWHERE"  # the role's region, and another
DATA, TOKENS = f"{HERE} data", f"{HERE} tokens"
BUCKET = f"arn:aws:s3:::docplatform-documents-{ACCOUNT}-{HERE}"
S3, DYNAMODB = f"s3.{HERE}.amazonaws.com", f"dynamodb.{HERE}.amazonaws.com"


@dataclass(frozen=True)
class Row:
    allowed: bool
    action: str
    context: tuple[tuple[str, str], ...] = ()
    via: str = ""
    key: str = DATA
    tenant: str = OWN

    def at(self, region: str) -> Row:
        other = REGIONS[REGIONS.index(region) - 1]

        def there(text: str) -> str:
            return text.replace(ELSEWHERE, other).replace(HERE, region)

        context = tuple((name, there(value)) for name, value in self.context)
        return replace(self, context=context, via=there(self.via), key=there(self.key))

    @property
    def given(self) -> dict[str, str]:
        found = {f"kms:EncryptionContext:{name}": value for name, value in self.context}
        found |= {"kms:ViaService": self.via} if self.via else {}
        return found | ({"aws:PrincipalTag/tenant_id": self.tenant} if self.tenant else {})


def of(tenant: str, *more: tuple[str, str]) -> tuple[tuple[str, str], ...]:
    return (("tenant_id", tenant), *more)


def named(bucket: str) -> tuple[tuple[str, str], ...]:
    return (("aws:s3:arn", bucket),)


def table(name: str) -> tuple[tuple[str, str], ...]:
    return (("aws:dynamodb:tableName", name), ("aws:dynamodb:subscriberId", ACCOUNT))


ROWS = [
    # in the tenant's own context
    Row(True, "GenerateDataKey", of(OWN)),
    Row(True, "Decrypt", of(OWN)),
    Row(True, "Decrypt", of(OWN, ("what", "totp"))),
    Row(True, "Decrypt", of(FOREIGN), tenant=FOREIGN),
    Row(False, "Encrypt", of(OWN)),
    Row(False, "ReEncryptFrom", of(OWN)),
    Row(False, "ReEncryptTo", of(OWN)),
    Row(False, "GenerateDataKeyWithoutPlaintext", of(OWN)),
    Row(False, "GenerateDataKeyPair", of(OWN)),
    Row(False, "CreateGrant", of(OWN)),
    Row(False, "PutKeyPolicy"),
    Row(False, "ScheduleKeyDeletion"),
    Row(False, "DisableKey"),
    # in another's, in one that looks like it, or in none
    Row(False, "GenerateDataKey", of(FOREIGN)),
    Row(False, "Decrypt", of(FOREIGN)),
    Row(False, "Decrypt", of(OWN + "x")),
    Row(False, "Decrypt", of(OWN[:-1])),
    Row(False, "Decrypt", of("x" + OWN)),
    Row(False, "Decrypt", of(OWN.upper())),
    Row(False, "Decrypt", of("*")),
    Row(False, "Decrypt", of("")),
    Row(False, "Decrypt", (("tenant", OWN),)),
    Row(False, "Decrypt"),
    Row(False, "GenerateDataKey"),
    # a session without the tag
    Row(False, "Decrypt", of(OWN), tenant=""),
    Row(False, "Decrypt", of(""), tenant=""),
    Row(False, "Decrypt", of("${aws:PrincipalTag/tenant_id}"), tenant=""),
    # other keys
    Row(False, "Decrypt", of(OWN), key=f"{ELSEWHERE} data"),
    Row(False, "Decrypt", of(OWN), key=TOKENS),
    Row(False, "Sign", key=TOKENS),
    Row(False, "GetPublicKey", key=TOKENS),
    # what S3 does for the caller: of the documents' bucket (whose object it may be, S3's own policy says)
    Row(True, "GenerateDataKey", named(BUCKET), S3),
    Row(True, "Decrypt", named(BUCKET), S3),
    Row(True, "Decrypt", named(f"{BUCKET}/tenants/{OWN}/documents/1/2/original"), S3),
    Row(False, "Encrypt", named(BUCKET), S3),
    Row(False, "Decrypt", named(BUCKET.replace("documents", "audit")), S3),
    Row(False, "Decrypt", named(BUCKET + "-copy"), S3),
    Row(False, "Decrypt", named(BUCKET.replace(HERE, ELSEWHERE)), S3),
    Row(False, "Decrypt", named(BUCKET), S3.replace(HERE, ELSEWHERE)),
    Row(False, "Decrypt", named(BUCKET)),
    Row(False, "Decrypt", (), S3),
    # what DynamoDB does for the caller
    *(Row(True, each, table("docplatform-data"), DYNAMODB) for each in ("Encrypt", "ReEncryptFrom", "ReEncryptTo")),
    Row(True, "GenerateDataKey", table("docplatform-data"), DYNAMODB),
    Row(True, "Decrypt", table("docplatform-audit"), DYNAMODB),
    Row(False, "CreateGrant", table("docplatform-data"), DYNAMODB),
    Row(False, "Decrypt", table("docplatform-registry"), DYNAMODB),
    Row(False, "Decrypt", table("docplatform-data2"), DYNAMODB),
    Row(False, "Decrypt", table("docplatform-data")),
    Row(False, "Decrypt", table("docplatform-data"), S3),
    Row(False, "Decrypt", table("docplatform-data"), f"sqs.{HERE}.amazonaws.com"),
    Row(False, "Decrypt", (("aws:sqs:arn", "any"),), f"sqs.{HERE}.amazonaws.com"),
]


# -- judges
Policy = list[Statement]


@pytest.fixture(scope="module")
def policies(production: Assembly) -> dict[str, Policy]:
    """The role's statements by region, with keys named as in the table."""
    found = {}
    for region in REGIONS:
        stack = production.stack("data", region)
        policy = tenant_access(stack)
        key = f"<{stack.key('alias/docplatform-data')}.Arn>"
        found[region] = [
            replace(each, resources=tuple(_arn(f"{region} data") if one == key else one for one in each.resources))
            for each in policy
        ]
    return found


def _arn(key: str) -> str:
    region, _, name = key.partition(" ")
    return f"arn:aws:kms:{region}:{ACCOUNT}:key/{name}"


def by_ours(policy: Policy, rows: list[Row], region: str) -> list[bool]:
    return [allows(policy, f"kms:{row.action}", _arn(row.key), row.given) for row in rows]


def by_the_local_cloud(policy: Policy, rows: list[Row], region: str) -> list[bool]:
    principal = f"arn:aws:sts::{ACCOUNT}:assumed-role/docplatform-tenant-access-{region}/session"
    asked = [
        {"principal": principal, "region": region, "action": f"kms:{row.action}", "resource": _arn(row.key)}
        | {"context": row.given}
        for row in rows
    ]
    command = ["env", f"PYTHONPATH={ROOT}", str(CLOUD_PYTHON), str(ROOT / "tests/engines/iam/emulator.py")]
    return [each == "Allow" for each in answers(command, [document(policy), *asked], folder=ROOT)]


Judge = Callable[[Policy, list[Row], str], list[bool]]
JUDGES = [by_ours, by_the_local_cloud]


@pytest.mark.parametrize("judge", JUDGES)
@pytest.mark.parametrize("region", REGIONS)
def test_the_table_is_what_every_judge_says(judge: Judge, region: str, policies: dict[str, Policy]) -> None:
    rows = [row.at(region) for row in ROWS]
    told = judge(policies[region], rows, region)
    assert not [row for row, allowed in zip(rows, told, strict=True) if allowed != row.allowed]


# -- and the table would notice
OF_THE_TENANT = '"StringEquals": {"kms:EncryptionContext:tenant_id": "${aws:PrincipalTag/tenant_id}"}'
LOOSE = {
    "any context": (OF_THE_TENANT, '"StringLike": {"kms:EncryptionContext:tenant_id": "*"}'),
    "a context that begins like the tenant": (
        OF_THE_TENANT,
        OF_THE_TENANT.replace("Equals", "Like").replace("_id}", "_id}*"),
    ),
    "any region's documents": (f"docplatform-documents-{ACCOUNT}-us-east-1", f"docplatform-documents-{ACCOUNT}-*"),
    "any bucket": (f"docplatform-documents-{ACCOUNT}", "*"),
    "one more table": ('"docplatform-audit"', '"docplatform-audit", "docplatform-registry"'),
    "without S3": ('"kms:ViaService": "s3.us-east-1.amazonaws.com"', f'"aws:PrincipalTag/tenant_id": "{OWN}"'),
    "without DynamoDB": (
        '"kms:ViaService": "dynamodb.us-east-1.amazonaws.com"',
        f'"aws:PrincipalTag/tenant_id": "{OWN}"',
    ),
}


@pytest.mark.parametrize("judge", JUDGES)
@pytest.mark.parametrize("hole", LOOSE)
def test_a_hole_in_the_policy_is_found(judge: Judge, hole: str, policies: dict[str, Policy]) -> None:
    old, new = LOOSE[hole]
    changed = [
        replace(each, conditions=json.loads(json.dumps(dict(each.conditions)).replace(old, new)))
        for each in policies["us-east-1"]
    ]
    assert changed != policies["us-east-1"]
    rows = [row.at("us-east-1") for row in ROWS]
    told = judge(changed, rows, "us-east-1")
    assert [row for row, allowed in zip(rows, told, strict=True) if allowed and not row.allowed]
