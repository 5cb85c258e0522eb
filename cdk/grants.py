"""IAM statements that a Grant or a Trigger gives to a function's own role.

None of them reaches tenant data: that is the purpose of TenantAccess (constructs/tenant_access.py).
tests/infrastructure/test_function_roles.py checks it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from email.utils import parseaddr

from aws_cdk import aws_iam as iam

from cdk import names
from cdk.names import TENANT_ID_PATTERN
from docplatform.core.tenant import Plan
from docplatform.runtime.spec import Grant, Trigger


@dataclass(frozen=True, kw_only=True)
class RegionResources:
    """The resources of one region that grants name: ARNs, the account, the sender of mails and the WebSocket API's
    id. ``name`` is the region's."""

    account: str
    name: str
    home_region: str
    data_key: str
    token_keys: tuple[str, ...]
    cursor_key: str
    mail_sender: str
    live_api: str
    job_functions: tuple[str, ...]
    tick: str
    file_opener: str

    def queue(self, name: str) -> str:
        return names.queue_arn(self.account, self.name, name)

    @property
    def plan_queues(self) -> list[str]:
        return [self.queue(names.plan_queue(plan)) for plan in Plan]

    @property
    def job_queues(self) -> list[str]:
        return [self.queue(names.job_queue(function)) for function in self.job_functions]

    @property
    def operations_table(self) -> str:
        return f"arn:aws:dynamodb:{self.name}:{self.account}:table/{names.OPERATIONS_TABLE}"

    @property
    def operation_workflows(self) -> list[str]:
        return [names.workflow_arn(self.account, self.name, each) for each in names.OPERATION_WORKFLOWS.values()]

    @property
    def operation_executions(self) -> list[str]:
        return [names.executions_arn(self.account, self.name, each) for each in names.OPERATION_WORKFLOWS.values()]


def statements(grant: Grant, region: RegionResources, tenant_role: str) -> list[iam.PolicyStatement]:
    """The statements for one grant. ``tenant_role``: the ARN of the TenantAccess role for all that the function reaches of a
    tenant; '' for none."""
    match grant:
        case Grant.TENANT_ACCESS:
            return [_allow(["sts:AssumeRole", "sts:TagSession"], [tenant_role])]
        case Grant.TENANT_FILES | Grant.TENANT_SEARCH | Grant.TENANT_SECRETS:
            return []  # they choose the role
        case Grant.REGISTRY_READ:
            return [_allow(["dynamodb:GetItem"], [names.registry_arn(region.account, region.name)])]
        case Grant.REGISTRY_WRITE:
            return [
                _allow(
                    ["dynamodb:GetItem", "dynamodb:PutItem"], [names.registry_arn(region.account, region.home_region)]
                )
            ]
        case Grant.REGISTRY_LIST:
            index = f"{names.registry_arn(region.account, region.name)}/index/gsi1"
            return [_allow(["dynamodb:Query"], [index])]
        case Grant.COLLECTIONS:
            return _collections(region)
        case Grant.JOB_RECORDS:
            items = ["dynamodb:GetItem", "dynamodb:Query", "dynamodb:PutItem", "dynamodb:UpdateItem"]
            return [*_records(region, "job#*", items), _unfinished(region, "unfinished#run")]
        case Grant.JOB_SEND:
            return [_allow(["sqs:SendMessage"], region.job_queues), _key_of_queues(region, region.job_queues)]
        case Grant.JOB_START:
            return [_allow(["lambda:InvokeFunction"], [names.function_arn(region.account, region.name, region.tick)])]
        case Grant.OPEN_FILES:
            opener = names.function_arn(region.account, region.name, region.file_opener)
            return [_allow(["lambda:InvokeFunction"], [opener])]
        case Grant.TOKEN_SIGN:
            # all keys: functions of the version before still sign while a deployment is under way
            return [_allow(["kms:Sign"], region.token_keys)]
        case Grant.TOKEN_VERIFY:
            return [_allow(["kms:GetPublicKey"], region.token_keys)]
        case Grant.CURSOR_SECRET:
            return [_allow(["kms:GenerateMac"], [region.cursor_key])]
        case Grant.MAIL_SEND:
            return [_send_mail(region)]
        case Grant.RESET_SEND:
            resets = [region.queue(names.RESET_QUEUE)]
            return [_allow(["sqs:SendMessage"], resets), _key_of_queues(region, resets)]
        case Grant.QUEUE_SEND:
            return [_allow(["sqs:SendMessage"], region.plan_queues), _key_of_queues(region, region.plan_queues)]
        case Grant.LIVE_CONNECTIONS:
            place = f"arn:aws:execute-api:{region.name}:{region.account}:{region.live_api}/{names.STAGE}"
            return [
                _allow(
                    ["execute-api:ManageConnections"], [f"{place}/{how}/@connections/*" for how in ("POST", "DELETE")]
                )
            ]
        case Grant.SCAN_REQUEST:
            return [_allow(["guardduty:SendObjectMalwareScan"], ["*"])]  # the action takes no resource
        case Grant.EXPRESS_START:
            return [_allow(["states:StartSyncExecution"], [names.workflow_arn(region.account, region.name, "express")])]
        case Grant.OPERATIONS:
            return [
                *_records(region, "operation#*", ["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"]),
                _allow(["states:StartExecution"], region.operation_workflows),
                _allow(["states:DescribeExecution"], region.operation_executions),
            ]
        case Grant.FINDINGS:
            return _records(region, "finding#*", ["dynamodb:PutItem"])
        case Grant.ATTEMPTS:
            return _records(region, "attempts#*", ["dynamodb:UpdateItem", "dynamodb:PutItem"])
        case Grant.OPERATIONS_SWEEP:
            return [
                _unfinished(region, "unfinished#operation"),
                _allow(["states:GetExecutionHistory", "states:StopExecution"], region.operation_executions),
            ]


