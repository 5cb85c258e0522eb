"""The WebSocket API of a region at the region's port, as at a domain of its own; and the resource type of route responses, which the
emulator sends in any case."""

from __future__ import annotations

from typing import Any

from local.cloud.patches import expect, require
from local.cloud.patches.regions import STAGE, arrived_at, ports

API_NAME = "docplatform-live"


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


def received(scope: dict[str, Any]) -> dict[str, Any]:
    """The request, sent to the region's WebSocket API whatever its path."""
    from ministack.services import apigateway

    region = ports()[arrived_at.get()]
    for (_account, where, api_id), api in list(apigateway._apis.all_items()):
        if where == region and api.get("name") == API_NAME:
            return {**scope, "path": f"/_aws/execute-api/{api_id}/{STAGE}"}
    return scope
