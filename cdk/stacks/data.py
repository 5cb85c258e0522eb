"""A region's data: tables, buckets, keys, the search collection, and the one role that reaches a tenant's part of them."""

from __future__ import annotations

from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from config import PREFIX, Config
from constructs import Construct
from parts.search import SearchCollection
from parts.tenant_access import tenant_access_role

_TEXT = dynamodb.AttributeType.STRING


class DataStack(cdk.Stack):
    def __init__(self, scope: Construct, name: str, *, config: Config, **more: Any) -> None:
        super().__init__(scope, name, **more)
        self._keep = cdk.RemovalPolicy.DESTROY if config.ephemeral else cdk.RemovalPolicy.RETAIN
        self._protected = not config.ephemeral
        self.key = self._data_key()
        self.token_key = kms.Key(
            self,
            "TokenKey",
            alias=f"alias/{PREFIX}-token",
            description="Signs access tokens (RS256)",
            key_spec=kms.KeySpec.RSA_2048,
            key_usage=kms.KeyUsage.SIGN_VERIFY,
            removal_policy=self._keep,
        )
        self.table = self._table(
            "Data",
            indexes=("gsi1", "gsi2", "gsi3"),
            stream=dynamodb.StreamViewType.KEYS_ONLY,  # whoever reads it learns that something changed, not what
            time_to_live_attribute="expires",
        )
        self.audit_table = self._table("Audit")
        self.documents = self._bucket("documents", event_bridge=True)
        self.audit_archive = self._bucket("audit", locked=True)
        self.search = SearchCollection(self, "Search", key=self.key)
        self.tenant_access = tenant_access_role(self)
        self.search.open_to(self.tenant_access)

    def _data_key(self) -> kms.Key:
        key = kms.Key(
            self,
            "DataKey",
            alias=f"alias/{PREFIX}-data",
            description="Encrypts the region's tables, buckets, queues and logs",
            enable_key_rotation=True,
            removal_policy=self._keep,
        )
        logs = iam.ServicePrincipal(f"logs.{self.region}.amazonaws.com")
        key.add_to_resource_policy(
            iam.PolicyStatement(
                principals=[logs],
                actions=["kms:Encrypt*", "kms:Decrypt*", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:Describe*"],
                resources=["*"],
                conditions={
                    "ArnLike": {"kms:EncryptionContext:aws:logs:arn": f"arn:aws:logs:{self.region}:{self.account}:*"}
                },
            )
        )
        key.add_to_resource_policy(
            iam.PolicyStatement(  # EventBridge puts what it cannot deliver into an encrypted dead-letter queue
                principals=[iam.ServicePrincipal("events.amazonaws.com")],
                actions=["kms:GenerateDataKey", "kms:Decrypt"],
                resources=["*"],
                conditions={"StringEquals": {"aws:SourceAccount": self.account}},
            )
        )
        return key

    def _table(self, what: str, indexes: tuple[str, ...] = (), **more: Any) -> dynamodb.TableV2:
        return dynamodb.TableV2(
            self,
            what,
            table_name=f"{PREFIX}-{what.lower()}",
            partition_key=dynamodb.Attribute(name="pk", type=_TEXT),
            sort_key=dynamodb.Attribute(name="sk", type=_TEXT),
            billing=dynamodb.Billing.on_demand(),
            encryption=dynamodb.TableEncryptionV2.customer_managed_key(self.key),
            point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
                point_in_time_recovery_enabled=True
            ),
            deletion_protection=self._protected,
            removal_policy=self._keep,
            dynamo_stream=more.pop("stream", None),
            global_secondary_indexes=[
                dynamodb.GlobalSecondaryIndexPropsV2(
                    index_name=index,
                    partition_key=dynamodb.Attribute(name=f"{index}pk", type=_TEXT),
                    sort_key=dynamodb.Attribute(name=f"{index}sk", type=_TEXT),
                    projection_type=dynamodb.ProjectionType.KEYS_ONLY,
                )
                for index in indexes
            ],
            **more,
        )

    def _bucket(self, what: str, *, event_bridge: bool = False, locked: bool = False) -> s3.Bucket:
        bucket = s3.Bucket(
            self,
            f"{what.title()}Bucket",
            bucket_name=f"{PREFIX}-{what}-{self.account}-{self.region}",
            encryption=s3.BucketEncryption.KMS,
            encryption_key=self.key,
            bucket_key_enabled=True,
            enforce_ssl=True,
            minimum_tls_version=1.2,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            versioned=True,
            object_lock_enabled=locked or None,
            object_lock_default_retention=s3.ObjectLockRetention.compliance(cdk.Duration.days(7 * 365 + 2))
            if locked
            else None,
            lifecycle_rules=[
                s3.LifecycleRule(abort_incomplete_multipart_upload_after=cdk.Duration.days(7)),
            ],
            removal_policy=self._keep,
        )
        if event_bridge:  # the L2's own switch would add a custom resource with a function
            resource: Any = bucket.node.default_child
            resource.add_property_override(
                "NotificationConfiguration.EventBridgeConfiguration", {"EventBridgeEnabled": True}
            )
        return bucket
