"""A port for each region: what arrives there goes to that region's API at its stage ``live``, with path and Host as the client sent
them; the way a custom domain with a root mapping does it, and functions get the event that a custom domain gives them
(docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html)."""

from __future__ import annotations

import json
import os
from contextvars import ContextVar
from typing import Any

from local.cloud.patches import expect

STAGE = "live"
API_NAME = "docplatform"
arrived_at: ContextVar[int] = ContextVar("arrived_at", default=0)
"""The port of the request in hand."""


def ports() -> dict[int, str]:
    """Port → region, as the supervisor set them."""
    return {int(port): region for region, port in json.loads(os.environ["DOCPLATFORM_REGION_PORTS"]).items()}


def apply() -> None:
    from ministack import app
    from ministack.services import apigateway_v1

    expect(hasattr(app, "_resolve_custom_domain_request"), "app._resolve_custom_domain_request")
    expect(hasattr(apigateway_v1, "_rest_apis"), "apigateway_v1._rest_apis")
    expect(hasattr(apigateway_v1, "_build_lambda_event_v1"), "apigateway_v1._build_lambda_event_v1")
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
    several = event["multiValueQueryStringParameters"]
    if several:  # of a parameter that is given twice the last value counts
        event["queryStringParameters"] = {name: values[-1] for name, values in several.items()}
    return event


def received(scope: dict[str, Any]) -> dict[str, Any]:
    """The request as API Gateway takes it: its sender is who sent it, whatever it says in X-Forwarded-For."""
    headers = [(name, value) for name, value in scope["headers"] if name.lower() != b"x-forwarded-for"]
    sender = (scope.get("client") or ("127.0.0.1",))[0]
    return {**scope, "headers": [*headers, (b"x-forwarded-for", sender.encode())]}
