"""A port for each region, which stands for a custom domain with a root mapping: a request goes to the region's API at its stage
``live`` with the path and Host that the client sent, and functions get the event of a custom domain
(docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html)."""

from __future__ import annotations

import json
import os
from contextvars import ContextVar
from typing import Any

from local.cloud.patches import require

STAGE = "live"
API_NAME = "docplatform"
arrived_at: ContextVar[int] = ContextVar("arrived_at", default=0)
"""The port at which the present request arrived."""


def ports() -> dict[int, str]:
    """Port → region, as the supervisor set them."""
    return {int(port): region for region, port in json.loads(os.environ["DOCPLATFORM_REGION_PORTS"]).items()}


def apply() -> None:
    from ministack import app
    from ministack.services import apigateway_v1

    require(app, "_resolve_custom_domain_request")
    require(apigateway_v1, "_rest_apis")
    require(apigateway_v1, "_build_lambda_event_v1")
    by_port = ports()
    resolve = app._resolve_custom_domain_request

    def resolved(host: str, path: str) -> Any:
        region = by_port.get(arrived_at.get())
        if region is None:
            return resolve(host, path)
        api_id = _api_of(apigateway_v1, region)
        return (api_id, STAGE, path) if api_id else None

    app._resolve_custom_domain_request = resolved
    build = apigateway_v1._build_lambda_event_v1

    def event(*arguments: Any, **more: Any) -> dict[str, Any]:
        made: dict[str, Any] = build(*arguments, **more)
        return _as_at_a_custom_domain(made) if by_port.get(arrived_at.get()) else made

    apigateway_v1._build_lambda_event_v1 = event


def _api_of(apigateway_v1: Any, region: str) -> str:
    for (_account, where, api_id), api in list(apigateway_v1._rest_apis.all_items()):
        if where == region and api.get("name") == API_NAME:
            return str(api_id)
    return ""


def _as_at_a_custom_domain(event: dict[str, Any]) -> dict[str, Any]:
    context = event["requestContext"]
    context["path"] = event["path"]
    context["domainName"] = event["headers"].get("host", "").partition(":")[0]
    context["domainPrefix"] = context["domainName"].partition(".")[0]
    parameters = event["multiValueQueryStringParameters"]
    if parameters:  # the last value counts where one is given twice
        event["queryStringParameters"] = {name: values[-1] for name, values in parameters.items()}
    return event


def received(scope: dict[str, Any]) -> dict[str, Any]:
    """The request as API Gateway passes it on: X-Forwarded-For names the true sender."""
    headers = [(name, value) for name, value in scope["headers"] if name.lower() != b"x-forwarded-for"]
    sender = (scope.get("client") or ("127.0.0.1",))[0]
    return {**scope, "headers": [*headers, (b"x-forwarded-for", sender.encode())]}
