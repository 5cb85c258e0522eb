"""Environment variables of functions: one for each field of a spec's settings class."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

import aws_cdk as cdk

from cdk import names
from cdk.config import Config
from cdk.specs import Deployable, file_opener_of, schedules, tick_of
from cdk.stacks.data import DataStack
from docplatform.core.tenant import Plan
from docplatform.runtime.spec import FunctionSpec

Values = Mapping[str, str | Mapping[str, str] | Mapping[str, Mapping[str, object]] | Sequence[str]]


def values(config: Config, data: DataStack, *, live_api: str, functions: Sequence[Deployable]) -> Values:
    """The value of each setting by name, for the region of ``data``. ``live_api``: the WebSocket API's id. Queues
    and workflows belong to a later stack, so their fixed names are used."""
    account, region = config.account, data.region
    return {
        "region_addresses": config.addresses,
        "registry_table": names.REGISTRY,
        "registry_home_region": config.home_region,
        "data_table": names.DATA_TABLE,
        "audit_table": names.AUDIT_TABLE,
        "documents_bucket": data.documents.bucket_name,
        "search_endpoint": config.search_endpoint.replace("{region}", region),
        "collection_group": names.SEARCH_GROUP,
        "data_key_arn": data.kms_keys.data.key_arn,
        "token_key_arns": [key.key_arn for key in data.kms_keys.tokens],
        "cursor_key_arn": data.kms_keys.cursors.key_arn,
        "mail_sender": config.mail_sender,
        "sso_loopback": "yes" if config.sso_loopback else "no",
        "live_endpoint": config.live_endpoint.format(api=live_api, region=region, stage=names.STAGE),
        "queue_urls": {plan.value: names.queue_url(account, region, names.plan_queue(plan)) for plan in Plan},
        "reset_queue_url": names.queue_url(account, region, names.RESET_QUEUE),
        "operations_table": names.OPERATIONS_TABLE,
        "file_opener_function": names.function(file_opener_of(functions).name),
        "tick_function": names.function(tick_of(functions).name),
        "jobs": {
            schedule.name: {
                "per_tenant": schedule.per_tenant,
                "period": schedule.cadence.period,
                "deadline": schedule.deadline,
                "queue_url": names.queue_url(account, region, names.job_queue(spec.name)),
            }
            for schedule, spec in schedules(functions)
        },
        "express_workflow_arn": names.workflow_arn(account, region, "express"),
        "operation_workflows": {
            kind: names.workflow_arn(account, region, name) for kind, name in names.OPERATION_WORKFLOWS.items()
        },
    }


def environment(spec: FunctionSpec, known: Values, stack: cdk.Stack, *, tenant_role: str = "") -> dict[str, str]:
    """The environment variables of a function, with the name by which telemetry speaks of it. ``tenant_role``: the ARN of the
    function's TenantAccess role. Raises ValueError for a setting without a value."""
    found: dict[str, str] = {"POWERTOOLS_SERVICE_NAME": spec.name}
    own_queue = names.queue_url(stack.account, stack.region, names.dead_letters(names.function(spec.name)))
    known = {
        **known,
        "function_timeout": str(spec.timeout),
        "dead_letters_url": own_queue,
        "tenant_access_role_arn": tenant_role,
    }
    for field in fields(spec.settings):
        if field.name not in known:
            raise ValueError(
                f"{spec.name}: {spec.settings.__name__} has '{field.name}', for which cdk/environment.py has no value"
            )
        value: Any = known[field.name]
        found[field.name.upper()] = value if isinstance(value, str) else stack.to_json_string(value)
    return found
