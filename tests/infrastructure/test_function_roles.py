"""Permissions that functions, workflows and services have in their own name: a closed list without tenant data."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

import pytest

from cdk import specs
from docplatform.runtime.spec import TENANT_REACHES, Grant, Layer, Trigger
from tests.infrastructure.policies import Context, Statement, allows, roles, statements
from tests.infrastructure.synthesized import ACCOUNT, HOME, REGIONS, Assembly

SPECS = [each.spec for each in specs.discover()]
DATA_KEY, TOKEN_KEY, CURSOR_KEY = "<data key>", "<token key>", "<cursors key>"

INTERFACES = r"ec2:((Create|Delete)NetworkInterface|Describe(NetworkInterfaces|Subnets)|(Una|A)ssignPrivateIpAddresses)"

# action, resource, and the condition keys that must narrow it; {r} is the region, {a} the account, {f} the function
CLOSED_LIST: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    (r"logs:(CreateLogStream|PutLogEvents)", r"arn:aws:logs:{r}:{a}:log-group:/aws/lambda/docplatform-{f}:\*", ()),
    (r"xray:(PutTraceSegments|PutTelemetryRecords)", r"\*", ()),
    (INTERFACES, r"\*", ()),  # of Lambda itself, not of the function's code: the test of what opens untrusted files
    (r"sts:(AssumeRole|TagSession)", r"<TenantAccess(Files|Search|FilesSearch|Secrets)?Role\w+\.Arn>", ()),  # which: test_tenant_roles.py
    (r"dynamodb:GetItem", r"arn:aws:dynamodb:{r}:{a}:table/docplatform-registry", ()),
    (r"dynamodb:(GetItem|PutItem)", rf"arn:aws:dynamodb:{HOME}:{{a}}:table/docplatform-registry", ()),
    (r"kms:(Sign|GetPublicKey)", TOKEN_KEY, ()),
    (r"kms:GenerateMac", CURSOR_KEY, ()),
    (r"ses:SendEmail", r"arn:aws:ses:{r}:{a}:identity/(no-reply@)?docplatform\.example", ("ses:FromAddress",)),
    (r"sqs:(SendMessage|ReceiveMessage|DeleteMessage|ChangeMessageVisibility|GetQueueAttributes)",
     r"arn:aws:sqs:{r}:{a}:docplatform-processing-(standard|professional|enterprise)", ()),
    (r"sqs:(SendMessage|ReceiveMessage|DeleteMessage|ChangeMessageVisibility|GetQueueAttributes)",
     r"arn:aws:sqs:{r}:{a}:docplatform-password-resets", ()),
    (r"sqs:SendMessage", r"arn:aws:sqs:{r}:{a}:docplatform-{f}-dead", ()),
    # jobs and operations: their list of tenants, their records and index (which hold ids and counts), their queues
    (r"dynamodb:Query", r"arn:aws:dynamodb:{r}:{a}:table/docplatform-registry/index/gsi1", ()),
    (r"dynamodb:(GetItem|Query|PutItem|UpdateItem)", r"arn:aws:dynamodb:{r}:{a}:table/docplatform-operations", ("dynamodb:LeadingKeys",)),
    (r"dynamodb:Query", r"arn:aws:dynamodb:{r}:{a}:table/docplatform-operations/index/gsi1", ("dynamodb:LeadingKeys",)),
    (r"kms:(Decrypt|GenerateDataKey|Encrypt|ReEncryptFrom|ReEncryptTo)", DATA_KEY,
     ("kms:ViaService", "kms:EncryptionContext:aws:dynamodb:tableName")),
    (r"sqs:SendMessage", r"arn:aws:sqs:{r}:{a}:docplatform-jobs-[a-z-]+", ()),
    (r"sqs:(ReceiveMessage|DeleteMessage|ChangeMessageVisibility|GetQueueAttributes)",
     r"arn:aws:sqs:{r}:{a}:docplatform-jobs-{f}", ()),
    (r"lambda:InvokeFunction", r"arn:aws:lambda:{r}:{a}:function:docplatform-(job-tick|file-opener)", ()),
    (r"kms:(Decrypt|GenerateDataKey)", DATA_KEY, ("kms:ViaService", "kms:EncryptionContext:aws:sqs:arn")),
    # collections of tenants: made and deleted with a tenant's tag only; none of these actions opens one
    (r"aoss:CreateCollection", r"\*", ("aws:RequestTag/tenant_id", "aws:TagKeys")),
    (r"aoss:TagResource", r"\*", ("aws:RequestTag/tenant_id", "aws:ResourceTag/tenant_id")),
    (r"aoss:BatchGetCollection", r"\*", ()),
    (r"aoss:AddCollectionToCollectionGroup", r"arn:aws:aoss:{r}:{a}:collection-group/\*", ("aoss:collection-group",)),
    (r"aoss:DeleteCollection", r"arn:aws:aoss:{r}:{a}:collection/\*", ("aws:ResourceTag/tenant_id",)),
    (r"kms:(DescribeKey|CreateGrant)", DATA_KEY, ("kms:ViaService",)),
    (r"states:(StartSyncExecution|StartExecution)", r"arn:aws:states:{r}:{a}:stateMachine:docplatform-processing-\w+", ()),
    (r"states:(DescribeExecution|GetExecutionHistory|StopExecution)",
     r"arn:aws:states:{r}:{a}:execution:docplatform-processing-standard:\*", ()),
    (r"guardduty:SendObjectMalwareScan", r"\*", ()),  # asks for a scan, and learns nothing of its result
    (r"execute-api:ManageConnections", r"arn:aws:execute-api:{r}:{a}:<LiveApi\w+>/live/(POST|DELETE)/@connections/\*", ()),
    # the readers of the streams: of the data table's, which carries keys only (test_stored_data.py), and of changed audit records
    (r"dynamodb:(DescribeStream|GetRecords|GetShardIterator)", r"arn:aws:dynamodb:{r}:{a}:table/docplatform-(data|audit)/stream/\*", ()),
    (r"dynamodb:ListStreams", r"\*", ()),
    (r"kms:Decrypt", DATA_KEY, ("kms:ViaService", "kms:EncryptionContext:aws:dynamodb:tableName")),
)  # fmt: skip


def _own(production: Assembly, region: str) -> Iterator[tuple[str, list[Statement]]]:
    """Each function with the statements of its own role."""
    data = production.stack("data", region)
    known = {f"<{data.key(f'alias/docplatform-{what}')}.Arn>": f"<{what} key>" for what in ("data", "token", "cursors")}
    found = dict(roles(production.stack("api", region)))
    for spec in SPECS:
        policy = found[f"docplatform-{spec.name}-{region}"]
        yield (
            spec.name,
            [replace(each, resources=tuple(known.get(name, name) for name in each.resources)) for each in policy],
        )


def _listed(statement: Statement, action: str, resource: str, region: str, function: str) -> bool:
    conditions = {key for keys in statement.conditions.values() for key in keys}
    names = {"r": region, "a": ACCOUNT, "f": function}
    return any(
        re.fullmatch(actions, action)
        and re.fullmatch(resources.format(**names), resource)
        and set(narrowed) <= conditions
        for actions, resources, narrowed in CLOSED_LIST
    )


@pytest.mark.parametrize("region", REGIONS)
def test_functions_own_roles_allow_only_what_is_on_the_list(production: Assembly, region: str) -> None:
    for function, policy in _own(production, region):
        for statement in policy:
            for action in statement.actions:
                for resource in statement.resources:
                    assert _listed(statement, action, resource, region, function), f"{function}: {statement}"


DATA_ACTIONS = {
    "dynamodb": ("GetItem", "BatchGetItem", "Query", "Scan", "PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem",
                 "PartiQLSelect", "ConditionCheckItem", "ExportTableToPointInTime"),
    "s3": ("GetObject", "GetObjectVersion", "PutObject", "DeleteObject", "DeleteObjectVersion", "ListBucket", "GetObjectTagging"),
    "aoss": ("APIAccessAll",),
}  # fmt: skip


def _tenant_data(region: str) -> dict[str, tuple[str, ...]]:
    table = f"arn:aws:dynamodb:{region}:{ACCOUNT}:table/docplatform-"
    buckets = [f"arn:aws:s3:::docplatform-{what}-{ACCOUNT}-{region}" for what in ("documents", "audit")]
    return {
        "dynamodb": (f"{table}data", f"{table}data/index/gsi1", f"{table}audit", f"{table}operations"),
        "s3": (
            *buckets,
            *(f"{bucket}/tenants/t000000000001/documents/1/2/original" for bucket in buckets),
            *(f"{bucket}/derived/t000000000001/documents/1/2/text.txt" for bucket in buckets),
        ),
        "aoss": (f"arn:aws:aoss:{region}:{ACCOUNT}:collection/anything",),
    }


@pytest.mark.parametrize("region", REGIONS)
def test_no_function_reaches_tenant_data_in_its_own_name_whatever_it_asks(production: Assembly, region: str) -> None:
    nothing: Context = {}
    tag: Context = {"aws:PrincipalTag/tenant_id": "t000000000001", "dynamodb:LeadingKeys": ["t000000000001#x"]}
    for function, policy in _own(production, region):
        for service, resources in _tenant_data(region).items():
            for resource in resources:
                for action in DATA_ACTIONS[service]:
                    for context in (nothing, tag):
                        assert not allows(policy, f"{service}:{action}", resource, context), f"{function}: {action}"


@pytest.mark.parametrize("region", REGIONS)
def test_no_function_uses_the_data_key_by_hand_or_for_stored_data(production: Assembly, region: str) -> None:
    for function, policy in _own(production, region):
        for action in ("kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey", "kms:ReEncryptFrom"):
            assert not allows(policy, action, DATA_KEY, {}), function
            assert not allows(policy, action, DATA_KEY, {"kms:EncryptionContext:tenant_id": "t000000000001"}), function
            bucket = f"arn:aws:s3:::docplatform-documents-{ACCOUNT}-{region}"
            through = {"kms:ViaService": f"s3.{region}.amazonaws.com", "kms:EncryptionContext:aws:s3:arn": bucket}
            assert not allows(policy, action, DATA_KEY, through), function


@pytest.mark.parametrize("region", REGIONS)
def test_a_role_has_what_its_grants_say_and_a_function_without_the_grant_has_not(
    production: Assembly, region: str
) -> None:
    telling = {
        Grant.REGISTRY_READ: ("dynamodb:GetItem", f"arn:aws:dynamodb:{region}:{ACCOUNT}:table/docplatform-registry"),
        Grant.REGISTRY_WRITE: ("dynamodb:PutItem", f"arn:aws:dynamodb:{HOME}:{ACCOUNT}:table/docplatform-registry"),
        Grant.TOKEN_SIGN: ("kms:Sign", TOKEN_KEY),
        Grant.TOKEN_VERIFY: ("kms:GetPublicKey", TOKEN_KEY),
        Grant.CURSOR_SECRET: ("kms:GenerateMac", CURSOR_KEY),
        Grant.MAIL_SEND: ("ses:SendEmail", f"arn:aws:ses:{region}:{ACCOUNT}:identity/docplatform.example"),
        Grant.QUEUE_SEND: ("sqs:SendMessage", f"arn:aws:sqs:{region}:{ACCOUNT}:docplatform-processing-standard"),
        Grant.RESET_SEND: ("sqs:SendMessage", f"arn:aws:sqs:{region}:{ACCOUNT}:docplatform-password-resets"),
        Grant.LIVE_CONNECTIONS: (
            "execute-api:ManageConnections",
            f"arn:aws:execute-api:{region}:{ACCOUNT}:<{_live_api(production, region)}>/live/DELETE/@connections/x",
        ),
        Grant.REGISTRY_LIST: (
            "dynamodb:Query",
            f"arn:aws:dynamodb:{region}:{ACCOUNT}:table/docplatform-registry/index/gsi1",
        ),
        Grant.COLLECTIONS: ("aoss:DeleteCollection", f"arn:aws:aoss:{region}:{ACCOUNT}:collection/x"),
        Grant.JOB_RECORDS: ("dynamodb:PutItem", f"arn:aws:dynamodb:{region}:{ACCOUNT}:table/docplatform-operations"),
        Grant.FINDINGS: ("dynamodb:PutItem", f"arn:aws:dynamodb:{region}:{ACCOUNT}:table/docplatform-operations"),
        Grant.ATTEMPTS: ("dynamodb:UpdateItem", f"arn:aws:dynamodb:{region}:{ACCOUNT}:table/docplatform-operations"),
        Grant.JOB_SEND: ("sqs:SendMessage", f"arn:aws:sqs:{region}:{ACCOUNT}:docplatform-jobs-job-watch"),
        Grant.JOB_START: ("lambda:InvokeFunction", f"arn:aws:lambda:{region}:{ACCOUNT}:function:docplatform-job-tick"),
        Grant.SCAN_REQUEST: ("guardduty:SendObjectMalwareScan", "*"),
        Grant.OPEN_FILES: (
            "lambda:InvokeFunction",
            f"arn:aws:lambda:{region}:{ACCOUNT}:function:docplatform-file-opener",
        ),
        Grant.EXPRESS_START: (
            "states:StartSyncExecution",
            f"arn:aws:states:{region}:{ACCOUNT}:stateMachine:docplatform-processing-express",
        ),
        Grant.OPERATIONS: (
            "states:StartExecution",
            f"arn:aws:states:{region}:{ACCOUNT}:stateMachine:docplatform-processing-standard",
        ),
        Grant.OPERATIONS_SWEEP: (
            "states:StopExecution",
            f"arn:aws:states:{region}:{ACCOUNT}:execution:docplatform-processing-standard:x",
        ),
    }
    leading = {Grant.FINDINGS: "finding#audit-tampered", Grant.ATTEMPTS: "attempts#x"}
    of_tenants = {Grant.TENANT_ACCESS, *TENANT_REACHES}  # test_tenant_roles.py
    assert set(telling) | of_tenants == set(Grant), "a new grant needs its line here"
    own = dict(_own(production, region))
    for spec in SPECS:
        for grant, (action, named) in telling.items():
            if grant is Grant.REGISTRY_READ and Grant.REGISTRY_WRITE in spec.grants:
                continue  # writing includes reading
            context: Context = {
                "ses:FromAddress": "no-reply@docplatform.example",
                "dynamodb:LeadingKeys": [leading.get(grant, "job#sweep")],
                "aws:ResourceTag/tenant_id": "t000000000001",
            }
            assert allows(own[spec.name], action, named, context) == (grant in spec.grants), f"{spec.name}: {grant}"


@pytest.mark.parametrize("region", REGIONS)
def test_what_opens_untrusted_files_may_write_its_log_and_nothing_else(production: Assembly, region: str) -> None:
    """It gets links to one object. The parsers are in its layers, and in those of no other function."""
    (opener,) = [spec for spec in SPECS if spec.untrusted_input]
    own = dict(_own(production, region))
    actions = {action for statement in own[opener.name] for action in statement.actions if statement.effect == "Allow"}
    in_code: Context = {
        "lambda:SourceFunctionArn": f"arn:aws:lambda:{region}:{ACCOUNT}:function:docplatform-{opener.name}"
    }
    writing = {"logs:CreateLogStream", "logs:PutLogEvents", "xray:PutTraceSegments", "xray:PutTelemetryRecords"}
    assert {each for each in actions if not each.startswith("ec2:")} == writing
    for action in actions - writing:
        assert re.fullmatch(INTERFACES, action)
        assert allows(own[opener.name], action, "*", {}), "Lambda makes interfaces with the function's role"
        assert not allows(own[opener.name], action, "*", in_code), "and the function's code does not"
    others = {name for name, policy in own.items() if any("ec2:" in str(each) for each in policy)}
    assert others == {opener.name}
    assert [spec.name for spec in SPECS if Layer.PARSERS in spec.layers] == [opener.name]


@pytest.mark.parametrize("region", REGIONS)
def test_what_opens_untrusted_files_has_no_way_out_but_to_the_documents(production: Assembly, region: str) -> None:
    api = production.stack("api", region)
    inside = {each["FunctionName"] for each in api.of("AWS::Lambda::Function").values() if "VpcConfig" in each}
    assert inside == {f"docplatform-{spec.name}" for spec in SPECS if spec.untrusted_input}
    (function,) = [each for each in api.of("AWS::Lambda::Function").values() if "VpcConfig" in each]
    subnets = api.of("AWS::EC2::Subnet")
    assert set(function["VpcConfig"]["SubnetIds"]) == {f"<{each}>" for each in subnets}
    assert len({each["AvailabilityZone"] for each in subnets.values()}) == 2
    for kind in ("InternetGateway", "NatGateway", "Route", "VPCGatewayAttachment", "EgressOnlyInternetGateway"):
        assert not api.of(f"AWS::EC2::{kind}"), "a way out"
    (endpoint,) = api.of("AWS::EC2::VPCEndpoint").values()
    assert (endpoint["VpcEndpointType"], endpoint["ServiceName"]) == ("Gateway", f"com.amazonaws.{region}.s3")
    policy = statements(endpoint["PolicyDocument"])
    documents = f"arn:aws:s3:::docplatform-documents-{ACCOUNT}-{region}/tenants/t1/documents/1/2/original"
    for bucket in (documents, documents.replace("documents-", "audit-"), "arn:aws:s3:::elsewhere/tenants/t1/x"):
        for action in ("GetObject", "PutObject", "DeleteObject", "ListBucket"):
            due = bucket == documents and action in ("GetObject", "PutObject")
            assert allows(policy, f"s3:{action}", bucket, {}) == due, f"{action} of {bucket}"
    (group,) = api.of("AWS::EC2::SecurityGroup").values()
    assert "SecurityGroupIngress" not in group
    (flow,) = api.of("AWS::EC2::FlowLog").values()
    assert flow["TrafficType"] == "ALL"


@pytest.mark.parametrize("region", REGIONS)
def test_a_collections_tag_is_set_when_it_is_made_and_never_again(production: Assembly, region: str) -> None:
    made: Context = {"aws:RequestTag/tenant_id": "t000000000001", "aws:TagKeys": ["tenant_id"]}
    collection = f"arn:aws:aoss:{region}:{ACCOUNT}:collection/x"
    for function, policy in _own(production, region):
        makes = Grant.COLLECTIONS in next(spec.grants for spec in SPECS if spec.name == function)
        for action in ("aoss:CreateCollection", "aoss:TagResource"):
            assert allows(policy, action, "*", made) == makes, function
            for other in ({}, {**made, "aws:RequestTag/tenant_id": "*"}, {**made, "aws:TagKeys": ["tenant_id", "x"]}):
                assert not allows(policy, action, "*", other), function
        theirs: Context = {**made, "aws:ResourceTag/tenant_id": "t000000000002"}
        assert not allows(policy, "aoss:TagResource", collection, theirs), function
        assert not allows(policy, "aoss:UntagResource", collection, theirs), function
        assert not allows(policy, "aoss:DeleteCollection", collection, {}), function


@pytest.mark.parametrize("region", REGIONS)
def test_the_registry_is_written_in_its_home_region_only(production: Assembly, region: str) -> None:
    for function, policy in _own(production, region):
        for other in set(REGIONS) - {HOME}:
            table = f"arn:aws:dynamodb:{other}:{ACCOUNT}:table/docplatform-registry"
            assert not allows(policy, "dynamodb:PutItem", table, {}), function


@pytest.mark.parametrize("region", REGIONS)
def test_a_job_reaches_the_records_of_jobs_and_none_of_a_tenants_own(production: Assembly, region: str) -> None:
    table = f"arn:aws:dynamodb:{region}:{ACCOUNT}:table/docplatform-operations"
    for function, policy in _own(production, region):
        for key in ("t000000000001#operation#1", "unfinished#run", ""):
            context: Context = {"dynamodb:LeadingKeys": [key]} if key else {}
            for action in ("GetItem", "Query", "PutItem", "UpdateItem", "DeleteItem", "Scan"):
                assert not allows(policy, f"dynamodb:{action}", table, context), f"{function}: {action} of {key}"
        for key in ("job#sweep", "operation#t000000000001", "t000000000001#operation#1"):
            assert not allows(policy, "dynamodb:Query", f"{table}/index/gsi1", {"dynamodb:LeadingKeys": [key]}), (
                function
            )


@pytest.mark.parametrize("region", REGIONS)
def test_jobs_and_operations_reach_their_own_records_only(production: Assembly, region: str) -> None:
    table = f"arn:aws:dynamodb:{region}:{ACCOUNT}:table/docplatform-operations"
    spec_of = {spec.name: spec for spec in SPECS}
    for function, policy in _own(production, region):
        grants = spec_of[function].grants

        def may(action: str, key: str, resource: str = table, policy: list[Statement] = policy) -> bool:
            return allows(policy, f"dynamodb:{action}", resource, {"dynamodb:LeadingKeys": [key]})

        index = f"{table}/index/gsi1"
        assert may("UpdateItem", "job#sweep") == (Grant.JOB_RECORDS in grants), function
        assert may("UpdateItem", "operation#t000000000001") == (Grant.OPERATIONS in grants), function
        assert may("Query", "unfinished#run", index) == (Grant.JOB_RECORDS in grants), function
        assert may("Query", "unfinished#operation", index) == (Grant.OPERATIONS_SWEEP in grants), function
        assert not may("Query", "operation#t000000000001"), function


@pytest.mark.parametrize("region", REGIONS)
def test_schedules_call_the_tick_and_nothing_else(production: Assembly, region: str) -> None:
    stack = production.stack("workflows", region)
    policy = dict(roles(stack))[f"docplatform-schedules-{region}"]
    called = {r for each in policy if "lambda:InvokeFunction" in each.actions for r in each.resources}
    assert called == {f"arn:aws:lambda:{region}:{ACCOUNT}:function:docplatform-job-tick"}
    actions = {action for each in policy for action in each.actions}
    assert actions == {"lambda:InvokeFunction", "sqs:SendMessage", "kms:Decrypt", "kms:GenerateDataKey"}
    (role,) = [
        each for each in stack.of("AWS::IAM::Role").values() if each["RoleName"] == f"docplatform-schedules-{region}"
    ]
    (trust,) = role["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Principal"] == {"Service": "scheduler.amazonaws.com"}
    group = f"arn:aws:scheduler:{region}:{ACCOUNT}:schedule-group/docplatform-schedules"
    assert trust["Condition"] == {"StringEquals": {"aws:SourceAccount": ACCOUNT, "aws:SourceArn": group}}


@pytest.mark.parametrize("region", REGIONS)
def test_the_workflow_calls_its_steps_and_nothing_else(production: Assembly, region: str) -> None:
    found = dict(roles(production.stack("workflows", region)))
    policy = found.pop(f"docplatform-processing-workflow-{region}")
    assert found.keys() == {f"docplatform-schedules-{region}"}, "no other role in the stack"
    steps = {spec.name for spec in SPECS if spec.trigger is Trigger.WORKFLOW}
    called = {r for each in policy if "lambda:InvokeFunction" in each.actions for r in each.resources}
    assert called == {f"arn:aws:lambda:{region}:{ACCOUNT}:function:docplatform-{step}" for step in steps}
    services = {action.partition(":")[0] for each in policy for action in each.actions}
    assert services == {"lambda", "logs", "xray"}
    delivery = {action for each in policy for action in each.actions if action.startswith("logs:")}
    assert not delivery & {"logs:GetLogEvents", "logs:FilterLogEvents", "logs:StartQuery"}


@pytest.mark.parametrize("region", REGIONS)
def test_the_scanner_reads_uploads_and_is_guardduty(production: Assembly, region: str) -> None:
    data = production.stack("data", region)
    role = data.one("AWS::IAM::Role", RoleName=f"docplatform-malware-scan-{region}")
    (trust,) = role["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Principal"] == {"Service": "malware-protection-plan.guardduty.amazonaws.com"}
    policy = dict(roles(data))[f"docplatform-malware-scan-{region}"]
    bucket = f"arn:aws:s3:::docplatform-documents-{ACCOUNT}-{region}"
    file = f"{bucket}/tenants/t000000000001/documents/1/2/original"
    assert allows(policy, "s3:GetObject", file, {}) and allows(policy, "s3:PutObjectTagging", file, {})
    for action in ("s3:PutObject", "s3:DeleteObject", "s3:DeleteObjectVersion"):
        assert not allows(policy, action, file, {})
    assert not allows(policy, "s3:GetObject", f"{bucket}/derived/t000000000001/documents/1/2/text.txt", {})


@pytest.mark.parametrize("region", REGIONS)
def test_every_role_of_a_function_can_be_assumed_by_lambda_alone(production: Assembly, region: str) -> None:
    by_name = {role.get("RoleName"): role for role in production.stack("api", region).of("AWS::IAM::Role").values()}
    for spec in SPECS:
        (trust,) = by_name[f"docplatform-{spec.name}-{region}"]["AssumeRolePolicyDocument"]["Statement"]
        assert trust["Principal"] == {"Service": "lambda.amazonaws.com"}
        assert trust["Action"] == "sts:AssumeRole"


def _live_api(production: Assembly, region: str) -> str:
    (api,) = production.stack("api", region).of("AWS::ApiGatewayV2::Api")
    return api