def _poll(region: RegionResources, queues: list[str]) -> list[iam.PolicyStatement]:
    actions = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility", "sqs:GetQueueAttributes"]
    return [_allow(actions, queues), _key_of_queues(region, queues)]


def trigger_statements(trigger: Trigger | None, name: str, region: RegionResources) -> list[iam.PolicyStatement]:
    """The statements for what Lambda does with the function's role: it polls the queue or stream, and moves failed
    events to the dead-letter queue. ``name``: the function's."""
    failed = [region.queue(names.dead_letters(names.function(name)))]
    put_away = [_allow(["sqs:SendMessage"], failed), _key_of_queues(region, failed)]
    match trigger:
        case Trigger.PLAN_QUEUE:
            return _poll(region, region.plan_queues)
        case Trigger.RESET_QUEUE:
            return _poll(region, [region.queue(names.RESET_QUEUE)])
        case Trigger.JOBS:
            return _poll(region, [region.queue(names.job_queue(name))])
        case Trigger.UPLOAD | Trigger.CLOUD_TRAIL:
            return put_away
        case Trigger.DOCUMENT_STREAM | Trigger.SESSION_STREAM:
            return [*_read_stream(region, names.DATA_TABLE), *put_away]
        case Trigger.AUDIT_STREAM:
            return [*_read_stream(region, names.AUDIT_TABLE), *put_away]
        case _:
            return []


def _records(region: RegionResources, keys: str, actions: list[str]) -> list[iam.PolicyStatement]:
    """Statements for the items of the operations table whose partition keys fit ``keys``."""
    context = {
        "kms:ViaService": f"dynamodb.{region.name}.amazonaws.com",
        "kms:EncryptionContext:aws:dynamodb:tableName": names.OPERATIONS_TABLE,
    }
    use_key = ["kms:GenerateDataKey", "kms:Decrypt", "kms:Encrypt", "kms:ReEncryptFrom", "kms:ReEncryptTo"]
    return [
        _allow(actions, [region.operations_table], _leading(keys)),
        _allow(use_key, [region.data_key], {"StringEquals": context}),
    ]


def _unfinished(region: RegionResources, key: str) -> iam.PolicyStatement:
    """The statement for one partition of the operations table's index."""
    return _allow(["dynamodb:Query"], [f"{region.operations_table}/index/gsi1"], _leading(key))


