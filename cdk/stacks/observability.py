"""What wakes somebody, and what to look at then."""

from __future__ import annotations

from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from config import PREFIX
from constructs import Construct
from stacks.compute import ComputeStack
from stacks.workflows import WorkflowStack


class ObservabilityStack(cdk.Stack):
    def __init__(
        self, scope: Construct, name: str, *, compute: ComputeStack, flows: WorkflowStack, **more: Any
    ) -> None:
        super().__init__(scope, name, **more)
        alarms = []
        for queue in flows.dead_letters:
            metric = queue.metric_approximate_number_of_messages_visible(period=cdk.Duration.minutes(1))
            alarms.append(self._alarm(f"{queue.node.id}NotEmpty", metric, 1, "Work that failed for good waits here"))
        functions = compute.functions.by_name
        for function_name, function in functions.items():
            title = "".join(part.title() for part in function_name.split("-"))
            metric = function.metric_errors(period=cdk.Duration.minutes(5))
            alarms.append(self._alarm(f"{title}Errors", metric, 5, f"{function_name} raises"))
        for machine in flows.machines:
            metric = machine.metric_failed(period=cdk.Duration.minutes(5))
            alarms.append(self._alarm(f"{machine.node.id}Failures", metric, 5, "Processing fails for reasons of ours"))
        errors = compute.rest.api.metric_server_error(period=cdk.Duration.minutes(5))
        alarms.append(self._alarm("ApiServerErrors", errors, 10, "The API answers with 5xx"))
        self._dashboard(alarms, compute, flows)

    def _alarm(self, name: str, metric: cloudwatch.Metric, threshold: int, why: str) -> cloudwatch.Alarm:
        return cloudwatch.Alarm(
            self,
            name,
            metric=metric,
            threshold=threshold,
            evaluation_periods=1,
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
            alarm_description=why,
        )

    def _dashboard(self, alarms: list[cloudwatch.Alarm], compute: ComputeStack, flows: WorkflowStack) -> None:
        api, functions = compute.rest.api, list(compute.functions.by_name.values())
        half = 12
        cloudwatch.Dashboard(
            self,
            "Dashboard",
            dashboard_name=f"{PREFIX}-{self.region}",
            widgets=[
                [cloudwatch.AlarmStatusWidget(alarms=alarms, width=24, title="Alarms")],
                [
                    cloudwatch.GraphWidget(
                        title="API", left=[api.metric_count()], right=[api.metric_latency(statistic="p99")], width=half
                    ),
                    cloudwatch.GraphWidget(
                        title="Functions p99 (ms)", left=[each.metric_duration(statistic="p99") for each in functions], width=half
                    ),
                ],
                [
                    cloudwatch.GraphWidget(
                        title="Processing",
                        left=[each.metric_succeeded() for each in flows.machines],
                        right=[each.metric_failed() for each in flows.machines],
                        width=half,
                    ),
                ],
            ],
        )
