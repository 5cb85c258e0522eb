"""The region's buckets: documents, the audit archive under Object Lock, and the access logs of both."""

from __future__ import annotations

from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_kms as kms
from aws_cdk import aws_s3 as s3
from constructs import Construct

from cdk import names
from cdk.constructs.perimeter import Perimeter

AUDIT_DAYS = 7 * 365 + 2  # seven years have at most two 29ths of February
LOG_DAYS = 6 * 365 + 2  # HIPAA keeps its documentation for six years (45 CFR 164.316(b)(2)(i))


class Buckets(Construct):
    def __init__(
        self, scope: Construct, name: str, *, key: kms.IKey, perimeter: Perimeter, removal_policy: cdk.RemovalPolicy
    ) -> None:
        super().__init__(scope, name)
        self._key, self._removal_policy = key, removal_policy
        self.access_logs = self._access_log_bucket()
        self.documents = self._bucket("documents")
        self.audit = self._bucket(
            "audit",
            object_lock_enabled=True,
            object_lock_default_retention=s3.ObjectLockRetention.compliance(cdk.Duration.days(AUDIT_DAYS)),
        )
        self._send_events_to_eventbridge(self.documents)
        self._close(self.documents, perimeter, perimeter.of_files)
        self._close(self.audit, perimeter, [perimeter.break_glass])  # nothing writes the archive yet

    def _bucket(self, what: str, **more: Any) -> s3.Bucket:
        return s3.Bucket(
            self,
            what.title(),
            bucket_name=self._name(what),
            encryption=s3.BucketEncryption.KMS,
            encryption_key=self._key,
            bucket_key_enabled=True,
            enforce_ssl=True,
            minimum_tls_version=1.2,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            versioned=True,
            server_access_logs_bucket=self.access_logs,
            server_access_logs_prefix=f"{what}/",
            lifecycle_rules=[
                s3.LifecycleRule(
                    abort_incomplete_multipart_upload_after=cdk.Duration.days(7), expired_object_delete_marker=True
                )
            ],
            removal_policy=self._removal_policy,
            **more,
        )

    def _access_log_bucket(self) -> s3.Bucket:
        """The bucket for access logs. S3 delivers these to buckets under its own key only
        (docs.aws.amazon.com/AmazonS3/latest/userguide/enable-server-access-logging.html)."""
        return s3.Bucket(
            self,
            "AccessLogs",
            bucket_name=self._name("access-logs"),
            encryption=s3.BucketEncryption.S3_MANAGED,
            enforce_ssl=True,
            minimum_tls_version=1.2,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            versioned=True,
            lifecycle_rules=[
                s3.LifecycleRule(
                    expiration=cdk.Duration.days(LOG_DAYS), noncurrent_version_expiration=cdk.Duration.days(30)
                )
            ],
            removal_policy=self._removal_policy,
        )

    def _close(self, bucket: s3.Bucket, perimeter: Perimeter, allowed: list[str]) -> None:
        what = "documents" if bucket is self.documents else "audit"
        arn = names.bucket_arn(what, perimeter.account, perimeter.region)
        bucket.add_to_resource_policy(perimeter.bucket_statement(arn, allowed))

    def _name(self, what: str) -> str:
        stack = cdk.Stack.of(self)
        return names.bucket(what, stack.account, stack.region)

    @staticmethod
    def _send_events_to_eventbridge(bucket: s3.Bucket) -> None:
        """Send the bucket's events to EventBridge. The construct's own option would add a custom resource with a
        function."""
        resource: Any = bucket.node.default_child
        resource.add_property_override("NotificationConfiguration.EventBridgeConfiguration.EventBridgeEnabled", True)
