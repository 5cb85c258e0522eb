"""A table's stream and a function that consumes it. A stream takes two consumers at most."""

from __future__ import annotations

import json

import aws_cdk as cdk
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from cdk import names
from cdk.constructs.queues import dead_letter_queue


def _changes_of(*sort_keys: str) -> dict[str, object]:
    """The records of items with these sort keys. The key of a folder contains its name, so no such key is among them."""
    return {"dynamodb": {"Keys": {"sk": {"S": list(sort_keys)}}}}


DOCUMENTS, SESSIONS = _changes_of("doc", "reindex"), _changes_of("session", "profile")
NOT_ADDED: dict[str, object] = {"eventName": ["MODIFY", "REMOVE"]}
"""The records of the audit table's items that were changed or removed. It only ever has items added."""


class TableStream(Construct):
    """An event source mapping that keeps the order within each partition key. A failed batch is halved until the
    one bad record is found; that record goes to the dead-letter queue."""

    def __init__(
        self,
        scope: Construct,
        name: str,
        *,
        stream_arn: str,
        consumer: str,
        pattern: dict[str, object],
        key: kms.IKey,
    ) -> None:
        """``pattern``: which records reach the function
        (docs.aws.amazon.com/lambda/latest/dg/with-ddb-filtering.html)."""
        super().__init__(scope, name)
        stack = cdk.Stack.of(self)
        undone = dead_letter_queue(self, "Undone", of=names.function(consumer), key=key)
        lambda_.CfnEventSourceMapping(
            self,
            "Follower",
            function_name=names.function_arn(stack.account, stack.region, consumer),
            event_source_arn=stream_arn,
            starting_position="TRIM_HORIZON",
            batch_size=25,
            parallelization_factor=4,
            bisect_batch_on_function_error=True,
            maximum_retry_attempts=20,
            maximum_record_age_in_seconds=20 * 3600,  # a stream keeps records for 24 hours
            function_response_types=["ReportBatchItemFailures"],
            destination_config={"onFailure": {"destination": undone.queue_arn}},
            filter_criteria={"filters": [{"pattern": json.dumps(pattern)}]},
        )
