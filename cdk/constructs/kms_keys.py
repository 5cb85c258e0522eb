"""The region's KMS keys: one for data, those that sign tokens, and one for the cursors of pages."""

from __future__ import annotations

from collections.abc import Sequence

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from constructs import Construct

from cdk import names
from cdk.constructs.data_key_policy import administration, uses
from cdk.constructs.perimeter import Perimeter


class KmsKeys(Construct):
    """``data`` rotates every year by itself. KMS does not rotate signing keys, nor the key for ``cursors``: ``tokens`` are in the order of
    ``signing``, and the first one signs. The keys of ``former`` stay, and stay exported, until no stack uses
    them."""

    def __init__(
        self,
        scope: Construct,
        name: str,
        *,
        signing: Sequence[str],
        former: Sequence[str],
        removal_policy: cdk.RemovalPolicy,
    ) -> None:
        super().__init__(scope, name)
        self.data = kms.Key(
            self,
            "Data",
            alias=names.DATA_KEY,
            description="Encrypts the region's tables, buckets, queues, search collections and logs",
            enable_key_rotation=True,
            removal_policy=removal_policy,
            policy=administration(),
        )
        self.tokens = [self._signing_key(each, removal_policy) for each in signing]
        for each in former:
            cdk.Stack.of(self).export_value(self._signing_key(each, removal_policy).key_arn)
        kms.Alias(self, "TokenAlias", alias_name=names.TOKEN_KEY, target_key=self.tokens[0])
        self.cursors = kms.Key(
            self,
            "Cursors",
            alias=names.CURSOR_KEY,
            description="Makes the secret that encrypts cursors of pages (HMAC)",
            key_spec=kms.KeySpec.HMAC_256,
            key_usage=kms.KeyUsage.GENERATE_VERIFY_MAC,
            removal_policy=removal_policy,
        )
        self._allow_services()

    def allow_use(self, perimeter: Perimeter, operators: Sequence[str]) -> None:
        """Let the product's roles use the data key, and nobody else. ``operators``: ARNs of roles that may read queues."""
        for statement in uses(perimeter, operators):
            self.data.add_to_resource_policy(statement)

    def _signing_key(self, key: str, removal_policy: cdk.RemovalPolicy) -> kms.Key:
        return kms.Key(
            self,
            f"Token{key}",
            description=f"Signs access tokens (RS256), number {key}",
            key_spec=kms.KeySpec.RSA_2048,
            key_usage=kms.KeyUsage.SIGN_VERIFY,
            removal_policy=removal_policy,
        )

    def _allow_services(self) -> None:
        """Let AWS services that act in their own name use the key, each for the product's own resources only."""
        stack = cdk.Stack.of(self)
        account, region = stack.account, stack.region
        self._allow(
            f"logs.{region}.amazonaws.com",
            {"ArnLike": {"kms:EncryptionContext:aws:logs:arn": f"arn:aws:logs:{region}:{account}:log-group:*"}},
        )
        queues = names.queue_arn(account, region, names.dead_letters(f"{names.PREFIX}-*"))
        self._allow(  # for events that a rule could not deliver
            "events.amazonaws.com",
            {
                "StringEquals": {"aws:SourceAccount": account},
                "ArnLike": {"kms:EncryptionContext:aws:sqs:arn": queues},
            },
        )
        topic = f"arn:aws:sns:{region}:{account}:{names.ALARM_TOPIC}"
        self._allow(
            "cloudwatch.amazonaws.com",
            {
                "StringEquals": {"aws:SourceAccount": account},
                "ArnLike": {"kms:EncryptionContext:aws:sns:topicArn": topic},
            },
        )

    def _allow(self, service: str, conditions: dict[str, dict[str, str]]) -> None:
        self.data.add_to_resource_policy(
            iam.PolicyStatement(
                principals=[iam.ServicePrincipal(service)],
                actions=["kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey*", "kms:ReEncrypt*"],
                resources=["*"],
                conditions=conditions,
            )
        )
