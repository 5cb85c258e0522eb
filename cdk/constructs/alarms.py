"""Alarms and the SNS topic that they notify."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from constructs import Construct

from cdk import names


class Alarms(Construct):
    """The region's alarms. ``email`` is notified when an alarm starts and when it ends; without it, subscribe your
    pager to the topic."""

    def __init__(self, scope: Construct, name: str, *, key: kms.IKey, email: str) -> None:
        super().__init__(scope, name)
        self.all: list[cloudwatch.IAlarm] = []
        self._topic = sns.Topic(self, "Topic", topic_name=names.ALARM_TOPIC, master_key=key, enforce_ssl=True)
        self._topic.add_to_resource_policy(
            iam.PolicyStatement(
                principals=[iam.ServicePrincipal("cloudwatch.amazonaws.com")],
                actions=["sns:Publish"],
                resources=[self._topic.topic_arn],
                conditions={"StringEquals": {"aws:SourceAccount": cdk.Stack.of(self).account}},
            )
        )
        if email:
            self._topic.add_subscription(subscriptions.EmailSubscription(email))

    def add(
        self,
        name: str,
        reason: str,
        metric: cloudwatch.IMetric,
        *,
        threshold: float,
        periods: int = 1,
        missing_is_healthy: bool = True,
    ) -> None:
        """Add an alarm that starts when ``metric`` reaches ``threshold`` for ``periods`` periods in a row. Periods
        without data count as healthy, or as reached."""
        missing = (
            cloudwatch.TreatMissingData.NOT_BREACHING if missing_is_healthy else cloudwatch.TreatMissingData.BREACHING
        )
        alarm = cloudwatch.Alarm(
            self,
            name,
            alarm_name=f"{names.PREFIX}-{name}",
            alarm_description=reason,
            metric=metric,
            threshold=threshold,
            evaluation_periods=periods,
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
            treat_missing_data=missing,
        )
        action = actions.SnsAction(self._topic)
        alarm.add_alarm_action(action)
        alarm.add_ok_action(action)
        self.all.append(alarm)
