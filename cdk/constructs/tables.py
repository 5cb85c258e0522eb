"""DynamoDB tables in the product's form: keys pk and sk, on demand, encrypted, with point-in-time recovery over 35
days."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from constructs import Construct

_TEXT = dynamodb.AttributeType.STRING


def registry(
    scope: Construct,
    name: str,
    *,
    table_name: str,
    replicas: Sequence[str],
    leaving: Sequence[str],
    ephemeral: bool,
    protected: bool,
) -> dynamodb.TableV2:
    """The tenant registry, a global table. AWS's own key encrypts it: a customer key would have to exist in every
    region first, and the table holds no personal data. ``leaving``: replicas that the next deployment removes, so that they
    must not be protected from deletion."""
    return dynamodb.TableV2(
        scope,
        name,
        table_name=table_name,
        partition_key=_attribute("pk"),
        sort_key=_attribute("sk"),
        billing=dynamodb.Billing.on_demand(),
        encryption=dynamodb.TableEncryptionV2.aws_managed_key(),
        point_in_time_recovery_specification=_recoverable(),
        deletion_protection=protected,
        removal_policy=_removal(ephemeral),
        global_secondary_indexes=_indexes(("gsi1",)),
        replicas=[
            dynamodb.ReplicaTableProps(region=region, deletion_protection=protected and region not in leaving)
            for region in replicas
        ],
    )


def regional_table(
    scope: Construct,
    name: str,
    *,
    table_name: str,
    key: kms.IKey,
    ephemeral: bool,
    protected: bool,
    indexes: Sequence[str] = (),
    stream: dynamodb.StreamViewType | None = None,
    expiry: str | None = None,
    policy: iam.PolicyDocument,
    stream_policy: iam.PolicyDocument | None = None,
) -> dynamodb.TableV2:
    """A table of one region, never replicated. ``indexes`` hold keys only; ``expiry`` names the TTL attribute. ``policy``,
    ``stream_policy``: who may reach the items, and the stream."""
    table = dynamodb.TableV2(
        scope,
        name,
        table_name=table_name,
        partition_key=_attribute("pk"),
        sort_key=_attribute("sk"),
        billing=dynamodb.Billing.on_demand(),
        encryption=dynamodb.TableEncryptionV2.customer_managed_key(key),
        point_in_time_recovery_specification=_recoverable(),
        deletion_protection=protected,
        removal_policy=_removal(ephemeral),
        dynamo_stream=stream,
        time_to_live_attribute=expiry,
        global_secondary_indexes=_indexes(indexes),
        resource_policy=policy,
    )
    if stream_policy:  # the construct has no property for it
        resource: Any = table.node.default_child
        specification = {"ResourcePolicy": {"PolicyDocument": stream_policy.to_json()}}
        resource.add_property_override("Replicas.0.ReplicaStreamSpecification", specification)
    return table


def _indexes(indexes: Sequence[str]) -> list[dynamodb.GlobalSecondaryIndexPropsV2]:
    return [
        dynamodb.GlobalSecondaryIndexPropsV2(
            index_name=index,
            partition_key=_attribute(f"{index}pk"),
            sort_key=_attribute(f"{index}sk"),
            projection_type=dynamodb.ProjectionType.KEYS_ONLY,
        )
        for index in indexes
    ]


def _attribute(name: str) -> dynamodb.Attribute:
    return dynamodb.Attribute(name=name, type=_TEXT)


def _recoverable() -> dynamodb.PointInTimeRecoverySpecification:
    return dynamodb.PointInTimeRecoverySpecification(point_in_time_recovery_enabled=True, recovery_period_in_days=35)


def _removal(ephemeral: bool) -> cdk.RemovalPolicy:
    return cdk.RemovalPolicy.DESTROY if ephemeral else cdk.RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE
