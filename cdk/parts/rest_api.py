"""The region's REST API: a path and everything below it for each mount of a function, errors as problem documents."""

from __future__ import annotations

import json

import aws_cdk as cdk
from aws_cdk import aws_apigateway as apigateway
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from config import PREFIX, Config
from constructs import Construct
from docplatform.runtime.spec import Auth, Mount

STAGE = "live"
AUTHORIZER_SECONDS = 60  # a revoked session works no longer than this

# response type → status, code, title, detail (the forms of the functions' own problems)
_PROBLEMS: dict[str, tuple[int, str, str, str]] = {
    "UNAUTHORIZED": (401, "unauthenticated", "Log in first", "Send a valid access token: 'Authorization: Bearer ...'."),
    "ACCESS_DENIED": (403, "forbidden", "You may not do this", "The token is of another organisation, or the call is not yours to make."),
    "MISSING_AUTHENTICATION_TOKEN": (404, "unknown_route", "There is nothing at this path", "Look at /v1/openapi.json for what there is."),
    "RESOURCE_NOT_FOUND": (404, "unknown_route", "There is nothing at this path", "Look at /v1/openapi.json for what there is."),
    "INVALID_SIGNATURE": (403, "forbidden", "You may not do this", "The signature does not fit the request."),
    "EXPIRED_TOKEN": (403, "forbidden", "You may not do this", "The signing credentials have expired."),
    "REQUEST_TOO_LARGE": (413, "request_too_large", "The request is too large", "Documents go to their upload link."),
    "UNSUPPORTED_MEDIA_TYPE": (415, "unsupported_media_type", "Send JSON", "Send the body as application/json."),
    "THROTTLED": (429, "throttled", "Too many requests at once", "Try again after a moment."),
    "QUOTA_EXCEEDED": (429, "throttled", "Too many requests at once", "Try again after a moment."),
    "WAF_FILTERED": (403, "forbidden", "You may not do this", "The request looks like an attack."),
    "INTEGRATION_TIMEOUT": (504, "timeout", "It took too long", "Try again in a moment."),
    "DEFAULT_4XX": (400, "malformed_request", "The request cannot be read", "Check the request."),
    "DEFAULT_5XX": (500, "internal", "Something went wrong", "Try again in a moment; quote the request's id when you ask for help."),
}


class RestApi(Construct):
    def __init__(
        self,
        scope: Construct,
        name: str,
        *,
        config: Config,
        mounts: list[tuple[Mount, lambda_.Function]],
        authorizer: lambda_.Function,
        key: kms.IKey,
    ) -> None:
        super().__init__(scope, name)
        self.access_log = logs.LogGroup(
            self,
            "AccessLog",
            log_group_name=f"/{PREFIX}/api-access",
            retention=logs.RetentionDays.ONE_YEAR,
            encryption_key=key,
            removal_policy=cdk.RemovalPolicy.DESTROY if config.ephemeral else cdk.RemovalPolicy.RETAIN,
        )
        self.api = apigateway.RestApi(
            self,
            "Api",
            rest_api_name=PREFIX,
            endpoint_configuration=apigateway.EndpointConfiguration(types=[apigateway.EndpointType.REGIONAL]),
            cloud_watch_role=False,
            deploy_options=apigateway.StageOptions(
                stage_name=STAGE,
                tracing_enabled=True,
                metrics_enabled=True,
                throttling_rate_limit=2_000,
                throttling_burst_limit=4_000,
                access_log_destination=apigateway.LogGroupLogDestination(self.access_log),
                access_log_format=apigateway.AccessLogFormat.custom(
                    json.dumps(
                        {
                            "request_id": apigateway.AccessLogField.context_request_id(),
                            "status": apigateway.AccessLogField.context_status(),
                            "method": apigateway.AccessLogField.context_http_method(),
                            "resource": apigateway.AccessLogField.context_resource_path(),
                            "latency_ms": apigateway.AccessLogField.context_response_latency(),
                        }
                    )
                ),
            ),
        )
        self._authorizer = apigateway.RequestAuthorizer(
            self,
            "Authorizer",
            handler=authorizer,
            identity_sources=[
                apigateway.IdentitySource.header("Authorization"),
                apigateway.IdentitySource.header("Host"),
            ],
            results_cache_ttl=cdk.Duration.seconds(AUTHORIZER_SECONDS),
        )
        for mount, function in sorted(mounts, key=lambda each: each[0].path):
            self._mount(mount, function)
        self._explain_errors()

    def _mount(self, mount: Mount, function: lambda_.Function) -> None:
        integration = apigateway.LambdaIntegration(function, allow_test_invoke=False, scope_permission_to_method=False)
        resource = self.api.root.resource_for_path(mount.path)
        for place in (resource, resource.add_resource("{proxy+}")):
            match mount.auth:
                case Auth.TENANT:
                    place.add_method(
                        "ANY",
                        integration,
                        authorizer=self._authorizer,
                        authorization_type=apigateway.AuthorizationType.CUSTOM,
                    )
                case Auth.OPERATOR:
                    place.add_method("ANY", integration, authorization_type=apigateway.AuthorizationType.IAM)
                case Auth.PUBLIC:
                    place.add_method("ANY", integration, authorization_type=apigateway.AuthorizationType.NONE)

    def _explain_errors(self) -> None:
        for kind, (status, code, title, detail) in _PROBLEMS.items():
            body = {
                "type": f"urn:docplatform:problem:{code}",
                "title": title,
                "status": status,
                "code": code,
                "detail": detail,
                "request_id": "$context.requestId",
            }
            headers = {"Content-Type": "'application/problem+json'", "X-Request-Id": "context.requestId"}
            if status == 401:
                headers["WWW-Authenticate"] = "'Bearer realm=\"docplatform\"'"
            apigateway.GatewayResponse(
                self,
                "".join(part.title() for part in kind.split("_")),
                rest_api=self.api,
                type=apigateway.ResponseType.of(kind),
                status_code=None if kind.startswith("DEFAULT") else str(status),
                response_headers=headers,
                templates={"application/json": json.dumps(body)},
            )

    def operators(self, region: str, account: str) -> iam.PolicyStatement:
        """What an operator's IAM policy must allow."""
        return iam.PolicyStatement(
            actions=["execute-api:Invoke"],
            resources=[f"arn:aws:execute-api:{region}:{account}:{self.api.rest_api_id}/{STAGE}/*/operator/*"],
        )
