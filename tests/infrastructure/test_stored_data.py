"""Stored tenant data: encrypted with the region's key, recoverable, not public, and protected from deletion by
accident."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from docplatform.library.adapters import s3
from tests.infrastructure.conftest import PRODUCTION, synthesize
from tests.infrastructure.policies import roles
from tests.infrastructure.synthesized import HOME, REGIONS, Assembly, Json, Stack

YEARS_7 = 7 * 365 + 2


@pytest.fixture(params=REGIONS)
def data(request: pytest.FixtureRequest, production: Assembly) -> Stack:
    return production.stack("data", request.param)


def _replica(table: Json) -> Json:
    (only,) = table["Replicas"]
    return dict(only)


def test_tables_are_one_regions_own_encrypted_and_recoverable(data: Stack) -> None:
    tables = data.of("AWS::DynamoDB::GlobalTable")
    assert sorted(table["TableName"] for table in tables.values()) == [
        "docplatform-audit",
        "docplatform-data",
        "docplatform-operations",
    ]
    for table in tables.values():
        here = _replica(table)
        assert here["Region"] == data.name.removeprefix("docplatform-data-")
        assert table["SSESpecification"] == {"SSEEnabled": True, "SSEType": "KMS"}
        assert here["SSESpecification"]["KMSMasterKeyId"] == f"<{data.key('alias/docplatform-data')}.Arn>"
        assert here["PointInTimeRecoverySpecification"] == {
            "PointInTimeRecoveryEnabled": True,
            "RecoveryPeriodInDays": 35,
        }
        assert here["DeletionProtectionEnabled"] is True
        assert table["BillingMode"] == "PAY_PER_REQUEST"


def test_the_data_tables_indexes_and_stream_carry_keys_and_nothing_else(data: Stack) -> None:
    table = data.one("AWS::DynamoDB::GlobalTable", TableName="docplatform-data")
    assert table["StreamSpecification"]["StreamViewType"] == "KEYS_ONLY"
    assert table["TimeToLiveSpecification"] == {"AttributeName": "expires", "Enabled": True}
    indexes = {each["IndexName"]: each for each in table["GlobalSecondaryIndexes"]}
    assert sorted(indexes) == ["gsi1", "gsi2", "gsi3"]
    for name, index in indexes.items():
        assert [part["AttributeName"] for part in index["KeySchema"]] == [f"{name}pk", f"{name}sk"]
        assert index["Projection"] == {"ProjectionType": "KEYS_ONLY"}


def test_the_audit_tables_stream_has_what_a_record_was_and_is(data: Stack) -> None:
    table = data.one("AWS::DynamoDB::GlobalTable", TableName="docplatform-audit")
    assert table["StreamSpecification"]["StreamViewType"] == "NEW_AND_OLD_IMAGES"


def test_audit_records_do_not_expire(data: Stack) -> None:
    assert "TimeToLiveSpecification" not in data.one("AWS::DynamoDB::GlobalTable", TableName="docplatform-audit")


def test_no_bucket_is_public_or_takes_a_request_in_clear(data: Stack) -> None:
    closed = dict.fromkeys(("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"), True)
    buckets, policies = data.of("AWS::S3::Bucket"), data.of("AWS::S3::BucketPolicy")
    assert len(buckets) == 3
    for logical_id, bucket in buckets.items():
        assert bucket["PublicAccessBlockConfiguration"] == closed
        assert bucket["OwnershipControls"]["Rules"] == [{"ObjectOwnership": "BucketOwnerEnforced"}]
        assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}
        (policy,) = [each for each in policies.values() if each["Bucket"] == f"<{logical_id}>"]
        denied = [each["Condition"] for each in policy["PolicyDocument"]["Statement"] if each["Effect"] == "Deny"]
        assert {"Bool": {"aws:SecureTransport": "false"}} in denied
        assert {"NumericLessThan": {"s3:TlsVersion": 1.2}} in denied


def test_documents_and_audit_are_encrypted_with_the_data_key_and_their_readers_are_logged(data: Stack) -> None:
    region = data.name.removeprefix("docplatform-data-")
    for what in ("documents", "audit"):
        bucket = data.one("AWS::S3::Bucket", BucketName=f"docplatform-{what}-123456789012-{region}")
        (rule,) = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
        assert rule["ServerSideEncryptionByDefault"]["SSEAlgorithm"] == "aws:kms"
        assert data.key("alias/docplatform-data") in rule["ServerSideEncryptionByDefault"]["KMSMasterKeyID"]
        assert rule["BucketKeyEnabled"] is True
        assert bucket["LoggingConfiguration"]["LogFilePrefix"] == f"{what}/"


def test_uploads_are_announced_and_broken_ones_are_cleaned_up(data: Stack) -> None:
    (documents,) = [each for each in data.of("AWS::S3::Bucket").values() if "-documents-" in each["BucketName"]]
    assert documents["NotificationConfiguration"] == {"EventBridgeConfiguration": {"EventBridgeEnabled": True}}
    (rule,) = documents["LifecycleConfiguration"]["Rules"]
    assert rule["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 7}


def test_the_audit_archive_cannot_be_shortened_by_anybody_for_seven_years(data: Stack) -> None:
    (audit,) = [each for each in data.of("AWS::S3::Bucket").values() if "-audit-" in each["BucketName"]]
    assert audit["ObjectLockEnabled"] is True
    retention = audit["ObjectLockConfiguration"]["Rule"]["DefaultRetention"]
    assert retention == {"Mode": "COMPLIANCE", "Days": YEARS_7}


def test_the_data_key_rotates_and_the_token_key_only_signs(data: Stack) -> None:
    keys = data.of("AWS::KMS::Key")
    assert keys[data.key("alias/docplatform-data")]["EnableKeyRotation"] is True
    token = keys[data.key("alias/docplatform-token")]
    assert (token["KeySpec"], token["KeyUsage"]) == ("RSA_2048", "SIGN_VERIFY")


def test_the_cursor_key_only_makes_macs(data: Stack) -> None:
    cursors = data.of("AWS::KMS::Key")[data.key("alias/docplatform-cursors")]
    assert (cursors["KeySpec"], cursors["KeyUsage"]) == ("HMAC_256", "GENERATE_VERIFY_MAC")


def _signing_keys(data: Stack) -> list[str]:
    return [f"<{key}.Arn>" for key, facts in data.of("AWS::KMS::Key").items() if facts.get("KeyUsage") == "SIGN_VERIFY"]


def test_signing_keys_are_given_in_their_order_and_former_ones_to_nobody(
    tmp_path: Path, layers_of_nothing: Any
) -> None:
    keys = {"signing_keys": ["3", "2"], "former_signing_keys": ["1"]}
    made = synthesize(tmp_path, PRODUCTION | keys, layers_of_nothing, HOME)
    data, api = made.stack("data", HOME), made.stack("api", HOME)
    third, second, first = _signing_keys(data)
    assert third == f"<{data.key('alias/docplatform-token')}.Arn>"
    assert {first, second, third} <= set(data.exports().values())  # also the former: its export may be in use yet
    functions = api.of("AWS::Lambda::Function").values()
    used = {each["Environment"]["Variables"].get("TOKEN_KEY_ARNS") for each in functions}
    assert used == {None, f'["{third}","{second}"]'}
    for action in ("kms:Sign", "kms:GetPublicKey"):
        allowed = {
            resource
            for _, policy in roles(api)
            for statement in policy
            if action in statement.actions
            for resource in statement.resources
        }
        assert allowed == {third, second}


def test_a_key_keeps_its_identity_when_it_moves_in_the_list(tmp_path: Path, layers_of_nothing: Any) -> None:
    """Otherwise CloudFormation would make another key under the name of the old one."""
    found = []
    for number, keys in enumerate((["1"], ["1", "2"], ["2", "1"])):
        made = synthesize(tmp_path / str(number), PRODUCTION | {"signing_keys": keys}, layers_of_nothing, HOME)
        found.append(_signing_keys(made.stack("data", HOME)))
    assert found[0][0] == found[1][0] == found[2][1]
    assert found[1][1] == found[2][0]


def test_services_use_the_data_key_for_our_things_only(data: Stack) -> None:
    policy = data.of("AWS::KMS::Key")[data.key("alias/docplatform-data")]["KeyPolicy"]
    for statement in policy["Statement"]:
        if "Service" in statement["Principal"]:
            (context,) = [
                value
                for condition in statement["Condition"].values()
                for key, value in condition.items()
                if key.startswith("kms:EncryptionContext:")
            ]
            assert ":123456789012:" in context
        else:
            assert statement["Principal"]["AWS"].endswith(":123456789012:root")


def test_search_is_encrypted_by_the_data_key_and_nobody_deletes_an_index(data: Stack) -> None:
    assert not data.of("AWS::OpenSearchServerless::Collection"), "each tenant has its own, made with the tenant"
    assert data.one("AWS::OpenSearchServerless::CollectionGroup")["Name"] == "docplatform"
    policies = {
        each["Type"]: json.loads(each["Policy"])
        for each in data.of("AWS::OpenSearchServerless::SecurityPolicy").values()
    }
    assert data.key("alias/docplatform-data") in policies["encryption"]["KmsARN"]
    (access,) = data.of("AWS::OpenSearchServerless::AccessPolicy").values()
    (grant,) = json.loads(access["Policy"])
    allowed = {permission for rule in grant["Rules"] for permission in rule["Permission"]}
    assert "aoss:DeleteIndex" not in allowed and "aoss:*" not in allowed
    named = {
        resource
        for rules in (grant["Rules"], policies["encryption"]["Rules"], policies["network"][0]["Rules"])
        for rule in rules
        for resource in rule["Resource"]
    }
    assert named == {"collection/docplatform-t*", "index/docplatform-t*/*"}, "a pattern: an account has 500 policies"


def test_a_search_in_production_never_finds_the_collection_asleep(data: Stack) -> None:
    limits = data.one("AWS::OpenSearchServerless::CollectionGroup")["CapacityLimits"]
    assert limits["MinSearchCapacityInOcu"] == 2


@pytest.mark.parametrize("which", ["production", "trial"])
def test_every_upload_is_scanned_for_malware_and_nothing_else(which: str, request: pytest.FixtureRequest) -> None:
    assembly: Assembly = request.getfixturevalue(which)
    plan = assembly.stack("data", HOME).one("AWS::GuardDuty::MalwareProtectionPlan")
    assert plan["ProtectedResource"]["S3Bucket"]["ObjectPrefixes"] == [s3.UPLOADS] == ["tenants/"]
    assert not s3.DERIVED.startswith(s3.UPLOADS)
    assert plan["Actions"]["Tagging"]["Status"] == "ENABLED"


def test_the_registry_is_in_every_region_and_protected(production: Assembly) -> None:
    registry = production.stack("global").one("AWS::DynamoDB::GlobalTable", TableName="docplatform-registry")
    assert {replica["Region"] for replica in registry["Replicas"]} == set(REGIONS)
    assert registry["SSESpecification"]["SSEEnabled"] is True
    for replica in registry["Replicas"]:
        assert replica["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"] is True
        assert replica["DeletionProtectionEnabled"] is True


KEPT = (
    "AWS::DynamoDB::GlobalTable",
    "AWS::S3::Bucket",
    "AWS::KMS::Key",
    "AWS::Logs::LogGroup",
)


def test_data_outlives_its_stack_in_production(production: Assembly) -> None:
    for stack in production.stacks.values():
        for logical_id, resource in stack.resources.items():
            if resource["Type"] in KEPT:
                policies = (resource["DeletionPolicy"], resource["UpdateReplacePolicy"])
                assert policies == ("RetainExceptOnCreate", "Retain"), f"{stack.name}: {logical_id}"


def _protection(made: Assembly) -> dict[str, bool]:
    """Table and region of its replica → whether it is protected from deletion."""
    return {
        f"{table['TableName'].removeprefix('docplatform-')} {replica['Region']}": replica["DeletionProtectionEnabled"]
        for stack in made.stacks.values()
        for table in stack.of("AWS::DynamoDB::GlobalTable").values()
        for replica in table["Replicas"]
    }


def test_a_first_deployment_leaves_nothing_that_would_block_the_next(tmp_path: Path, layers_of_nothing: Any) -> None:
    first = synthesize(tmp_path, PRODUCTION | {"deletion_protection": False}, layers_of_nothing)
    assert set(_protection(first).values()) == {False}
    test_data_outlives_its_stack_in_production(first)


def test_the_replica_of_a_region_that_leaves_can_be_removed_and_no_other_table(
    tmp_path: Path, layers_of_nothing: Any
) -> None:
    leaving = {**PRODUCTION["regions"], "eu-central-1": {**PRODUCTION["regions"]["eu-central-1"], "leaving": True}}
    found = _protection(synthesize(tmp_path, PRODUCTION | {"regions": leaving}, layers_of_nothing))
    assert [name for name, protected in found.items() if not protected] == ["registry eu-central-1"]


@pytest.mark.parametrize(
    ("regions", "complaint"), [(REGIONS[1:], "one replica of the registry"), ((HOME,), "holds the registry")]
)
def test_regions_leave_one_by_one_and_the_home_region_never(
    tmp_path: Path, layers_of_nothing: Any, regions: tuple[str, ...], complaint: str
) -> None:
    leaving = {name: {**facts, "leaving": name in regions} for name, facts in PRODUCTION["regions"].items()}
    with pytest.raises(ValueError, match=complaint):
        synthesize(tmp_path, PRODUCTION | {"regions": leaving}, layers_of_nothing)


def test_data_goes_with_its_stack_in_a_trial(trial: Assembly) -> None:
    for stack in trial.stacks.values():
        for logical_id, resource in stack.resources.items():
            if resource["Type"] in KEPT:
                assert resource["DeletionPolicy"] == "Delete", f"{stack.name}: {logical_id}"
    for table in trial.stack("data", HOME).of("AWS::DynamoDB::GlobalTable").values():
        assert _replica(table)["DeletionProtectionEnabled"] is False