def _leading(keys: str) -> dict[str, object]:
    return {
        "ForAllValues:StringLike": {"dynamodb:LeadingKeys": [keys]},
        "Null": {"dynamodb:LeadingKeys": "false"},
    }


def _collections(region: RegionResources) -> list[iam.PolicyStatement]:
    """Statements to make, find and delete tenants' search collections. Only a collection with the tag ``tenant_id`` can be
    made or deleted, and the tag of one cannot be changed. Making one uses the data key by a grant that the service keeps
    (docs.aws.amazon.com/opensearch-service/latest/developerguide/serverless-encryption.html). A collection has no ARN
    before it is made."""
    place = f"arn:aws:aoss:{region.name}:{region.account}"
    made = {
        "StringLike": {"aws:RequestTag/tenant_id": TENANT_ID_PATTERN},
        "ForAllValues:StringEquals": {"aws:TagKeys": ["tenant_id"]},
    }
    through = {"kms:ViaService": f"aoss.{region.name}.amazonaws.com"}
    return [
        _allow(["aoss:CreateCollection"], ["*"], made),
        _allow(["aoss:TagResource"], ["*"], {**made, "Null": {"aws:ResourceTag/tenant_id": "true"}}),
        _allow(["aoss:BatchGetCollection"], ["*"]),
        _allow(
            ["aoss:AddCollectionToCollectionGroup"],
            [f"{place}:collection-group/*"],
            {"StringEquals": {"aoss:collection-group": names.SEARCH_GROUP}},
        ),
        _allow(
            ["aoss:DeleteCollection"],
            [f"{place}:collection/*"],
            {"StringLike": {"aws:ResourceTag/tenant_id": TENANT_ID_PATTERN}},
        ),
        _allow(["kms:DescribeKey"], [region.data_key], {"StringEquals": through}),
        _allow(
            ["kms:CreateGrant"],
            [region.data_key],
            {"StringEquals": through, "Bool": {"kms:GrantIsForAWSResource": "true"}},
        ),
    ]


def _read_stream(region: RegionResources, name: str) -> list[iam.PolicyStatement]:
    """Statements to read a table's stream: keys of the data table, images of audit records. The stream is encrypted like its
    table, in the table's encryption context
    (docs.aws.amazon.com/amazondynamodb/latest/developerguide/encryption.howitworks.html)."""
    table = f"arn:aws:dynamodb:{region.name}:{region.account}:table/{name}"
    context = {
        "kms:ViaService": f"dynamodb.{region.name}.amazonaws.com",
        "kms:EncryptionContext:aws:dynamodb:tableName": name,
    }
    return [
        _allow(["dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator"], [f"{table}/stream/*"]),
        _allow(["dynamodb:ListStreams"], ["*"]),  # the action takes no resource
        _allow(["kms:Decrypt"], [region.data_key], {"StringEquals": context}),
    ]


def _key_of_queues(region: RegionResources, queues: list[str]) -> iam.PolicyStatement:
    """A statement to use the data key for messages of these queues and for nothing else
    (docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-key-management.html)."""
    context = {"kms:ViaService": f"sqs.{region.name}.amazonaws.com", "kms:EncryptionContext:aws:sqs:arn": queues}
    return _allow(["kms:Decrypt", "kms:GenerateDataKey"], [region.data_key], {"StringEquals": context})


def _send_mail(region: RegionResources) -> iam.PolicyStatement:
    address = parseaddr(region.mail_sender)[1]
    identities = [
        f"arn:aws:ses:{region.name}:{region.account}:identity/{each}" for each in (address.partition("@")[2], address)
    ]
    return _allow(["ses:SendEmail"], identities, {"StringEquals": {"ses:FromAddress": address}})


def _allow(
    actions: Iterable[str], resources: Iterable[str], conditions: dict[str, object] | None = None
) -> iam.PolicyStatement:
    return iam.PolicyStatement(actions=list(actions), resources=list(resources), conditions=conditions)
