"""Deploys a synthesized app into the local cloud: publishes assets, creates or updates the stacks in order.

An asset that is a folder is published as a pointer to that folder (``cloud/patches/live_code.py``), so that functions run from the
repository. What the emulator drops from a template is added afterwards, through the same API.
"""

from __future__ import annotations

import io
import json
import time
import zipfile
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from local.aws import client
from local.settings import ACCOUNT, HOME, REGIONS, LocalSettings

BUCKET = "cdk-hnb659fds-assets-{account}-{region}"


class DeployFailed(RuntimeError):
    """Says which resource failed, and why."""


def deploy(settings: LocalSettings, out: Path, say: Any = print) -> list[str]:
    """Returns the stacks that were created or updated. Raises DeployFailed."""
    manifest = json.loads((out / "manifest.json").read_text())["artifacts"]
    stacks = {name: each for name, each in manifest.items() if each["type"] == "aws:cloudformation:stack"}
    changed = []
    for name in _in_order(stacks):
        artifact = stacks[name]
        region = artifact["environment"].rsplit("/", 1)[-1]
        _publish(settings, out, name, region)
        template = (out / artifact["properties"]["templateFile"]).read_text()
        bucket = BUCKET.format(account=ACCOUNT, region=region)
        key = artifact["properties"]["stackTemplateAssetObjectUrl"].rsplit("/", 1)[-1]
        if _apply(settings, name, region, template, f"{settings.endpoint}/{bucket}/{key}"):
            changed.append(name)
    _add_what_was_dropped(settings)
    return changed


def _in_order(stacks: dict[str, Any]) -> list[str]:
    """Every stack after those it depends on."""
    done: list[str] = []

    def visit(name: str) -> None:
        if name in done:
            return
        for needed in stacks[name].get("dependencies", ()):
            if needed in stacks:
                visit(needed)
        done.append(name)

    for name in stacks:
        visit(name)
    return done


def _publish(settings: LocalSettings, out: Path, stack: str, region: str) -> None:
    storage = client(settings, "s3", region)
    bucket = BUCKET.format(account=ACCOUNT, region=region)
    try:
        more = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
        storage.create_bucket(Bucket=bucket, **more)
    except ClientError as error:
        if error.response["Error"]["Code"] not in ("BucketAlreadyOwnedByYou", "BucketAlreadyExists"):
            raise
    for asset in json.loads((out / f"{stack}.assets.json").read_text())["files"].values():
        source = Path(asset["source"]["path"])
        source = source if source.is_absolute() else out / source
        content = _pointer(source) if asset["source"]["packaging"] == "zip" else source.read_bytes()
        for destination in asset["destinations"].values():
            storage.put_object(Bucket=bucket, Key=destination["objectKey"], Body=content)


def _pointer(folder: Path) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr(zipfile.ZipInfo(".live"), str(folder))
    return content.getvalue()


def _apply(settings: LocalSettings, name: str, region: str, template: str, url: str) -> bool:
    formation = client(settings, "cloudformation", region)
    client(settings, "ssm", region).put_parameter(
        Name="/cdk-bootstrap/hnb659fds/version", Value="30", Type="String", Overwrite=True
    )
    record = settings.state / "stacks" / f"{name}.json"
    if record.exists() and record.read_text() == template and _status(formation, name).endswith("_COMPLETE"):
        return False
    request: dict[str, Any] = {
        "StackName": name,
        "TemplateURL": url,
        "Capabilities": ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"],
    }
    if not _status(formation, name):
        formation.create_stack(**request, DisableRollback=True)
    else:
        try:
            formation.update_stack(**request)
        except ClientError as error:
            if "No updates" not in str(error):
                raise
    deadline = time.monotonic() + 120
    while _status(formation, name).endswith("IN_PROGRESS") and time.monotonic() < deadline:
        time.sleep(0.05)
    if _status(formation, name) not in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
        raise DeployFailed(f"{name} in {region}: {_why(formation, name)}")
    record.parent.mkdir(parents=True, exist_ok=True)
    record.write_text(template)
    return True


def _status(formation: Any, name: str) -> str:
    try:
        return str(formation.describe_stacks(StackName=name)["Stacks"][0]["StackStatus"])
    except ClientError:
        return ""


def _why(formation: Any, name: str) -> str:
    events = formation.describe_stack_events(StackName=name)["StackEvents"]
    failed = [event for event in events if "FAILED" in event["ResourceStatus"]]
    return "; ".join(
        f"{event['LogicalResourceId']} ({event['ResourceType']}): {event.get('ResourceStatusReason', '')}"
        for event in reversed(failed)
    ) or _status(formation, name)


def _add_what_was_dropped(settings: LocalSettings) -> None:
    """The registry's replicas, the audit bucket's lock, an identity for the sender of mails."""
    registry = client(settings, "dynamodb", HOME)
    for region in REGIONS:
        if region != HOME:
            try:
                client(settings, "dynamodb", region).describe_table(TableName="docplatform-registry")
            except ClientError:
                registry.update_table(
                    TableName="docplatform-registry", ReplicaUpdates=[{"Create": {"RegionName": region}}]
                )
        bucket = f"docplatform-audit-{ACCOUNT}-{region}"
        client(settings, "s3", region).put_object_lock_configuration(
            Bucket=bucket,
            ObjectLockConfiguration={
                "ObjectLockEnabled": "Enabled",
                "Rule": {"DefaultRetention": {"Mode": "COMPLIANCE", "Days": 7 * 365 + 2}},
            },
        )
        mail = client(settings, "sesv2", region)
        try:
            mail.create_email_identity(EmailIdentity="docplatform.example")
        except ClientError as error:
            if error.response["Error"]["Code"] != "AlreadyExistsException":
                raise
