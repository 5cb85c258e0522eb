"""Schedules of the region (EventBridge Scheduler), and the queues of the functions that do their work."""

from __future__ import annotations

import json
from collections.abc import Sequence

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_scheduler as scheduler
from constructs import Construct

from cdk import names
from cdk.constructs.queues import FairQueue, dead_letter_queue
from docplatform.runtime.schedules.model import LAST_RECEIVE
from docplatform.runtime.spec import FunctionSpec, Schedule

DUE = "<aws.scheduler.scheduled-time>"
"""EventBridge Scheduler puts the time there at which the run was due
(docs.aws.amazon.com/scheduler/latest/UserGuide/managing-schedule-context-attributes.html)."""
_BATCH, CONCURRENCY = 5, 5  # messages of one call, calls at the same time
_RETRIES = cdk.Duration.hours(1)


class Schedules(Construct):
    """One group with one entry per schedule. ``tick``: the name of the function that all of them call."""

    def __init__(self, scope: Construct, name: str, *, tick: str, schedules: Sequence[Schedule], key: kms.IKey) -> None:
        super().__init__(scope, name)
        group = scheduler.CfnScheduleGroup(self, "Group", name=names.SCHEDULE_GROUP)
        self._undelivered = dead_letter_queue(self, "Undelivered", of=names.SCHEDULE_GROUP, key=key)
        stack, self._key = cdk.Stack.of(self), key
        self._tick = names.function_arn(stack.account, stack.region, tick)
        self._role = self._caller()
        for each in schedules:
            self._entry(each).add_dependency(group)

    def _caller(self) -> iam.Role:
        """The role of the schedules: it may call the tick, and store what could not be delivered. EventBridge Scheduler names
        the group as the source (docs.aws.amazon.com/scheduler/latest/UserGuide/cross-service-confused-deputy-prevention.html)."""
        stack = cdk.Stack.of(self)
        of_this_group = {
            "StringEquals": {
                "aws:SourceAccount": stack.account,
                "aws:SourceArn": names.schedule_group_arn(stack.account, stack.region),
            }
        }
        role = iam.Role(
            self,
            "Role",
            role_name=names.role("schedules", stack.region),
            assumed_by=iam.ServicePrincipal("scheduler.amazonaws.com", conditions=of_this_group),
        )
        role.add_to_policy(iam.PolicyStatement(actions=["lambda:InvokeFunction"], resources=[self._tick]))
        dead = self._undelivered.queue_arn
        role.add_to_policy(iam.PolicyStatement(actions=["sqs:SendMessage"], resources=[dead]))
        role.add_to_policy(
            iam.PolicyStatement(
                actions=["kms:Decrypt", "kms:GenerateDataKey"],
                resources=[self._key.key_arn],
                conditions={"StringEquals": {"kms:ViaService": f"sqs.{stack.region}.amazonaws.com"}},
            )
        )
        return role

    def _entry(self, schedule: Schedule) -> scheduler.CfnSchedule:
        return scheduler.CfnSchedule(
            self,
            names.title(schedule.name),
            name=schedule.name,
            group_name=names.SCHEDULE_GROUP,
            schedule_expression=schedule.cadence.expression,
            schedule_expression_timezone="UTC",
            flexible_time_window=scheduler.CfnSchedule.FlexibleTimeWindowProperty(mode="OFF"),
            target=scheduler.CfnSchedule.TargetProperty(
                arn=self._tick,
                role_arn=self._role.role_arn,
                input=json.dumps({"job": schedule.name, "due": DUE}),
                retry_policy=scheduler.CfnSchedule.RetryPolicyProperty(
                    maximum_event_age_in_seconds=_RETRIES.to_seconds(), maximum_retry_attempts=5
                ),
                dead_letter_config=scheduler.CfnSchedule.DeadLetterConfigProperty(arn=self._undelivered.queue_arn),
            ),
        )


class JobQueue(FairQueue):
    """The queue of one function's jobs."""

    def __init__(self, scope: Construct, name: str, *, function: FunctionSpec, key: kms.IKey) -> None:
        stack = cdk.Stack.of(scope)
        super().__init__(
            scope,
            name,
            queue_name=names.job_queue(function.name),
            consumer_arn=names.function_arn(stack.account, stack.region, function.name),
            key=key,
            visibility_seconds=function.timeout * 2,
            receives=LAST_RECEIVE,
            batch=_BATCH,
            concurrency=CONCURRENCY,
        )
