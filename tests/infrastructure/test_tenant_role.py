"""TenantAccess, evaluated by IAM's rules: a session with a tenant's tag has access to that tenant only, and a
session without a tag to nothing. All roles of the kind are looked at together, which is more than any session has
(``test_tenant_roles.py``: what each reaches, and who may assume it). KMS keys have a table of their own
(``test_tenant_role_keys.py``)."""

from __future__ import annotations

import pytest

from tests.infrastructure.policies import Context, Statement, allows, tenant_access
from tests.infrastructure.synthesized import ACCOUNT, REGIONS, Assembly

OWN, FOREIGN = "t000000000001", "t000000000002"
TABLE = "arn:aws:dynamodb:{region}:123456789012:table/docplatform-{what}"
DOCUMENTS = "arn:aws:s3:::docplatform-documents-123456789012-{region}"

Policy = list[Statement]


@pytest.fixture(params=REGIONS)
def region(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def tenant(production: Assembly, region: str) -> Policy:
    return tenant_access(production.stack("data", region))


def _as_own(**more: str | list[str]) -> Context:
    return {"aws:PrincipalTag/tenant_id": OWN, **{name.replace("__", ":"): value for name, value in more.items()}}


def _keys(*keys: str) -> Context:
    return _as_own(dynamodb__LeadingKeys=list(keys))


ITEMS = ("GetItem", "BatchGetItem", "Query", "PutItem", "UpdateItem", "DeleteItem", "ConditionCheckItem")


@pytest.mark.parametrize("action", ITEMS)
def test_items_whose_key_begins_with_the_tenant(tenant: Policy, region: str, action: str) -> None:
    for table in (TABLE.format(region=region, what="data"), TABLE.format(region=region, what="data") + "/index/gsi1"):
        assert allows(tenant, f"dynamodb:{action}", table, _keys(f"{OWN}#doc#1", f"{OWN}#doc#2"))
        for foreign in (f"{FOREIGN}#doc#1", f"{OWN}x#doc#1", OWN, "", "#", f"x{OWN}#doc#1"):
            assert not allows(tenant, f"dynamodb:{action}", table, _keys(foreign))
            assert not allows(tenant, f"dynamodb:{action}", table, _keys(f"{OWN}#doc#1", foreign))
        assert not allows(tenant, f"dynamodb:{action}", table, _as_own()), "a request that names no key"
        assert not allows(tenant, f"dynamodb:{action}", table, {"dynamodb:LeadingKeys": [f"{OWN}#doc#1"]}), "no tag"


def test_nothing_that_reads_a_table_without_naming_keys(tenant: Policy, region: str) -> None:
    for what in ("data", "audit", "registry"):
        table = TABLE.format(region=region, what=what)
        for action in (
            "Scan",
            "PartiQLSelect",
            "PartiQLInsert",
            "ExportTableToPointInTime",
            "DescribeStream",
            "GetRecords",
        ):
            for context in (_as_own(), _keys(f"{OWN}#x")):
                assert not allows(tenant, f"dynamodb:{action}", table, context)
                assert not allows(tenant, f"dynamodb:{action}", f"{table}/stream/1", context)


def test_audit_records_are_added_and_read_and_never_changed(tenant: Policy, region: str) -> None:
    audit = TABLE.format(region=region, what="audit")
    for action in ("PutItem", "GetItem", "Query"):
        assert allows(tenant, f"dynamodb:{action}", audit, _keys(f"{OWN}#2026-01-01"))
        assert not allows(tenant, f"dynamodb:{action}", audit, _keys(f"{FOREIGN}#2026-01-01"))
    for action in ("UpdateItem", "DeleteItem", "BatchWriteItem"):
        assert not allows(tenant, f"dynamodb:{action}", audit, _keys(f"{OWN}#2026-01-01"))


def test_another_regions_tables_and_files_are_out_of_reach(tenant: Policy, region: str) -> None:
    for other in set(REGIONS) - {region}:
        table = TABLE.format(region=other, what="data")
        assert not allows(tenant, "dynamodb:GetItem", table, _keys(f"{OWN}#doc#1"))
        file = DOCUMENTS.format(region=other) + f"/tenants/{OWN}/documents/1/2/original"
        assert not allows(tenant, "s3:GetObject", file, _as_own())


def test_files_under_the_tenants_prefix(tenant: Policy, region: str) -> None:
    bucket = DOCUMENTS.format(region=region)
    for action in (
        "GetObject",
        "GetObjectVersion",
        "PutObject",
        "DeleteObject",
        "DeleteObjectVersion",
        "GetObjectVersionTagging",
    ):
        for part in ("tenants", "derived"):
            assert allows(tenant, f"s3:{action}", f"{bucket}/{part}/{OWN}/documents/1/2/original", _as_own())
            for foreign in (f"{part}/{FOREIGN}/x", f"{part}/{OWN}x/x", f"{part}/{OWN}", "x", f"{OWN}/x"):
                assert not allows(tenant, f"s3:{action}", f"{bucket}/{foreign}", _as_own())
            assert not allows(tenant, f"s3:{action}", f"{bucket}/{part}/{OWN}/x", {})


def test_the_scanners_verdict_and_the_audit_archive_cannot_be_written(tenant: Policy, region: str) -> None:
    own = DOCUMENTS.format(region=region) + f"/tenants/{OWN}/documents/1/2/original"
    for action in ("PutObjectTagging", "PutObjectVersionTagging", "DeleteObjectTagging", "PutObjectAcl"):
        assert not allows(tenant, f"s3:{action}", own, _as_own())
    archive = f"arn:aws:s3:::docplatform-audit-{ACCOUNT}-{region}/tenants/{OWN}/x"
    for action in ("GetObject", "PutObject", "DeleteObjectVersion", "BypassGovernanceRetention", "PutObjectRetention"):
        assert not allows(tenant, f"s3:{action}", archive, _as_own())


def test_listings_of_the_tenants_prefix_only(tenant: Policy, region: str) -> None:
    bucket = DOCUMENTS.format(region=region)
    for action in ("ListBucket", "ListBucketVersions"):
        for prefix in (f"tenants/{OWN}/documents/", f"derived/{OWN}/documents/"):
            assert allows(tenant, f"s3:{action}", bucket, _as_own(s3__prefix=prefix))
        for prefix in ("", "tenants/", f"tenants/{OWN}", f"tenants/{FOREIGN}/", "derived/", f"derived/{FOREIGN}/"):
            assert not allows(tenant, f"s3:{action}", bucket, _as_own(s3__prefix=prefix))
        assert not allows(tenant, f"s3:{action}", bucket, _as_own())


def test_the_collection_whose_tag_is_the_tenants_only(tenant: Policy, region: str) -> None:
    collection = f"arn:aws:aoss:{region}:{ACCOUNT}:collection/abc"
    assert allows(tenant, "aoss:APIAccessAll", collection, {**_as_own(), "aws:ResourceTag/tenant_id": OWN})
    for tags in ({}, {"aws:ResourceTag/tenant_id": FOREIGN}, {"aws:ResourceTag/tenant_id": ""}):
        assert not allows(tenant, "aoss:APIAccessAll", collection, {**_as_own(), **tags})
    assert not allows(tenant, "aoss:APIAccessAll", collection, {"aws:ResourceTag/tenant_id": OWN}), "without a tag"
    for action in ("CreateCollection", "DeleteCollection", "TagResource", "UntagResource", "UpdateAccessPolicy"):
        assert not allows(tenant, f"aoss:{action}", collection, {**_as_own(), "aws:ResourceTag/tenant_id": OWN})


def test_nothing_else_at_all(tenant: Policy) -> None:
    services = {action.partition(":")[0] for each in tenant for action in each.actions}
    assert services == {"dynamodb", "s3", "kms", "aoss"}
    assert not any("*" in action for each in tenant for action in each.actions)
    for action in ("sts:AssumeRole", "sts:TagSession", "iam:PassRole", "kms:ScheduleKeyDeletion", "kms:CreateGrant"):
        assert not allows(tenant, action, "*", _as_own())
