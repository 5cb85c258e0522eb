"""A port for each region: what arrives there goes to that region's API at its stage ``live``, with path and Host as the client sent
them; the way a custom domain with a root mapping does it."""

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
    by_port = ports()
    known: dict[str, str] = {}

    def api_of(region: str) -> str:
        if region not in known:
            for (_account, where, api_id), api in list(apigateway_v1._rest_apis.all_items()):
                if where == region and api.get("name") == API_NAME:
                    known[region] = api_id
        return known.get(region, "")

    resolve = app._resolve_custom_domain_request

    def resolved(host: str, path: str) -> Any:
        region = by_port.get(arrived_at.get())
        if region is None:
            return resolve(host, path)
        api_id = api_of(region)
        return (api_id, STAGE, path) if api_id else None

    app._resolve_custom_domain_request = resolved
