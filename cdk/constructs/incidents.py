"""Incidents that AWS's own trail reports: EventBridge calls the function that records them.

The rule takes events of CloudTrail, so the account needs a trail of management events in this region. AssumeRole counts as reading, which
a rule takes only in this state
(docs.aws.amazon.com/eventbridge/latest/userguide/eb-service-event-cloudtrail.html).
"""

from __future__ import annotations

from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from cdk import names
from cdk.constructs.perimeter import BREAK_GLASS
from cdk.constructs.queues import dead_letter_queue

_READING_TOO = "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS"
CHANGES_BY_HAND = (
    "PutKeyPolicy",
    "PutResourcePolicy",
    "DeleteResourcePolicy",
    "PutBucketPolicy",
    "DeleteBucketPolicy",
    "RestoreTableToPointInTime",
    "RestoreTableFromBackup",
    "ExportTableToPointInTime",
)


class Incidents(Construct):
    """The rule and its target. ``watch``: the function's name. Two things can fail, each with a dead-letter queue: EventBridge's call
    and the function."""

    def __init__(self, scope: Construct, name: str, *, watch: str, key: kms.IKey) -> None:
        super().__init__(scope, name)
        stack = cdk.Stack.of(self)
        break_glass = names.role_arn(stack.account, stack.region, BREAK_GLASS)
        rule = events.Rule(
            self,
            "Rule",
            rule_name=names.INCIDENT_RULE,
            event_pattern=events.EventPattern(
                source=["aws.sts", "aws.kms", "aws.dynamodb", "aws.s3"],
                detail_type=["AWS API Call via CloudTrail"],
                detail={
                    "$or": [
                        {"eventName": ["AssumeRole"], "requestParameters": {"roleArn": [break_glass]}},
                        {"eventName": list(CHANGES_BY_HAND)},
                    ]
                },
            ),
        )
        resource: Any = rule.node.default_child
        resource.add_property_override("State", _READING_TOO)
        arn = names.function_arn(stack.account, stack.region, watch)
        rule.add_target(
            targets.LambdaFunction(
                lambda_.Function.from_function_attributes(self, "Watch", function_arn=arn, same_environment=True),
                max_event_age=cdk.Duration.hours(24),
                retry_attempts=185,
                dead_letter_queue=dead_letter_queue(self, "Undelivered", of=names.INCIDENT_RULE, key=key),
            )
        )
        undone = dead_letter_queue(self, "Undone", of=names.function(watch), key=key)
        lambda_.CfnEventInvokeConfig(
            self,
            "Retries",
            function_name=names.function(watch),
            qualifier="$LATEST",
            maximum_retry_attempts=2,
            maximum_event_age_in_seconds=6 * 3600,
            destination_config={"onFailure": {"destination": undone.queue_arn}},
        )
