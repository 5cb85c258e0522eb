"""What each Grant of a function's spec allows its own role. None of it reaches tenant data: that goes through TenantAccess."""

from __future__ import annotations

from aws_cdk import aws_iam as iam
from config import PREFIX, Config
from docplatform.runtime.spec import Grant, Trigger


def statements(
    grant: Grant, *, config: Config, region: str, tenant_access: str, token_key: str, data_key: str
) -> list[iam.PolicyStatement]:
    account = config.account

    def allow(actions: list[str], *resources: str, **conditions: object) -> iam.PolicyStatement:
        return iam.PolicyStatement(actions=actions, resources=list(resources), conditions=conditions or None)

    registry = f"arn:aws:dynamodb:{region}:{account}:table/{PREFIX}-registry"
    home = f"arn:aws:dynamodb:{config.home_region}:{account}:table/{PREFIX}-registry"
    workflow = f"{PREFIX}-processing"
    machines = f"arn:aws:states:{region}:{account}:stateMachine:{workflow}"
    match grant:
        case Grant.TENANT_ACCESS:
            return [allow(["sts:AssumeRole", "sts:TagSession"], tenant_access)]
        case Grant.REGISTRY_READ:
            return [allow(["dynamodb:GetItem"], registry)]
        case Grant.REGISTRY_WRITE:
            return [allow(["dynamodb:GetItem", "dynamodb:PutItem"], *dict.fromkeys((home, registry)))]
        case Grant.TOKEN_SIGN:
            return [allow(["kms:Sign"], token_key)]
        case Grant.TOKEN_VERIFY:
            return [allow(["kms:GetPublicKey"], token_key)]
        case Grant.MAIL_SEND:
            domain = config.mail_sender.split("@")[1]
            identities = [f"arn:aws:ses:{region}:{account}:identity/{each}" for each in (domain, config.mail_sender)]
            return [
                iam.PolicyStatement(
                    actions=["ses:SendEmail"],
                    resources=identities,
                    conditions={"StringEquals": {"ses:FromAddress": config.mail_sender}},
                )
            ]
        case Grant.QUEUE_SEND:
            queues = f"arn:aws:sqs:{region}:{account}:{PREFIX}-processing-*"
            via = {"StringEquals": {"kms:ViaService": f"sqs.{region}.amazonaws.com"}}
            return [
                allow(["sqs:SendMessage"], queues),
                iam.PolicyStatement(
                    actions=["kms:GenerateDataKey", "kms:Decrypt"], resources=[data_key], conditions=via
                ),
            ]
        case Grant.WORKFLOW_START:
            executions = f"arn:aws:states:{region}:{account}:execution:{workflow}-standard:*"
            return [
                allow(["states:StartSyncExecution"], f"{machines}-express"),
                allow(["states:StartExecution"], f"{machines}-standard"),
                allow(["states:DescribeExecution"], executions),
            ]


def consuming(trigger: Trigger | None, *, account: str, region: str, data_key: str) -> list[iam.PolicyStatement]:
    """What being called by a queue or a stream takes. The stream carries keys only (see the data stack)."""
    queues = f"arn:aws:sqs:{region}:{account}:{PREFIX}"

    def key(service: str) -> iam.PolicyStatement:
        return iam.PolicyStatement(
            actions=["kms:Decrypt", "kms:GenerateDataKey"],
            resources=[data_key],
            conditions={"StringEquals": {"kms:ViaService": f"{service}.{region}.amazonaws.com"}},
        )

    match trigger:
        case Trigger.PLAN_QUEUE:
            receive = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility", "sqs:GetQueueAttributes"]
            return [iam.PolicyStatement(actions=receive, resources=[f"{queues}-processing-*"]), key("sqs")]
        case Trigger.UPLOAD:
            return [iam.PolicyStatement(actions=["sqs:SendMessage"], resources=[f"{queues}-dispatch-dead"]), key("sqs")]
        case Trigger.TABLE_STREAM:
            read = ["dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator"]
            stream = f"arn:aws:dynamodb:{region}:{account}:table/{PREFIX}-data/stream/*"
            return [
                iam.PolicyStatement(actions=read, resources=[stream]),
                iam.PolicyStatement(actions=["dynamodb:ListStreams"], resources=["*"]),
                iam.PolicyStatement(actions=["sqs:SendMessage"], resources=[f"{queues}-index-sync-dead"]),
                key("dynamodb"),
                key("sqs"),
            ]
    return []
