"""From an upload to a ready document: the event's rule, a queue for each plan, the workflow; and what follows the table's stream."""

from __future__ import annotations

import json
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from aws_cdk import aws_sqs as sqs
from aws_cdk import aws_stepfunctions as stepfunctions
from config import PREFIX, ROOT, Config
from constructs import Construct
from docplatform.runtime.spec import Trigger
from parts.functions import Functions
from stacks.compute import PLANS, queue_name
from stacks.data import DataStack

CONCURRENCY = {"standard": 2, "professional": 6, "enterprise": 20}  # invocations: the plans' weights 1 : 3 : 10
BATCH = 5
RECEIVES = 6  # the fifth makes the workflow give up; only if even that fails comes the dead-letter queue


class WorkflowStack(cdk.Stack):
    def __init__(
        self, scope: Construct, name: str, *, config: Config, data: DataStack, functions: Functions, **more: Any
    ) -> None:
        super().__init__(scope, name, **more)
        self._config, self._data, self._functions = config, data, functions
        self.dead_letters: list[sqs.Queue] = []
        self.machines = [self._machine("express"), self._machine("standard")]
        self._queues()
        self._uploads()
        self._stream()

    def _of(self, trigger: Trigger) -> list[lambda_.Function]:
        names = [spec.name for spec in self._functions.specs.values() if spec.trigger is trigger]
        return [self._functions.by_name[name] for name in names]

    def _machine(self, kind: str) -> stepfunctions.StateMachine:
        steps = {
            spec.name: self._functions.by_name[spec.name]
            for spec in self._functions.specs.values()
            if spec.trigger is Trigger.WORKFLOW
        }
        role = iam.Role(
            self,
            f"{kind.title()}Role",
            role_name=f"{PREFIX}-workflow-{kind}-{self.region}",
            assumed_by=iam.ServicePrincipal("states.amazonaws.com"),
        )
        return stepfunctions.StateMachine(
            self,
            f"{kind.title()}Workflow",
            state_machine_name=f"{PREFIX}-processing-{kind}",
            state_machine_type=stepfunctions.StateMachineType[kind.upper()],
            definition_body=stepfunctions.DefinitionBody.from_file(str(ROOT / "statemachines/processing.asl.json")),
            definition_substitutions={
                "".join(part.title() for part in name.split("-")) + "Arn": function.function_arn
                for name, function in steps.items()
            },
            role=self._may_invoke(role, list(steps.values())),
            tracing_enabled=True,
            logs=stepfunctions.LogOptions(
                destination=logs.LogGroup(
                    self,
                    f"{kind.title()}Logs",
                    log_group_name=f"/aws/vendedlogs/states/{PREFIX}-processing-{kind}",
                    retention=logs.RetentionDays.ONE_YEAR,
                    encryption_key=self._data.key,
                    removal_policy=cdk.RemovalPolicy.DESTROY if self._config.ephemeral else cdk.RemovalPolicy.RETAIN,
                ),
                level=stepfunctions.LogLevel.ALL,
                include_execution_data=False,
            ),
        )

    @staticmethod
    def _may_invoke(role: iam.Role, functions: list[lambda_.Function]) -> iam.Role:
        arns = [function.function_arn for function in functions]
        role.add_to_policy(iam.PolicyStatement(actions=["lambda:InvokeFunction"], resources=arns))
        return role

    def _queue(self, name: str, **more: Any) -> sqs.Queue:
        return sqs.Queue(
            self,
            "".join(part.title() for part in name.removeprefix(PREFIX).split("-")),
            queue_name=name,
            encryption=sqs.QueueEncryption.KMS,
            encryption_master_key=self._data.key,
            enforce_ssl=True,
            retention_period=cdk.Duration.days(14),
            **more,
        )

    def _dead_letters(self, name: str) -> sqs.Queue:
        queue = self._queue(f"{name}-dead")
        self.dead_letters.append(queue)
        return queue

    def _queues(self) -> None:
        (starter,) = self._of(Trigger.PLAN_QUEUE)
        for plan in PLANS:
            queue = self._queue(
                queue_name(plan),
                visibility_timeout=cdk.Duration.seconds(self._config.processing_visibility_seconds),
                dead_letter_queue=sqs.DeadLetterQueue(
                    queue=self._dead_letters(queue_name(plan)), max_receive_count=RECEIVES
                ),
            )
            lambda_.EventSourceMapping(
                self,
                f"{plan.title()}Consumer",
                target=starter,
                event_source_arn=queue.queue_arn,
                batch_size=BATCH,
                max_concurrency=CONCURRENCY[plan],
                report_batch_item_failures=True,
            )

    def _uploads(self) -> None:
        (dispatcher,) = self._of(Trigger.UPLOAD)
        rule = events.Rule(
            self,
            "Uploads",
            rule_name=f"{PREFIX}-uploads",
            event_pattern=events.EventPattern(
                source=["aws.s3"],
                detail_type=["Object Created"],
                detail={
                    "bucket": {"name": [self._data.documents.bucket_name]},
                    "object": {"key": [{"wildcard": "tenants/*/documents/*/original"}]},
                },
            ),
        )
        rule.add_target(
            targets.LambdaFunction(
                lambda_.Function.from_function_attributes(
                    self, "Dispatcher", function_arn=dispatcher.function_arn, same_environment=True, skip_permissions=True
                ),
                retry_attempts=185,
                max_event_age=cdk.Duration.hours(24),
                dead_letter_queue=self._dead_letters(f"{PREFIX}-uploads"),
            )
        )
        lambda_.CfnPermission(
            self,
            "RuleMayInvoke",
            action="lambda:InvokeFunction",
            function_name=dispatcher.function_arn,
            principal="events.amazonaws.com",
            source_arn=rule.rule_arn,
        )
        lambda_.CfnEventInvokeConfig(
            self,
            "DispatcherRetries",
            function_name=dispatcher.function_name,
            qualifier="$LATEST",
            maximum_retry_attempts=2,
            destination_config=lambda_.CfnEventInvokeConfig.DestinationConfigProperty(
                on_failure=lambda_.CfnEventInvokeConfig.OnFailureProperty(
                    destination=self._dead_letters(f"{PREFIX}-dispatch").queue_arn
                )
            ),
        )

    def _stream(self) -> None:
        (follower,) = self._of(Trigger.TABLE_STREAM)
        lambda_.CfnEventSourceMapping(
            self,
            "IndexSync",
            function_name=follower.function_arn,
            event_source_arn=self._data.table.table_stream_arn,
            starting_position="TRIM_HORIZON",
            batch_size=25,
            bisect_batch_on_function_error=True,
            maximum_retry_attempts=100,
            function_response_types=["ReportBatchItemFailures"],
            destination_config=lambda_.CfnEventSourceMapping.DestinationConfigProperty(
                on_failure=lambda_.CfnEventSourceMapping.OnFailureProperty(
                    destination=self._dead_letters(f"{PREFIX}-index-sync").queue_arn
                )
            ),
            filter_criteria=lambda_.CfnEventSourceMapping.FilterCriteriaProperty(
                filters=[
                    lambda_.CfnEventSourceMapping.FilterProperty(
                        pattern=json.dumps({"dynamodb": {"Keys": {"sk": {"S": ["doc"]}}}})
                    )
                ]
            ),
        )
