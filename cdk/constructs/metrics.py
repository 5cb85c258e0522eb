"""CloudWatch metrics of the region's resources, by fixed name, so that alarms and dashboards tie no stack to
another."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch

from cdk import names
from docplatform.core.tenant import Plan
from docplatform.runtime.metrics import NAMESPACE, SERVICE, Metric

MINUTE, FIVE_MINUTES = cdk.Duration.minutes(1), cdk.Duration.minutes(5)


def function(name: str, metric: str, statistic: str = "Sum") -> cloudwatch.Metric:
    """A metric of a function: Errors, Throttles, Duration, Invocations, …"""
    return _metric("AWS/Lambda", metric, statistic, FunctionName=names.function(name))


def api(metric: str, statistic: str) -> cloudwatch.Metric:
    """A metric of the REST API: Count, 4XXError, 5XXError, Latency, …"""
    return _metric("AWS/ApiGateway", metric, statistic, ApiName=names.API, Stage=names.STAGE)


def queue_length(queue: str) -> cloudwatch.Metric:
    """The number of messages in a queue."""
    return _metric("AWS/SQS", "ApproximateNumberOfMessagesVisible", "Maximum", MINUTE, QueueName=queue)


def oldest_message_age(plan: Plan) -> cloudwatch.Metric:
    """The age in seconds of the oldest message in a plan's queue."""
    queue = names.plan_queue(plan)
    return _metric("AWS/SQS", "ApproximateAgeOfOldestMessage", "Maximum", MINUTE, QueueName=queue)


def workflow(account: str, region: str, kind: str, metric: str) -> cloudwatch.Metric:
    """A metric of a workflow: ExecutionsSucceeded, ExecutionsFailed, ExecutionsTimedOut, …"""
    arn = names.workflow_arn(account, region, kind)
    return _metric("AWS/States", metric, "Sum", StateMachineArn=arn)


def firewall(region: str, metric: str) -> cloudwatch.Metric:
    """A metric of the firewall: BlockedRequests, CountedRequests, …"""
    return _metric("AWS/WAFV2", metric, "Sum", WebACL=f"{names.PREFIX}-firewall", Region=region, Rule="ALL")


def business(metric: Metric, function: str, statistic: str = "Sum", *, by: str = "") -> cloudwatch.Metric:
    """The values of a business metric that one function emits. ``by``: the value of the metric's own dimension, if it has one."""
    own = {metric.dimension: by} if metric.dimension and by else {}
    return _metric(NAMESPACE, metric.title, statistic, FIVE_MINUTES, **{SERVICE: function}, **own)


def business_by_dimension(metric: Metric) -> cloudwatch.MathExpression:
    """A line for each value of the metric's own dimension."""
    dimensions = ",".join((NAMESPACE, SERVICE, metric.dimension))
    search = f"SEARCH('{{{dimensions}}} MetricName=\"{metric.title}\"', 'Sum', {FIVE_MINUTES.to_seconds():.0f})"
    return cloudwatch.MathExpression(expression=search, using_metrics={}, period=FIVE_MINUTES)


def _metric(
    namespace: str, metric: str, statistic: str, period: cdk.Duration = FIVE_MINUTES, **dimensions: str
) -> cloudwatch.Metric:
    return cloudwatch.Metric(
        namespace=namespace,
        metric_name=metric,
        statistic=statistic,
        period=period,
        dimensions_map=dimensions,
    )
