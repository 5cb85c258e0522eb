"""Physical names of resources.

They are fixed where another stack, the local cloud or an operator has to know them. So the stacks of a region need no
exports of one another, and a function can be deleted without a lock between stacks.
"""

from __future__ import annotations

from collections.abc import Collection

PREFIX = "docplatform"

TENANT = "${aws:PrincipalTag/tenant_id}"
"""The session's tenant, as a policy variable."""
TENANT_ID_PATTERN = "t????????????"  # STS allows no * or ? in the value of a tag

REGISTRY = f"{PREFIX}-registry"
DATA_TABLE = f"{PREFIX}-data"
AUDIT_TABLE = f"{PREFIX}-audit"
DATA_KEY = f"alias/{PREFIX}-data"
TOKEN_KEY = f"alias/{PREFIX}-token"
CURSOR_KEY = f"alias/{PREFIX}-cursors"
SEARCH_GROUP = PREFIX
SEARCH_INDEX = "documents-2"  # in each tenant's collection; the same as in search/adapters/opensearch.py
COLLECTIONS = f"{PREFIX}-t*"  # tenants' search collections: docplatform-<tenant's id>
COLLECTION_POLICIES = f"{PREFIX}-tenants"
API = PREFIX
LIVE_API = f"{PREFIX}-live"
STAGE = "live"
OPERATIONS_TABLE = f"{PREFIX}-operations"
SCHEDULE_GROUP = f"{PREFIX}-schedules"
ALARM_TOPIC = f"{PREFIX}-alarms"
WORKFLOW = f"{PREFIX}-processing"
KINDS = ("express", "standard")  # two state machines of the processing workflow, with one definition
OPERATION_WORKFLOWS = {"processing": "standard"}
"""Kind of operation → the state machine that does it, by the name that ``workflow`` takes."""


def collection(tenant_id: str) -> str:
    """A tenant's search collection. ``control_plane/adapters/collections.py`` makes the same name."""
    return f"{PREFIX}-{tenant_id}"


def stack(part: str, region: str = "") -> str:
    return f"{PREFIX}-{part}-{region}" if region else f"{PREFIX}-{part}"


def title(name: str) -> str:
    """``processing-extract`` → ``ProcessingExtract``, for ids of constructs and placeholders in workflows."""
    return "".join(part.capitalize() for part in name.split("-"))


def function(name: str) -> str:
    return f"{PREFIX}-{name}"


def region_boundary(region: str) -> str:
    """The managed policy that bounds every role of the region. It carries the region, because IAM is global."""
    return f"{PREFIX}-boundary-{region}"


def role(name: str, region: str) -> str:
    """A role's name. It carries the region, because IAM is global."""
    return f"{PREFIX}-{name}-{region}"


def tenant_role(reaches: Collection[str]) -> str:
    """The role by which functions with these grants act for a tenant, as ``role`` takes it: ``tenant-access-files-search``."""
    return "-".join(["tenant-access", *sorted(each.removeprefix("tenant-") for each in reaches)])


def function_arn(account: str, region: str, name: str) -> str:
    return f"arn:aws:lambda:{region}:{account}:function:{function(name)}"


def role_arn(account: str, region: str, name: str) -> str:
    return f"arn:aws:iam::{account}:role/{role(name, region)}"


def deployment_role_arn(account: str, region: str) -> str:
    """The role with which CloudFormation deploys, as ``cdk bootstrap`` names it
    (docs.aws.amazon.com/cdk/v2/guide/bootstrapping-env.html)."""
    return f"arn:aws:iam::{account}:role/cdk-*-cfn-exec-role-{account}-{region}"


def registry_arn(account: str, region: str) -> str:
    return f"arn:aws:dynamodb:{region}:{account}:table/{REGISTRY}"


def bucket(what: str, account: str, region: str) -> str:
    """A bucket's name. It carries account and region, because bucket names are unique in the world."""
    return f"{PREFIX}-{what}-{account}-{region}"


def bucket_arn(what: str, account: str, region: str) -> str:
    return f"arn:aws:s3:::{bucket(what, account, region)}"


def log_group(function_name: str) -> str:
    """The log group's name that Lambda uses by default."""
    return f"/aws/lambda/{function(function_name)}"


def log_streams_arn(account: str, region: str, function_name: str) -> str:
    return f"arn:aws:logs:{region}:{account}:log-group:{log_group(function_name)}:*"


def plan_queue(plan: str) -> str:
    return f"{PREFIX}-processing-{plan}"


RESET_QUEUE = f"{PREFIX}-password-resets"


def job_queue(function_name: str) -> str:
    """The queue of a function's jobs."""
    return f"{PREFIX}-jobs-{function_name}"


def schedule_group_arn(account: str, region: str) -> str:
    return f"arn:aws:scheduler:{region}:{account}:schedule-group/{SCHEDULE_GROUP}"


def dead_letters(of: str) -> str:
    """The dead-letter queue of ``of``, which is the name of a queue, rule or function."""
    return f"{of}-dead"


UPLOAD_RULE = f"{PREFIX}-uploads"
SCAN_RULE = f"{PREFIX}-scan-results"
INCIDENT_RULE = f"{PREFIX}-incidents"


def queue_arn(account: str, region: str, name: str) -> str:
    return f"arn:aws:sqs:{region}:{account}:{name}"


def queue_url(account: str, region: str, name: str) -> str:
    return f"https://sqs.{region}.amazonaws.com/{account}/{name}"


def workflow(kind: str) -> str:
    return f"{WORKFLOW}-{kind}"


def workflow_arn(account: str, region: str, kind: str) -> str:
    return f"arn:aws:states:{region}:{account}:stateMachine:{workflow(kind)}"


def executions_arn(account: str, region: str, kind: str) -> str:
    return f"arn:aws:states:{region}:{account}:execution:{workflow(kind)}:*"
