"""The region's WebSocket API for live connections, which are opened with a ticket."""

from __future__ import annotations

import json

import aws_cdk as cdk
from aws_cdk import aws_apigatewayv2 as apigateway
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from constructs import Construct, IDependable

from cdk import names
from cdk.config import Region
from cdk.constructs import permissions
from cdk.constructs.domain import write_dns
from cdk.constructs.logs import AUDIT, log_group

RATE, BURST = 2_000, 2_000  # messages and new connections per second in a region, all tenants together

_ACCESS_LINE = {
    "time": "$context.requestTimeEpoch",
    "request_id": "$context.requestId",
    "connection": "$context.connectionId",
    "address": "$context.identity.sourceIp",
    "event": "$context.eventType",
    "route": "$context.routeKey",
    "status": "$context.status",
    "function_ms": "$context.integrationLatency",
    "user": "$context.authorizer.user_id",
}
"""The access log's line: who did what, without tickets and messages."""


class WebSocketApi(Construct):
    """The API is made before the functions, because they must know its id. ``add_routes`` and ``add_domain``
    complete it afterwards."""

    def __init__(self, scope: Construct, name: str) -> None:
        super().__init__(scope, name)
        self._api = apigateway.CfnApi(
            self,
            "Api",
            name=names.LIVE_API,
            protocol_type="WEBSOCKET",
            route_selection_expression="$request.body.action",
        )
        self.api_id = self._api.ref

    def add_routes(
        self,
        *,
        authorizer: lambda_.IFunction,
        messages: lambda_.IFunction,
        key: kms.IKey,
        ephemeral: bool,
        may_log: IDependable,
    ) -> None:
        """Add the routes. ``authorizer`` decides who connects; ``messages`` receives every event of a connection.
        ``may_log``: the account's setting that lets API Gateway write logs, without which no stage with logs
        can be made."""
        request_authorizer = apigateway.CfnAuthorizer(
            self,
            "Authorizer",
            api_id=self.api_id,
            name=names.LIVE_API,
            authorizer_type="REQUEST",
            authorizer_uri=permissions.invocation_uri(authorizer),
            identity_source=["route.request.querystring.ticket"],
        )
        integration = apigateway.CfnIntegration(
            self,
            "Sockets",
            api_id=self.api_id,
            integration_type="AWS_PROXY",
            integration_uri=permissions.invocation_uri(messages),
        )
        stack = cdk.Stack.of(self)
        source = f"arn:aws:execute-api:{stack.region}:{stack.account}:{self.api_id}/*"
        for title, function in (("Admission", authorizer), ("Everything", messages)):
            permissions.allow_invocation(self, f"Invoke{title}", function, source=source)
        routes = self._routes(request_authorizer, f"integrations/{integration.ref}")
        access_log = log_group(
            self, "AccessLog", log_group_name="/docplatform/live-access", key=key, ephemeral=ephemeral, retention=AUDIT
        )
        execution_log = log_group(  # API Gateway would make it, and keep it for ever
            self,
            "ExecutionLog",
            log_group_name=f"/aws/apigateway/{self.api_id}/{names.STAGE}",
            key=key,
            ephemeral=ephemeral,
        )
        self.stage = apigateway.CfnStage(
            self,
            "Stage",
            api_id=self.api_id,
            stage_name=names.STAGE,
            auto_deploy=True,
            access_log_settings=apigateway.CfnStage.AccessLogSettingsProperty(
                destination_arn=access_log.log_group_arn, format=json.dumps(_ACCESS_LINE)
            ),
            default_route_settings=apigateway.CfnStage.RouteSettingsProperty(
                data_trace_enabled=False,
                detailed_metrics_enabled=True,
                logging_level="ERROR",
                throttling_rate_limit=RATE,
                throttling_burst_limit=BURST,
            ),
        )
        self.stage.node.add_dependency(may_log, execution_log, *routes)

    def add_domain(self, region: Region) -> None:
        """Add the region's own domain. It needs the region's ``certificate_arn``, and writes DNS only with a
        ``hosted_zone_id``."""
        domain = apigateway.CfnDomainName(
            self,
            "Domain",
            domain_name=region.live_domain,
            domain_name_configurations=[
                apigateway.CfnDomainName.DomainNameConfigurationProperty(
                    certificate_arn=region.certificate_arn, endpoint_type="REGIONAL", security_policy="TLS_1_2"
                )
            ],
        )
        mapping = apigateway.CfnApiMapping(
            self, "Mapping", api_id=self.api_id, domain_name=domain.ref, stage=names.STAGE
        )
        mapping.node.add_dependency(self.stage)
        if region.hosted_zone_id:
            write_dns(
                self,
                region,
                region.live_domain,
                dns_name=domain.attr_regional_domain_name,
                zone=domain.attr_regional_hosted_zone_id,
            )

    def _routes(self, authorizer: apigateway.CfnAuthorizer, target: str) -> list[cdk.CfnResource]:
        connect = apigateway.CfnRoute(
            self,
            "Connect",
            api_id=self.api_id,
            route_key="$connect",
            authorization_type="CUSTOM",
            authorizer_id=authorizer.ref,
            target=target,
        )
        disconnect = apigateway.CfnRoute(self, "Disconnect", api_id=self.api_id, route_key="$disconnect", target=target)
        everything = apigateway.CfnRoute(
            self,
            "Everything",
            api_id=self.api_id,
            route_key="$default",
            route_response_selection_expression="$default",
            target=target,
        )
        answer = apigateway.CfnRouteResponse(
            self, "Answer", api_id=self.api_id, route_id=everything.ref, route_response_key="$default"
        )
        return [connect, disconnect, everything, answer]
