"""Large objects pass from and to the disk of the local cloud."""

from __future__ import annotations

import base64
import hashlib
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local import supervisor
from local.aws import client
from local.settings import HOME, LocalSettings
from local.testing import empty_cloud

pytestmark = pytest.mark.slow
MB = 1 << 20
SIZE, MOST = 200 * MB, 100 * MB


@pytest.fixture(scope="module")
def cloud() -> Iterator[LocalSettings]:
    with empty_cloud() as settings:
        for bucket, versioning in (("plain", "Suspended"), ("versions", "Enabled")):
            storage = client(settings, "s3", HOME)
            storage.create_bucket(Bucket=bucket)
            storage.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": versioning})
        yield settings


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("large") / "file"
    block = bytes(range(256)) * (MB // 256)
    with file.open("wb") as opened:
        for number in range(SIZE // MB):
            opened.write(number.to_bytes(8, "big") + block[8:])
    return file


def memory(process: int) -> int:
    """Bytes of the process that are in memory."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    (found,) = (int(line.split()[1]) * 1024 for line in lines if line.startswith("VmRSS:"))
    return found


@contextmanager
def growth(settings: LocalSettings) -> Iterator[Callable[[], int]]:
    """Tells how much more memory the cloud's process has had, at most, than in the beginning."""
    process, done = supervisor.running(settings), threading.Event()
    before = most = memory(process)

    def watch() -> None:
        nonlocal most
        while not done.wait(0.005):
            most = max(most, memory(process))

    watching = threading.Thread(target=watch)
    watching.start()
    try:
        yield lambda: max(most, memory(process)) - before
    finally:
        done.set()
        watching.join()


def digest(body: Any) -> str:
    found = hashlib.sha256()
    for piece in iter(lambda: body.read(MB), b""):
        found.update(piece)
    return found.hexdigest()


@pytest.mark.parametrize("bucket", ["plain", "versions"])
def test_an_object_of_200_mb_is_not_held_in_memory(cloud: LocalSettings, large: Path, bucket: str) -> None:
    storage, at = client(cloud, "s3", HOME), {"Bucket": bucket, "Key": "large"}
    with large.open("rb") as opened:
        expected = digest(opened)
    with growth(cloud) as grown:
        for _ in range(2):  # the second takes the place of the first
            with large.open("rb") as opened:
                storage.put_object(**at, Body=opened, ChecksumAlgorithm="SHA256")
        answer = storage.get_object(**at)
        assert answer["ContentLength"] == SIZE
        assert digest(answer["Body"]) == expected
        middle = storage.get_object(**at, Range=f"bytes={MB - 4}-{MB + 11}")["Body"].read()
        assert middle == b"\xfc\xfd\xfe\xff" + (1).to_bytes(8, "big") + b"\x08\x09\x0a\x0b"
        assert digest(storage.get_object(**at, Range=f"bytes=0-{SIZE - 1}")["Body"]) == expected
        assert grown() < MOST
    assert list((cloud.state / "incoming").iterdir()) == []
    supervisor.kill(cloud)
    supervisor.start(cloud)
    assert digest(storage.get_object(**at)["Body"]) == expected
    assert storage.head_object(**at)["ContentLength"] == SIZE


def test_an_upload_in_parts_is_joined_on_disk(cloud: LocalSettings, large: Path) -> None:
    storage, at = client(cloud, "s3", HOME), {"Bucket": "versions", "Key": "parts"}
    upload, parts, size = storage.create_multipart_upload(**at)["UploadId"], [], 20 * MB
    with growth(cloud) as grown, large.open("rb") as opened:
        for number in range(1, 1 + SIZE // size):
            made = storage.upload_part(**at, UploadId=upload, PartNumber=number, Body=opened.read(size))
            parts.append({"PartNumber": number, "ETag": made["ETag"]})
        storage.complete_multipart_upload(**at, UploadId=upload, MultipartUpload={"Parts": parts})
        opened.seek(0)
        assert digest(storage.get_object(**at)["Body"]) == digest(opened)
        assert grown() < MOST
    assert list((cloud.state / "incoming").iterdir()) == []


def test_bytes_that_are_not_the_signed_ones_are_refused(cloud: LocalSettings) -> None:
    storage, at = client(cloud, "s3", HOME), {"Bucket": "plain", "Key": "wrong"}
    other = hashlib.sha256(b"other").digest()
    with pytest.raises(ClientError, match="BadDigest"):
        storage.put_object(**at, Body=b"x" * (9 * MB), ChecksumSHA256=base64.b64encode(other).decode())
    with pytest.raises(ClientError, match="NoSuchKey"):
        storage.get_object(**at)
    assert list((cloud.state / "incoming").iterdir()) == []


def test_a_range_behind_the_end_is_refused(cloud: LocalSettings) -> None:
    storage, at = client(cloud, "s3", HOME), {"Bucket": "plain", "Key": "nine"}
    storage.put_object(**at, Body=b"x" * (9 * MB))
    with pytest.raises(ClientError, match="InvalidRange"):
        storage.get_object(**at, Range=f"bytes={9 * MB}-")
    assert storage.get_object(**at, Range="bytes=-3")["Body"].read() == b"xxx"


def test_the_emulator_alone_holds_it_in_memory(large: Path) -> None:
    with empty_cloud(without=["streamed_objects"]) as bare:
        storage = client(bare, "s3", HOME)
        storage.create_bucket(Bucket="plain")
        with growth(bare) as grown, large.open("rb") as opened:
            storage.put_object(Bucket="plain", Key="large", Body=opened)
            assert grown() > SIZE, "the emulator streams bodies now: the patch can go"
