"""The data table's stream of changed keys, to the function that follows some of them. A stream takes two followers."""

from __future__ import annotations

import json

import aws_cdk as cdk
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from cdk import names
from cdk.constructs.queues import dead_letter_queue

DOCUMENTS, SESSIONS = ("doc", "reindex"), ("session", "profile")
"""Sort keys. A folder's name stands in a key, and no such key leaves the stream."""


class TableStream(Construct):
    """In order for each partition key. A batch that fails is halved until the one bad record is found, and that one is
    put away."""

    def __init__(
        self,
        scope: Construct,
        name: str,
        *,
        stream_arn: str,
        follower: str,
        followed: tuple[str, ...],
        key: kms.IKey,
    ) -> None:
        """``followed``: the sort keys of what the function is told of."""
        super().__init__(scope, name)
        stack = cdk.Stack.of(self)
        undone = dead_letter_queue(self, "Undone", of=names.function(follower), key=key)
        pattern = {"dynamodb": {"Keys": {"sk": {"S": list(followed)}}}}
        lambda_.CfnEventSourceMapping(
            self,
            "Follower",
            function_name=names.function_arn(stack.account, stack.region, follower),
            event_source_arn=stream_arn,
            starting_position="TRIM_HORIZON",
            batch_size=25,
            parallelization_factor=4,
            bisect_batch_on_function_error=True,
            maximum_retry_attempts=20,
            maximum_record_age_in_seconds=20 * 3600,  # of the 24 hours that a stream remembers
            function_response_types=["ReportBatchItemFailures"],
            destination_config={"onFailure": {"destination": undone.queue_arn}},
            filter_criteria={"filters": [{"pattern": json.dumps(pattern)}]},
        )
