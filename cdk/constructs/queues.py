"""Queues: encrypted with the data key, TLS only, kept as long as SQS keeps anything."""

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
LEAST_CONCURRENCY = 2  # of an event source mapping, and so what a weight of 1 gets
RECEIVES = 8  # the fifth and later ones make the workflow give up; only if even that fails, the dead-letter queue


def concurrency(plan: Plan) -> int:
    """Invocations at once, as the plans' weights have it."""
    return LEAST_CONCURRENCY * LIMITS[plan].weight


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
    """For what ``of`` failed to do. An alarm watches every one (stacks/observability.py)."""
    return queue(scope, name, queue_name=names.dead_letters(of), key=key)


class PlanQueue(Construct):
    """A plan's processing queue, with as many consumers as its weight allows. Messages are grouped by tenant, and SQS
    hands out groups in turn (docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-fair-queues.html).

    ``visibility_seconds``: not the six consumer time-outs that Lambda's guide advises: that is time for retries after
    throttling, which a capped mapping does not run into, and it would be the wait after every crash."""

    def __init__(
        self, scope: Construct, name: str, *, plan: Plan, consumer_arn: str, key: kms.IKey, visibility_seconds: int
    ) -> None:
        super().__init__(scope, name)
        own_name = names.plan_queue(plan)
        dead = dead_letter_queue(self, "Dead", of=own_name, key=key)
        work = queue(
            self,
            "Queue",
            queue_name=own_name,
            key=key,
            visibility_timeout=cdk.Duration.seconds(visibility_seconds),
            dead_letter_queue=sqs.DeadLetterQueue(queue=dead, max_receive_count=RECEIVES),
        )
        lambda_.CfnEventSourceMapping(
            self,
            "Consumer",
            function_name=consumer_arn,
            event_source_arn=work.queue_arn,
            batch_size=BATCH,
            scaling_config={"maximumConcurrency": concurrency(plan)},
            function_response_types=["ReportBatchItemFailures"],
        )
