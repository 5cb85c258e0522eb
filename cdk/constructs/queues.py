"""SQS queues, encrypted with the data key, over TLS only, with the longest retention that SQS has."""

from __future__ import annotations

from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from cdk import names
from docplatform.core.tenant import LIMITS, Plan

BATCH = 2
RECEIVES = (
    8  # from the fifth on, the workflow only marks the document as failed; if that fails too, the dead-letter queue
)

RESETS_AT_ONCE = 5
"""Functions that send mails of password resets at the same time."""


def concurrency(plan: Plan, of_weight_one: int) -> int:
    """The number of concurrent invocations of a plan's consumer, proportional to the plan's weight."""
    return of_weight_one * LIMITS[plan].weight


def queue(scope: Construct, name: str, *, queue_name: str, key: kms.IKey, **more: Any) -> sqs.Queue:
    return sqs.Queue(
        scope,
        name,
        queue_name=queue_name,
        encryption=sqs.QueueEncryption.KMS,
        encryption_master_key=key,
        enforce_ssl=True,
        retention_period=cdk.Duration.days(14),
        **more,
    )


def dead_letter_queue(scope: Construct, name: str, *, of: str, key: kms.IKey) -> sqs.Queue:
    """A dead-letter queue for the messages or events that ``of`` failed to process. Each has an alarm (stacks/observability.py)."""
    return queue(scope, name, queue_name=names.dead_letters(of), key=key)


class FairQueue(Construct):
    """A queue, its dead-letter queue and its consumer. Messages are grouped by tenant, and SQS takes the groups in turn
    (docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-fair-queues.html).

    ``batch``: messages of one call; ``concurrency``: calls at the same time; ``receives``: of a message, before it goes to the
    dead-letter queue.
    """

    def __init__(
        self,
        scope: Construct,
        name: str,
        *,
        queue_name: str,
        consumer_arn: str,
        key: kms.IKey,
        visibility_seconds: int,
        receives: int,
        batch: int,
        concurrency: int,
    ) -> None:
        super().__init__(scope, name)
        dead = dead_letter_queue(self, "Dead", of=queue_name, key=key)
        work = queue(
            self,
            "Queue",
            queue_name=queue_name,
            key=key,
            visibility_timeout=cdk.Duration.seconds(visibility_seconds),
            dead_letter_queue=sqs.DeadLetterQueue(queue=dead, max_receive_count=receives),
        )
        lambda_.CfnEventSourceMapping(
            self,
            "Consumer",
            function_name=consumer_arn,
            event_source_arn=work.queue_arn,
            batch_size=batch,
            scaling_config={"maximumConcurrency": concurrency},
            function_response_types=["ReportBatchItemFailures"],
        )


class PlanQueue(FairQueue):
    """A plan's processing queue and its consumer, whose concurrency is limited by the plan's weight.

    ``of_weight_one``: the limit of a plan with the weight 1. ``visibility_seconds``: Lambda's guide advises six times the
    consumer's timeout, to leave time for retries after throttling. A limited event source mapping is not throttled, and the
    longer time would be the wait after every crash.
    """

    def __init__(
        self,
        scope: Construct,
        name: str,
        *,
        plan: Plan,
        consumer_arn: str,
        key: kms.IKey,
        visibility_seconds: int,
        of_weight_one: int,
    ) -> None:
        super().__init__(
            scope,
            name,
            queue_name=names.plan_queue(plan),
            consumer_arn=consumer_arn,
            key=key,
            visibility_seconds=visibility_seconds,
            receives=RECEIVES,
            batch=BATCH,
            concurrency=concurrency(plan, of_weight_one),
        )
