"""Log groups with a fixed name, encrypted with the data key. They are kept for a year, or as long as the audit
trail if they record who did what."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from constructs import Construct

OPERATIONS = logs.RetentionDays.ONE_YEAR
AUDIT = logs.RetentionDays.SEVEN_YEARS


def log_group(
    scope: Construct,
    name: str,
    *,
    log_group_name: str,
    key: kms.IKey,
    ephemeral: bool,
    retention: logs.RetentionDays = OPERATIONS,
) -> logs.LogGroup:
    return logs.LogGroup(
        scope,
        name,
        log_group_name=log_group_name,
        retention=retention,
        encryption_key=key,
        removal_policy=cdk.RemovalPolicy.DESTROY if ephemeral else cdk.RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
    )
