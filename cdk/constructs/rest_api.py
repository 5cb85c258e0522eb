"""The region's REST API. A function's mounts, and all paths below them, are passed to it unchanged."""

from __future__ import annotations

import json
from collections.abc import Sequence

import aws_cdk as cdk
from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from cdk import names
from cdk.constructs import permissions
from cdk.constructs.gateway_responses import add_gateway_responses
from cdk.constructs.logs import AUDIT, log_group
from docplatform.runtime.spec import Auth, Mount

AUTHORIZER_SECONDS = 30  # a revoked session or a disabled user stays usable for this long at most
# Requests per second in a region, all tenants together: five times the peak that the product is sized for.
RATE, BURST = 5_000, 5_000

_ACCESS_LINE = {
    "time": "$context.requestTimeEpoch",
    "request_id": "$context.requestId",
    "host": "$context.domainName",
    "address": "$context.identity.sourceIp",
    "method": "$context.httpMethod",
    "path": "$context.path",
    "status": "$context.status",
    "length": "$context.responseLength",
    "latency_ms": "$context.responseLatency",
    "function_ms": "$context.integration.latency",
    "user": "$context.authorizer.user_id",
    "operator": "$context.identity.userArn",
    "refused": "$context.authorizer.error",
    "firewall": "$context.waf.status",
}
"""The access log's line: who requested what, without query strings, bodies and tokens."""


class RestApi(Construct):
    def __init__(
        self,
        scope: Construct,
        name: str,
        *,
        mounts: Sequence[tuple[Mount, lambda_.IFunction]],
        authorizer: lambda_.IFunction,
        key: kms.IKey,
        ephemeral: bool,
        default_address: bool,
    ) -> None:
        """``default_address``: whether AWS's own ``….execute-api.…`` address answers too."""
        super().__init__(scope, name)
        access_log = log_group(
            self, "AccessLog", log_group_name="/docplatform/api-access", key=key, ephemeral=ephemeral, retention=AUDIT
        )
        self.api = apigateway.RestApi(
            self,
            "Api",
            rest_api_name=names.API,
            endpoint_configuration=apigateway.EndpointConfiguration(types=[apigateway.EndpointType.REGIONAL]),
            disable_execute_api_endpoint=not default_address,
            cloud_watch_role=True,
            cloud_watch_role_removal_policy=cdk.RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,  # one setting for all APIs
            deploy_options=apigateway.StageOptions(
                stage_name=names.STAGE,
                tracing_enabled=True,
                metrics_enabled=True,
                logging_level=apigateway.MethodLoggingLevel.ERROR,
                data_trace_enabled=False,
                throttling_rate_limit=RATE,
                throttling_burst_limit=BURST,
                access_log_destination=apigateway.LogGroupLogDestination(access_log),
                access_log_format=apigateway.AccessLogFormat.custom(json.dumps(_ACCESS_LINE)),
            ),
        )
        log_group(  # API Gateway would make it, and keep it for ever
            self,
            "ExecutionLog",
            log_group_name=f"API-Gateway-Execution-Logs_{self.api.rest_api_id}/{names.STAGE}",
            key=key,
            ephemeral=ephemeral,
        )
        self.may_log = self.api.node.find_child("Account")
        self._authorizer = self._request_authorizer(authorizer)
        for mount, function in mounts:
            self._mount(mount, function)
        source = self.api.arn_for_execute_api("*", "/*", names.STAGE)
        for called, function in {function.node.id: function for _, function in mounts}.items():
            permissions.allow_invocation(self, f"Invoke{called}", function, source=source)
        add_gateway_responses(self, self.api)

    def _request_authorizer(self, function: lambda_.IFunction) -> apigateway.RequestAuthorizer:
        """The authorizer, cached by token *and* host: a decision for one tenant's host never serves another host."""
        return apigateway.RequestAuthorizer(
            self,
            "Authorizer",
            authorizer_name=names.API,
            handler=function,
            identity_sources=[
                apigateway.IdentitySource.header("Authorization"),
                apigateway.IdentitySource.header("Host"),
            ],
            results_cache_ttl=cdk.Duration.seconds(AUTHORIZER_SECONDS),
        )

    def _mount(self, mount: Mount, function: lambda_.IFunction) -> None:
        resource = self.api.root.resource_for_path(mount.path)
        for place in (resource, resource.add_resource("{proxy+}")):
            match mount.auth:
                case Auth.TENANT:
                    place.add_method(
                        "ANY",
                        self._integration(function),
                        authorization_type=apigateway.AuthorizationType.CUSTOM,
                        authorizer=self._authorizer,
                    )
                case Auth.OPERATOR:
                    kind = apigateway.AuthorizationType.IAM
                    place.add_method("ANY", self._integration(function), authorization_type=kind)
                case Auth.PUBLIC:
                    kind = apigateway.AuthorizationType.NONE
                    place.add_method("ANY", self._integration(function), authorization_type=kind)

    def _integration(self, function: lambda_.IFunction) -> apigateway.Integration:
        """A Lambda proxy integration."""
        return apigateway.Integration(
            type=apigateway.IntegrationType.AWS_PROXY,
            integration_http_method="POST",
            uri=permissions.invocation_uri(function),
        )
