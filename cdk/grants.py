"""What a Grant, and what being called by a trigger, allows a function's own role. None of it reaches tenant data: that
is what TenantAccess is for (constructs/tenant_access.py), and tests/infrastructure/test_function_roles.py holds it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from email.utils import parseaddr

from aws_cdk import aws_iam as iam

from cdk import names
from docplatform.core.tenant import Plan
from docplatform.runtime.spec import Grant, Trigger


@dataclass(frozen=True, kw_only=True)
class Reach:
    """A region's things that grants are about."""

    account: str
    region: str
    home_region: str
    tenant_access: str
    data_key: str
    token_keys: tuple[str, ...]
    mail_sender: str
    live_api: str

    def queue(self, name: str) -> str:
        return names.queue_arn(self.account, self.region, name)

    @property
    def plan_queues(self) -> list[str]:
        return [self.queue(names.plan_queue(plan)) for plan in Plan]


def statements(grant: Grant, to: Reach) -> list[iam.PolicyStatement]:
    match grant:
        case Grant.TENANT_ACCESS:
            return [_allow(["sts:AssumeRole", "sts:TagSession"], [to.tenant_access])]
        case Grant.REGISTRY_READ:
            return [_allow(["dynamodb:GetItem"], [names.registry_arn(to.account, to.region)])]
        case Grant.REGISTRY_WRITE:
            return [_allow(["dynamodb:GetItem", "dynamodb:PutItem"], [names.registry_arn(to.account, to.home_region)])]
        case Grant.TOKEN_SIGN:
            # all: while a deployment goes on, functions of before it sign still
            return [_allow(["kms:Sign"], to.token_keys)]
        case Grant.TOKEN_VERIFY:
            return [_allow(["kms:GetPublicKey"], to.token_keys)]
        case Grant.MAIL_SEND:
            return [_send_mail(to)]
        case Grant.QUEUE_SEND:
            return [_allow(["sqs:SendMessage"], to.plan_queues), _key_of_queues(to, to.plan_queues)]
        case Grant.LIVE_CONNECTIONS:
            place = f"arn:aws:execute-api:{to.region}:{to.account}:{to.live_api}/{names.STAGE}"
            return [
                _allow(
                    ["execute-api:ManageConnections"], [f"{place}/{how}/@connections/*" for how in ("POST", "DELETE")]
                )
            ]
        case Grant.WORKFLOW_START:
            standard = names.workflow_arn(to.account, to.region, "standard")
            return [
                _allow(["states:StartSyncExecution"], [names.workflow_arn(to.account, to.region, "express")]),
                _allow(["states:StartExecution"], [standard]),
                _allow(["states:DescribeExecution"], [names.executions_arn(to.account, to.region, "standard")]),
            ]


def called_by(trigger: Trigger | None, name: str, to: Reach) -> list[iam.PolicyStatement]:
    """For what Lambda does in the function's name: poll its queue or stream, put away what failed. ``name`` is the
    function's."""
    failed = [to.queue(names.dead_letters(names.function(name)))]
    put_away = [_allow(["sqs:SendMessage"], failed), _key_of_queues(to, failed)]
    match trigger:
        case Trigger.PLAN_QUEUE:
            poll = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility", "sqs:GetQueueAttributes"]
            return [_allow(poll, to.plan_queues), _key_of_queues(to, to.plan_queues)]
        case Trigger.UPLOAD:
            return put_away
        case Trigger.DOCUMENT_STREAM | Trigger.SESSION_STREAM:
            return [*_read_stream(to), *put_away]
    return []


def _read_stream(to: Reach) -> list[iam.PolicyStatement]:
    """The stream carries keys only. It is encrypted as its table is, and the key is used in the table's context
    (docs.aws.amazon.com/amazondynamodb/latest/developerguide/encryption.howitworks.html)."""
    table = f"arn:aws:dynamodb:{to.region}:{to.account}:table/{names.DATA_TABLE}"
    context = {
        "kms:ViaService": f"dynamodb.{to.region}.amazonaws.com",
        "kms:EncryptionContext:aws:dynamodb:tableName": names.DATA_TABLE,
    }
    return [
        _allow(["dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator"], [f"{table}/stream/*"]),
        _allow(["dynamodb:ListStreams"], ["*"]),  # knows no resources
        _allow(["kms:Decrypt"], [to.data_key], {"StringEquals": context}),
    ]


def _key_of_queues(to: Reach, queues: list[str]) -> iam.PolicyStatement:
    """The data key for these queues' messages and nothing else
    (docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-key-management.html)."""
    context = {"kms:ViaService": f"sqs.{to.region}.amazonaws.com", "kms:EncryptionContext:aws:sqs:arn": queues}
    return _allow(["kms:Decrypt", "kms:GenerateDataKey"], [to.data_key], {"StringEquals": context})


def _send_mail(to: Reach) -> iam.PolicyStatement:
    address = parseaddr(to.mail_sender)[1]
    identities = [
        f"arn:aws:ses:{to.region}:{to.account}:identity/{each}" for each in (address.partition("@")[2], address)
    ]
    return _allow(["ses:SendEmail"], identities, {"StringEquals": {"ses:FromAddress": address}})


def _allow(
    actions: Iterable[str], resources: Iterable[str], conditions: dict[str, object] | None = None
) -> iam.PolicyStatement:
    return iam.PolicyStatement(actions=list(actions), resources=list(resources), conditions=conditions)
