"""A region's functions, REST API, WebSocket API and firewall."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import aws_cdk as cdk
from constructs import Construct

from cdk import layers
from cdk.config import Config, Region
from cdk.constructs.domain import Domain
from cdk.constructs.firewall import Firewall
from cdk.constructs.functions import Functions
from cdk.constructs.rest_api import RestApi
from cdk.constructs.websocket_api import WebSocketApi
from cdk.environment import values
from cdk.grants import RegionResources
from cdk.specs import Deployable, file_opener_of, mounts, tick_of, triggered_by
from cdk.stacks.data import DataStack
from docplatform.runtime.spec import Trigger


class ApiStack(cdk.Stack):
    """All functions are in this stack, those of workflows too: they share one set of layers, and the stacks do not
    depend on each other in a circle."""

    def __init__(
        self,
        scope: Construct,
        name: str,
        *,
        config: Config,
        region: Region,
        data: DataStack,
        functions: Sequence[Deployable],
        layer_source: layers.Source,
        **more: Any,
    ) -> None:
        super().__init__(scope, name, description="docplatform: a region's functions and API", **more)
        self.live = WebSocketApi(self, "Live")
        self.functions = Functions(
            self,
            "Functions",
            config=config,
            deployables=functions,
            layer_source=layer_source,
            values=values(config, data, live_api=self.live.api_id, functions=functions),
            kms_keys=data.kms_keys,
            tenant_roles={reaches: role.role_arn for reaches, role in data.tenant_roles.items()},
            resources=RegionResources(
                account=config.account,
                name=region.name,
                home_region=config.home_region,
                data_key=data.kms_keys.data.key_arn,
                token_keys=tuple(key.key_arn for key in data.kms_keys.tokens),
                cursor_key=data.kms_keys.cursors.key_arn,
                mail_sender=config.mail_sender,
                live_api=self.live.api_id,
                job_functions=tuple(spec.name for spec in triggered_by(Trigger.JOBS, functions)),
                tick=tick_of(functions).name,
                file_opener=file_opener_of(functions).name,
            ),
        )
        authorizer, live_authorizer, live_messages = (
            triggered_by(trigger, functions)[0]
            for trigger in (Trigger.AUTHORIZER, Trigger.LIVE_AUTHORIZER, Trigger.LIVE_SOCKETS)
        )
        called = self.functions.targets
        self.rest = RestApi(
            self,
            "Rest",
            mounts=[(mount, called[spec.name]) for mount, spec in mounts(functions)],
            authorizer=called[authorizer.name],
            key=data.kms_keys.data,
            ephemeral=config.ephemeral,
            default_address=not region.certificate_arn,
        )
        stage = self.rest.api.deployment_stage
        Firewall(self, "Firewall", stage_arn=stage.stage_arn, key=data.kms_keys.data, ephemeral=config.ephemeral)
        self.live.add_routes(
            authorizer=called[live_authorizer.name],
            messages=called[live_messages.name],
            key=data.kms_keys.data,
            ephemeral=config.ephemeral,
            may_log=self.rest.may_log,
        )
        if region.certificate_arn:
            Domain(self, "Domain", region=region, api=self.rest.api)
            self.live.add_domain(region)
        cdk.CfnOutput(self, "RestApiId", value=self.rest.api.rest_api_id)
        cdk.CfnOutput(self, "LiveApiId", value=self.live.api_id)
