"""A region's functions and the API before them."""

from __future__ import annotations

from typing import Any

import aws_cdk as cdk
from config import PREFIX, Config
from constructs import Construct
from docplatform.runtime.spec import FunctionSpec, Trigger
from parts.firewall import Firewall
from parts.functions import Functions
from parts.rest_api import RestApi
from parts.tenant_access import role_arn
from stacks.data import DataStack

PLANS = ("standard", "professional", "enterprise")


def queue_name(plan: str) -> str:
    return f"{PREFIX}-processing-{plan}"


class ComputeStack(cdk.Stack):
    def __init__(
        self,
        scope: Construct,
        name: str,
        *,
        config: Config,
        data: DataStack,
        functions: list[tuple[str, FunctionSpec]],
        **more: Any,
    ) -> None:
        super().__init__(scope, name, **more)
        self.functions = Functions(
            self,
            "Functions",
            config=config,
            specs=functions,
            values=self._values(config, data),
            key=data.key,
            token_key=data.token_key.key_arn,
        )
        by_name = self.functions.by_name
        authorizer = next(spec.name for _, spec in functions if spec.trigger is Trigger.AUTHORIZER)
        self.rest = RestApi(
            self,
            "Rest",
            config=config,
            mounts=[(mount, by_name[spec.name]) for _, spec in functions for mount in spec.mounts],
            authorizer=by_name[authorizer],
            key=data.key,
        )
        Firewall(self, "Firewall", stage_arn=self.rest.api.deployment_stage.stage_arn)
        cdk.CfnOutput(self, "RestApiId", value=self.rest.api.rest_api_id)

    def _values(self, config: Config, data: DataStack) -> dict[str, Any]:
        """Every setting a function can ask for. Queues and workflows stand in the next stack and go by their fixed names."""
        region, account = self.region, self.account
        machine = f"arn:aws:states:{region}:{account}:stateMachine:{PREFIX}-processing"
        return {
            "region_addresses": config.regions,
            "registry_table": f"{PREFIX}-registry",
            "registry_home_region": config.home_region,
            "tenant_access_role_arn": role_arn(account, region),
            "data_table": data.table.table_name,
            "audit_table": data.audit_table.table_name,
            "documents_bucket": data.documents.bucket_name,
            "search_endpoints": {"pooled": data.search.endpoint},
            "token_key_arn": data.token_key.key_arn,
            "mail_sender": config.mail_sender,
            "malware_scan": config.malware_scan,
            "queue_urls": {
                plan: f"https://sqs.{region}.amazonaws.com/{account}/{queue_name(plan)}" for plan in PLANS
            },
            "express_workflow_arn": f"{machine}-express",
            "standard_workflow_arn": f"{machine}-standard",
        }
