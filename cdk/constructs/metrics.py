"""CloudWatch metrics of the region's things, by their fixed names: watching them ties no stack to another."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch

from cdk import names
from docplatform.core.tenant import Plan

MINUTE, FIVE_MINUTES = cdk.Duration.minutes(1), cdk.Duration.minutes(5)


def function(name: str, metric: str, statistic: str = "Sum") -> cloudwatch.Metric:
    """``metric``: Errors, Throttles, Duration, Invocations, …"""
    return _metric("AWS/Lambda", metric, statistic, FunctionName=names.function(name))


def api(metric: str, statistic: str) -> cloudwatch.Metric:
    """``metric``: Count, 4XXError, 5XXError, Latency, …"""
    return _metric("AWS/ApiGateway", metric, statistic, ApiName=names.API, Stage=names.STAGE)


def waiting(queue: str) -> cloudwatch.Metric:
    """Messages in a queue."""
    return _metric("AWS/SQS", "ApproximateNumberOfMessagesVisible", "Maximum", MINUTE, QueueName=queue)


def oldest(plan: Plan) -> cloudwatch.Metric:
    """Age in seconds of the oldest message of a plan's queue."""
    queue = names.plan_queue(plan)
    return _metric("AWS/SQS", "ApproximateAgeOfOldestMessage", "Maximum", MINUTE, QueueName=queue)


def workflow(account: str, region: str, kind: str, metric: str) -> cloudwatch.Metric:
    """``metric``: ExecutionsSucceeded, ExecutionsFailed, ExecutionsTimedOut, …"""
    arn = names.workflow_arn(account, region, kind)
    return _metric("AWS/States", metric, "Sum", StateMachineArn=arn)


def firewall(region: str, metric: str) -> cloudwatch.Metric:
    """``metric``: BlockedRequests, CountedRequests, …"""
    return _metric("AWS/WAFV2", metric, "Sum", WebACL=f"{names.PREFIX}-firewall", Region=region, Rule="ALL")


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
