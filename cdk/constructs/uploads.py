"""Events of uploads: EventBridge calls the dispatcher when an object arrives in the documents bucket, and when GuardDuty has scanned
it. Events that fail go to a dead-letter queue."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from cdk import names
from cdk.constructs.queues import dead_letter_queue

SCAN_RESULT = "GuardDuty Malware Protection Object Scan Result"


class Uploads(Construct):
    """The rules and their target. ``patterns``: of the objects' keys. ``dispatcher``: the function's name. Lambda queues
    the event for the function, so two things can fail, each with a dead-letter queue: EventBridge's call and the
    function."""

    def __init__(
        self,
        scope: Construct,
        name: str,
        *,
        bucket: str,
        patterns: Sequence[str],
        dispatcher: str,
        key: kms.IKey,
    ) -> None:
        super().__init__(scope, name)
        stack = cdk.Stack.of(self)
        arn = names.function_arn(stack.account, stack.region, dispatcher)
        self._key = key
        self._dispatcher = lambda_.Function.from_function_attributes(
            self, "Dispatcher", function_arn=arn, same_environment=True
        )
        keys = [{"wildcard": each} for each in patterns]
        self._rule(
            "Rule",
            "Undelivered",
            names.UPLOAD_RULE,
            source="aws.s3",
            detail_type="Object Created",
            detail={"bucket": {"name": [bucket]}, "object": {"key": keys}},
        )
        self._rule(
            "ScanResults",
            "UndeliveredResults",
            names.SCAN_RULE,
            source="aws.guardduty",
            detail_type=SCAN_RESULT,
            detail={"s3ObjectDetails": {"bucketName": [bucket], "objectKey": keys}},
        )
        undone = dead_letter_queue(self, "Undone", of=names.function(dispatcher), key=key)
        lambda_.CfnEventInvokeConfig(
            self,
            "Retries",
            function_name=names.function(dispatcher),
            qualifier="$LATEST",
            maximum_retry_attempts=2,
            maximum_event_age_in_seconds=6 * 3600,
            destination_config={"onFailure": {"destination": undone.queue_arn}},
        )

    def _rule(
        self, title: str, undelivered: str, rule_name: str, *, source: str, detail_type: str, detail: dict[str, Any]
    ) -> None:
        """A rule that calls the dispatcher. Only AWS can send events whose source begins with ``aws.``."""
        rule = events.Rule(
            self,
            title,
            rule_name=rule_name,
            event_pattern=events.EventPattern(source=[source], detail_type=[detail_type], detail=detail),
        )
        rule.add_target(
            targets.LambdaFunction(
                self._dispatcher,
                max_event_age=cdk.Duration.hours(24),
                retry_attempts=185,
                dead_letter_queue=dead_letter_queue(self, undelivered, of=rule_name, key=self._key),
            )
        )
