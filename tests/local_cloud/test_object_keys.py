"""S3 asks KMS for the key of an object, and IAM for the tags in a header."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from local.aws import client
from local.settings import ACCOUNT, LocalSettings
from local.testing import empty_cloud
from tests.local_cloud.callers import assumed, policy, refused, role
from tests.local_cloud.lambdas import HERE

pytestmark = pytest.mark.slow

OBJECTS = {"Action": ["s3:PutObject", "s3:GetObject", "s3:AbortMultipartUpload"], "Resource": "arn:aws:s3:::*"}
BODY = b"x" * 10


@pytest.fixture(scope="module")
def cloud() -> Iterator[LocalSettings]:
    with empty_cloud() as settings:
        yield settings


@pytest.fixture(scope="module")
def root(cloud: LocalSettings) -> Any:
    storage = client(cloud, "s3", HERE)
    storage.create_bucket(Bucket="plain")
    return storage


@pytest.fixture
def key(cloud: LocalSettings) -> str:
    """A key whose policy leaves it to IAM who may use it."""
    everything = {"Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "Action": "kms:*", "Resource": "*"}
    made = client(cloud, "kms", HERE).create_key(Policy=policy(everything))
    return str(made["KeyMetadata"]["Arn"])


def under(key: str) -> dict[str, str]:
    return {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key}


def bucket_under(root: Any, name: str, key: str, *, own_key: bool) -> str:
    """A bucket whose objects are under the key."""
    root.create_bucket(Bucket=name)
    default = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}
    rule = {"ApplyServerSideEncryptionByDefault": default, "BucketKeyEnabled": own_key}
    root.put_bucket_encryption(Bucket=name, ServerSideEncryptionConfiguration={"Rules": [rule]})
    return name


def caller(cloud: LocalSettings, name: str, *statements: dict[str, Any]) -> Any:
    """S3 for somebody who may read and write all objects, and what else is stated."""
    return client(cloud, "s3", HERE, assumed(cloud, role(cloud, name, OBJECTS, *statements)))


def test_a_write_asks_for_a_data_key_and_a_read_decrypts(cloud: LocalSettings, root: Any, key: str) -> None:
    neither = caller(cloud, "neither")
    writer = caller(cloud, "writer", {"Action": "kms:GenerateDataKey", "Resource": key})
    reader = caller(cloud, "reader", {"Action": "kms:Decrypt", "Resource": key})
    for stranger in (neither, reader):
        with refused("AccessDenied"):
            stranger.put_object(Bucket="plain", Key="it", Body=BODY, **under(key))
    writer.put_object(Bucket="plain", Key="it", Body=BODY, **under(key))
    for stranger in (neither, writer):
        with refused("AccessDenied"):
            stranger.get_object(Bucket="plain", Key="it")
    assert reader.get_object(Bucket="plain", Key="it")["Body"].read() == BODY
    assert neither.head_object(Bucket="plain", Key="it")["SSEKMSKeyId"] == key
    neither.put_object(Bucket="plain", Key="it", Body=b"without")
    assert neither.get_object(Bucket="plain", Key="it")["Body"].read() == b"without"


def test_a_presigned_link_has_the_permissions_of_who_signed_it(cloud: LocalSettings, root: Any, key: str) -> None:
    root.put_object(Bucket="plain", Key="linked", Body=BODY, **under(key))
    links = []
    for name, statements in (("links", ()), ("links-and-reads", ({"Action": "kms:Decrypt", "Resource": key},))):
        signer = caller(cloud, name, *statements)
        links.append(signer.generate_presigned_url("get_object", Params={"Bucket": "plain", "Key": "linked"}))
    answers = [requests.get(link, timeout=30) for link in links]
    assert [each.status_code for each in answers] == [403, 200]
    assert "kms:Decrypt" in answers[0].text


def test_a_copy_reads_one_key_and_writes_another(cloud: LocalSettings, root: Any, key: str) -> None:
    root.put_object(Bucket="plain", Key="source", Body=BODY, **under(key))
    copier = caller(cloud, "copier", {"Action": "kms:GenerateDataKey", "Resource": key})
    copies = {"Bucket": "plain", "Key": "copy", "CopySource": {"Bucket": "plain", "Key": "source"}}
    with refused("AccessDenied"):
        copier.copy_object(**copies)
    root.copy_object(**copies, **under(key))


def test_an_upload_in_parts_needs_both(cloud: LocalSettings, root: Any, key: str) -> None:
    bucket_under(root, "parts", key, own_key=False)
    writer = caller(cloud, "part-writer", {"Action": "kms:GenerateDataKey", "Resource": key})
    where = {"Bucket": "parts", "Key": "it"}
    with refused("AccessDenied"):
        caller(cloud, "part-stranger").create_multipart_upload(**where)
    upload = writer.create_multipart_upload(**where)["UploadId"]
    part = writer.upload_part(**where, UploadId=upload, PartNumber=1, Body=BODY)["ETag"]
    whole = {"MultipartUpload": {"Parts": [{"PartNumber": 1, "ETag": part}]}}
    with refused("AccessDenied"):
        writer.complete_multipart_upload(**where, UploadId=upload, **whole)
    both = caller(cloud, "part-both", {"Action": ["kms:GenerateDataKey", "kms:Decrypt"], "Resource": key})
    both.complete_multipart_upload(**where, UploadId=upload, **whole)
    assert both.get_object(**where)["Body"].read() == BODY


@pytest.mark.parametrize(
    ("state", "code"), [("disabled", "KMS.DisabledException"), ("pending", "KMS.KMSInvalidStateException")]
)
def test_a_key_out_of_use_refuses_writes_and_reads(
    cloud: LocalSettings, root: Any, key: str, state: str, code: str
) -> None:
    bucket = bucket_under(root, state, key, own_key=True)
    root.put_object(Bucket=bucket, Key="it", Body=BODY)
    upload = root.create_multipart_upload(Bucket=bucket, Key="big")["UploadId"]
    keys = client(cloud, "kms", HERE)
    if state == "disabled":
        keys.disable_key(KeyId=key)
    else:
        keys.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
    for call, more in (
        (root.put_object, {"Key": "new", "Body": BODY}),
        (root.get_object, {"Key": "it"}),
        (root.copy_object, {"Key": "copy", "CopySource": {"Bucket": bucket, "Key": "it"}}),
        (root.upload_part, {"Key": "big", "UploadId": upload, "PartNumber": 1, "Body": BODY}),
    ):
        with refused(code):
            call(Bucket=bucket, **more)
    if state == "pending":
        keys.cancel_key_deletion(KeyId=key)
    keys.enable_key(KeyId=key)
    assert root.get_object(Bucket=bucket, Key="it")["Body"].read() == BODY


def test_a_key_that_does_not_exist_is_refused(cloud: LocalSettings, root: Any) -> None:
    for unknown in (f"arn:aws:kms:{HERE}:{ACCOUNT}:key/00000000-0000-0000-0000-000000000000", "alias/none", "nonsense"):
        with refused("KMS.NotFoundException"):
            root.put_object(Bucket="plain", Key="it", Body=BODY, **under(unknown))


def test_an_object_keeps_the_key_that_an_alias_named(cloud: LocalSettings, root: Any, key: str) -> None:
    keys = client(cloud, "kms", HERE)
    keys.create_alias(AliasName="alias/objects", TargetKeyId=key)
    for name in ("alias/objects", key.rpartition("/")[2], key):
        assert root.put_object(Bucket="plain", Key="aliased", Body=BODY, **under(name))["SSEKMSKeyId"] == key
    keys.update_alias(AliasName="alias/objects", TargetKeyId=keys.create_key()["KeyMetadata"]["KeyId"])
    assert root.head_object(Bucket="plain", Key="aliased")["SSEKMSKeyId"] == key
    keys.disable_key(KeyId=key)
    with refused("KMS.DisabledException"):
        root.get_object(Bucket="plain", Key="aliased")


@pytest.mark.parametrize("own_key", [True, False])
def test_the_request_to_kms_comes_by_way_of_s3(cloud: LocalSettings, root: Any, key: str, own_key: bool) -> None:
    bucket = bucket_under(root, f"by-way-{own_key}".lower(), key, own_key=own_key)
    arn = f"arn:aws:s3:::{bucket}" + ("" if own_key else "/it")
    condition = {"kms:ViaService": f"s3.{HERE}.amazonaws.com", "kms:EncryptionContext:aws:s3:arn": arn}
    allowed = {"Action": "kms:*", "Resource": key, "Condition": {"StringEquals": condition}}
    keys = assumed(cloud, role(cloud, bucket, OBJECTS, allowed))
    client(cloud, "s3", HERE, keys).put_object(Bucket=bucket, Key="it", Body=BODY)
    with refused("AccessDeniedException"):
        client(cloud, "kms", HERE, keys).generate_data_key(KeyId=key, KeySpec="AES_256")
    if not own_key:
        with refused("AccessDenied"):
            client(cloud, "s3", HERE, keys).put_object(Bucket=bucket, Key="another", Body=BODY)


def test_a_bucket_has_the_encryption_of_its_template(cloud: LocalSettings, root: Any, key: str) -> None:
    formation = client(cloud, "cloudformation", HERE)
    default = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}
    rules = [{"ServerSideEncryptionByDefault": default, "BucketKeyEnabled": True}]
    encrypted = {"BucketName": "of-a-template", "BucketEncryption": {"ServerSideEncryptionConfiguration": rules}}
    for change, properties in (("create", encrypted), ("update", {"BucketName": "of-a-template"})):
        template = {"Resources": {"Bucket": {"Type": "AWS::S3::Bucket", "Properties": properties}}}
        getattr(formation, f"{change}_stack")(StackName="storage", TemplateBody=json.dumps(template))
        formation.get_waiter(f"stack_{change}_complete").wait(StackName="storage", WaiterConfig={"Delay": 1})
        stored = root.put_object(Bucket="of-a-template", Key="it", Body=BODY)
        assert stored.get("SSEKMSKeyId") == (key if change == "create" else None)


def test_tags_in_a_header_are_asked_for(cloud: LocalSettings, root: Any) -> None:
    plain = caller(cloud, "tags-not")
    tagger = caller(cloud, "tags", {"Action": "s3:PutObjectTagging", "Resource": "arn:aws:s3:::plain/*"})
    it = {"Bucket": "plain", "Key": "tagged", "Tagging": "a=b"}
    for call in (plain.put_object, plain.create_multipart_upload):
        with refused("AccessDenied"):
            call(**it)
    with refused("AccessDenied"):
        plain.copy_object(**it, CopySource={"Bucket": "plain", "Key": "tagged"}, TaggingDirective="REPLACE")
    tagger.put_object(**it)
    tagger.create_multipart_upload(**it)
    plain.put_object(Bucket="plain", Key="untagged")
    link = plain.generate_presigned_url("put_object", Params=it)
    assert requests.put(link, headers={"x-amz-tagging": "a=b"}, timeout=30).status_code == 403
    link = tagger.generate_presigned_url("put_object", Params=it)
    assert requests.put(link, headers={"x-amz-tagging": "a=b"}, timeout=30).status_code == 200


def test_a_presigned_link_names_the_download(cloud: LocalSettings, root: Any) -> None:
    """The emulator does this by itself."""
    root.put_object(Bucket="plain", Key="named", Body=BODY, ContentType="text/plain")
    asked = {"ResponseContentDisposition": 'attachment; filename="a b.pdf"', "ResponseContentType": "application/pdf"}
    link = root.generate_presigned_url("get_object", Params={"Bucket": "plain", "Key": "named", **asked})
    answer = requests.get(link, timeout=30)
    assert answer.headers["Content-Disposition"] == 'attachment; filename="a b.pdf"'
    assert answer.headers["Content-Type"] == "application/pdf"
    assert requests.get(link.replace("a%20b", "c"), timeout=30).status_code == 403
