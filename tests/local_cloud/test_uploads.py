"""Uploads in parts survive the end of the local cloud."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local import supervisor
from local.aws import client
from local.settings import HOME, LocalSettings
from local.testing import empty_cloud

pytestmark = pytest.mark.slow
MB = 1024 * 1024
PARTS = [random.Random(number).randbytes(5 * MB if number < 3 else 1000) for number in range(4)]


@pytest.fixture(scope="module")
def cloud() -> Iterator[LocalSettings]:
    with empty_cloud() as settings:
        client(settings, "s3", HOME).create_bucket(Bucket="large")
        yield settings


class Upload:
    """An upload in parts to the key ``file``."""

    def __init__(self, settings: LocalSettings) -> None:
        self.storage = client(settings, "s3", HOME)
        self.names = {"Bucket": "large", "Key": "file"}
        self.names["UploadId"] = self.storage.create_multipart_upload(**self.names, ContentType="text/plain")[
            "UploadId"
        ]
        self.tags: dict[int, str] = {}

    def send(self, number: int, content: bytes) -> None:
        self.tags[number] = self.storage.upload_part(**self.names, PartNumber=number + 1, Body=content)["ETag"]

    def complete(self) -> Any:
        parts = [{"PartNumber": number + 1, "ETag": tag} for number, tag in sorted(self.tags.items())]
        return self.storage.complete_multipart_upload(**self.names, MultipartUpload={"Parts": parts})

    def content(self) -> bytes:
        answer = self.storage.get_object(Bucket="large", Key="file")
        assert answer["ContentType"] == "text/plain"
        content: bytes = answer["Body"].read()
        return content


def on_disk(settings: LocalSettings) -> list[Path]:
    return sorted(each for each in (settings.state / "uploads").rglob("*") if each.is_file())


@pytest.mark.parametrize("end", [supervisor.stop, supervisor.kill])
def test_an_upload_goes_on_after_the_cloud_has_ended(cloud: LocalSettings, end: Any) -> None:
    upload = Upload(cloud)
    upload.send(0, PARTS[0])
    upload.send(1, b"not the final bytes" * 300_000)
    upload.send(1, PARTS[1])
    end(cloud)
    supervisor.start(cloud)
    known = upload.storage.list_parts(**upload.names)["Parts"]
    assert [(each["PartNumber"], each["Size"]) for each in known] == [(1, 5 * MB), (2, 5 * MB)]
    for number in (2, 3):
        upload.send(number, PARTS[number])
    upload.complete()
    assert upload.content() == b"".join(PARTS)
    assert on_disk(cloud) == []


def test_an_aborted_upload_leaves_no_file(cloud: LocalSettings) -> None:
    upload = Upload(cloud)
    upload.send(0, PARTS[0])
    assert len(on_disk(cloud)) == 3  # the upload, the part, the bytes
    upload.storage.abort_multipart_upload(**upload.names)
    assert on_disk(cloud) == []
    with pytest.raises(ClientError, match="NoSuchUpload"):
        upload.send(1, PARTS[1])
    assert on_disk(cloud) == []


def test_what_a_kill_left_unfinished_is_removed(cloud: LocalSettings) -> None:
    upload = Upload(cloud)
    upload.send(0, PARTS[0])
    folder, before = on_disk(cloud)[0].parent, on_disk(cloud)
    supervisor.kill(cloud)
    (folder / "7-unfinished.part").write_bytes(b"bytes of a part that was never answered")
    (folder / "8.json.new").write_bytes(b"{")
    (folder.parent / "never-answered").mkdir()
    supervisor.start(cloud)
    assert on_disk(cloud) == before
    upload.storage.abort_multipart_upload(**upload.names)


def test_a_completion_with_a_part_that_is_missing_keeps_the_upload(cloud: LocalSettings) -> None:
    upload = Upload(cloud)
    upload.send(0, PARTS[0])
    tags, upload.tags = upload.tags, {**upload.tags, 5: '"0123"'}
    with pytest.raises(ClientError, match="InvalidPart"):
        upload.complete()
    upload.tags = tags
    upload.complete()
    assert upload.content() == PARTS[0]
    assert on_disk(cloud) == []


def test_the_emulator_alone_forgets_an_upload() -> None:
    with empty_cloud(without=["kept_uploads"]) as bare:
        client(bare, "s3", HOME).create_bucket(Bucket="large")
        upload = Upload(bare)
        upload.send(0, PARTS[0])
        supervisor.stop(bare)
        supervisor.start(bare, DOCPLATFORM_WITHOUT="kept_uploads")
        with pytest.raises(ClientError, match="NoSuchUpload"):
            upload.send(1, PARTS[1])
