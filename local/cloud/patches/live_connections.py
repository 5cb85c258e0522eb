"""The WebSocket API of a region at the region's port, as at a domain of its own; the resource type of route responses, which the
emulator sends in any case; and 401 for a handshake whose authorizer says "Unauthorized", where the emulator answers 500
(docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api-lambda-auth.html)."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any

from local.cloud.patches import expect, require
from local.cloud.patches.regions import STAGE, arrived_at, ports

API_NAME = "docplatform-live"
_errors: ContextVar[list[str] | None] = ContextVar("errors_of_authorizers", default=None)


def apply() -> None:
    from ministack.services import apigateway
    from ministack.services.cloudformation import provisioners

    require(apigateway, "_apis")
    handlers = require(provisioners, "_RESOURCE_HANDLERS")
    expect("AWS::ApiGatewayV2::Route" in handlers, "provisioners._RESOURCE_HANDLERS")
    handlers.setdefault(
        "AWS::ApiGatewayV2::RouteResponse",
        {
            "create": lambda logical_id, _properties, _stack: (logical_id, {}),
            "update": lambda physical_id, _old, _new, _stack: (physical_id, {}),
            "delete": lambda _id, _properties: None,
        },
    )

    _answer_unauthorized(apigateway)


def _answer_unauthorized(apigateway: Any) -> None:
    run, authorize = require(apigateway, "run_reentrant"), require(apigateway, "_authorize_ws_connect")

    async def noting(*given: Any, **named: Any) -> Any:
        result, errors = await run(*given, **named), _errors.get()
        if errors is not None and isinstance(result, dict) and result.get("error"):
            body = result.get("body")
            errors.append(str(body.get("errorMessage")) if isinstance(body, dict) else "")
        return result

    async def refusing(*given: Any, **named: Any) -> Any:
        errors: list[str] = []
        token = _errors.set(errors)
        try:
            refusal, context = await authorize(*given, **named)
        finally:
            _errors.reset(token)
        return ((401, "Unauthorized"), None) if errors == ["Unauthorized"] else (refusal, context)

    apigateway.run_reentrant, apigateway._authorize_ws_connect = noting, refusing


def received(scope: dict[str, Any]) -> dict[str, Any]:
    """The request, sent to the region's WebSocket API whatever its path."""
    from ministack.services import apigateway

    region = ports()[arrived_at.get()]
    for (_account, where, api_id), api in list(apigateway._apis.all_items()):
        if where == region and api.get("name") == API_NAME:
            return {**scope, "path": f"/_aws/execute-api/{api_id}/{STAGE}"}
    return scope
