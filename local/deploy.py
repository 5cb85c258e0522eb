"""Deploys a synthesized app into the local cloud: publishes assets, and creates or updates the stacks in order.

An asset that is a folder is published as a pointer to that folder (``cloud/patches/live_code.py``), so that functions run from the
repository. Properties that the emulator ignores in a template are set afterwards, through the same API.
"""

from __future__ import annotations

import io
import json
import time
import zipfile
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from cdk.migrations import fill_indexes, give_collections, list_tenants_by_region
from local.aws import client
from local.settings import ACCOUNT, HOME, REGIONS, LocalSettings
from local.supervisor import snapshot

BUCKET = "cdk-hnb659fds-assets-{account}-{region}"
_DONE = ("CREATE_COMPLETE", "UPDATE_COMPLETE")
_NEVER_CREATED = ("CREATE_FAILED", "ROLLBACK_COMPLETE", "ROLLBACK_FAILED")


class DeployFailed(RuntimeError):
    """The message says which resource failed, and why."""


def deploy(settings: LocalSettings, out: Path) -> list[str]:
    """Returns the stacks that were created or updated. Raises DeployFailed.

    A stack that exists is left alone if its template is the one that was deployed last. (Each deployed template is kept in a file, which
    is written once the cloud has stored its state, so that the files are right after a ``kill -9``.)
    """
    manifest = json.loads((out / "manifest.json").read_text())["artifacts"]
    stacks = {name: each for name, each in manifest.items() if each["type"] == "aws:cloudformation:stack"}
    changed: dict[str, str] = {}
    for name in _dependency_order(stacks):
        artifact = stacks[name]
        region = artifact["environment"].rsplit("/", 1)[-1]
        template = (out / artifact["properties"]["templateFile"]).read_text()
        formation = client(settings, "cloudformation", region)
        deployed = _deployed_template(settings, name)
        if deployed.exists() and deployed.read_text() == template and _status(formation, name) in _DONE:
            continue
        _publish(settings, out, name, region)
        key = artifact["properties"]["stackTemplateAssetObjectUrl"].rsplit("/", 1)[-1]
        url = f"{settings.endpoint}/{BUCKET.format(account=ACCOUNT, region=region)}/{key}"
        _apply(formation, name, region, url)
        changed[name] = template
    _set_ignored_properties(settings)
    if changed:
        registry = client(settings, "dynamodb", HOME)
        list_tenants_by_region(registry)
        give_collections(registry, lambda service, region: client(settings, service, region))
        fill_indexes(registry, lambda service, region: client(settings, service, region))
        snapshot(settings)
        for name, template in changed.items():
            _deployed_template(settings, name).parent.mkdir(parents=True, exist_ok=True)
            _deployed_template(settings, name).write_text(template)
    return list(changed)


def _deployed_template(settings: LocalSettings, stack: str) -> Path:
    return settings.state / "stacks" / f"{stack}.json"


def _dependency_order(stacks: dict[str, Any]) -> list[str]:
    """The names, each after those of the stacks that it depends on."""
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
    client(settings, "ssm", region).put_parameter(
        Name="/cdk-bootstrap/hnb659fds/version", Value="30", Type="String", Overwrite=True
    )
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


def _apply(formation: Any, name: str, region: str, url: str) -> None:
    if _status(formation, name) in _NEVER_CREATED:  # it was never in use
        formation.delete_stack(StackName=name)
        _wait(formation, name)
    request: dict[str, Any] = {
        "StackName": name,
        "TemplateURL": url,
        "Capabilities": ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"],
    }
    if _status(formation, name) in ("", "DELETE_COMPLETE"):
        formation.create_stack(**request, DisableRollback=True)
    else:
        try:
            formation.update_stack(**request)
        except ClientError as error:
            if "No updates" not in str(error):
                raise DeployFailed(f"{name} in {region}: {error}") from error
    _wait(formation, name)
    if _status(formation, name) not in _DONE:
        raise DeployFailed(f"{name} in {region}: {_failure(formation, name)}")


def _wait(formation: Any, name: str) -> None:
    deadline = time.monotonic() + 120
    while _status(formation, name).endswith("IN_PROGRESS"):
        if time.monotonic() > deadline:
            raise DeployFailed(f"{name} takes too long")
        time.sleep(0.05)


def _status(formation: Any, name: str) -> str:
    try:
        return str(formation.describe_stacks(StackName=name)["Stacks"][0]["StackStatus"])
    except ClientError:
        return ""


def _failure(formation: Any, name: str) -> str:
    events = formation.describe_stack_events(StackName=name)["StackEvents"]
    failed = [event for event in events if "FAILED" in event["ResourceStatus"]]
    return "; ".join(
        f"{event['LogicalResourceId']} ({event['ResourceType']}): {event.get('ResourceStatusReason', '')}"
        for event in reversed(failed)
    ) or _status(formation, name)


def _set_ignored_properties(settings: LocalSettings) -> None:
    """Creates the registry's replicas, the audit bucket's object lock, and the identity that sends mails."""
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
