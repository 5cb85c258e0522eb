"""The control plane's data: the tenant registry, in every region, without anything about a person."""

from __future__ import annotations

from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_dynamodb as dynamodb
from config import PREFIX, Config
from constructs import Construct


class GlobalStack(cdk.Stack):
    def __init__(self, scope: Construct, name: str, *, config: Config, **more: Any) -> None:
        super().__init__(scope, name, **more)
        text = dynamodb.AttributeType.STRING
        self.registry = dynamodb.TableV2(
            self,
            "Registry",
            table_name=f"{PREFIX}-registry",
            partition_key=dynamodb.Attribute(name="pk", type=text),
            sort_key=dynamodb.Attribute(name="sk", type=text),
            billing=dynamodb.Billing.on_demand(),
            encryption=dynamodb.TableEncryptionV2.aws_managed_key(),
            point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
                point_in_time_recovery_enabled=True
            ),
            deletion_protection=not config.ephemeral,
            removal_policy=cdk.RemovalPolicy.DESTROY if config.ephemeral else cdk.RemovalPolicy.RETAIN,
            replicas=[
                dynamodb.ReplicaTableProps(region=region) for region in config.regions if region != config.home_region
            ],
        )
