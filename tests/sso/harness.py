"""A browser in front of a tenant that uses single sign-on."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from docplatform.core.time import rfc3339
from docplatform.sso.adapters.keys import SsoKeys
from tests.support.mocked_aws import Answer
from tests.support.mocked_region import House, sample


def asks(house: House, method: str, path: str, body: object = None, token: str = "", **more: Any) -> Answer:
    """``query``, ``headers``, ``form``."""
    event = sample("api-request", HOST=house.host)
    event |= {"httpMethod": method, "path": path, "queryStringParameters": more.get("query")}
    event["headers"] |= more.get("headers", {})
    event["body"] = json.dumps(body) if body is not None else None
    if "form" in more:
        event["body"] = urlencode(more["form"])
        event["headers"]["Content-Type"] = "application/x-www-form-urlencoded"
    package = "sharing" if path.startswith("/v1/groups") else "sso"
    if not path.startswith("/v1/sso/"):
        event["requestContext"]["authorizer"] = house.authorizes(token)["context"]
    return house.cloud.call(package, event)


def connects(house: House, admin: Mapping[str, str], **wish: Any) -> Answer:
    return asks(house, "PUT", "/v1/sso-connection", wish, admin["access_token"])


def ages(house: House, **facts: timedelta) -> None:
    """Set how long ago the stored state of the provider was found."""
    house.sets(house.keys(SsoKeys).health(), **{name: rfc3339(datetime.now(UTC) - age) for name, age in facts.items()})


@dataclass
class Browser:
    house: House
    cookies: dict[str, str] = field(default_factory=dict)

    def opens_login(self, **query: str) -> Answer:
        answer = asks(self.house, "GET", "/v1/sso/login", query=query or None)
        if "Set-Cookie" in answer.headers:
            name, _, value = answer.headers["Set-Cookie"].partition(";")[0].partition("=")
            self.cookies[name] = value
        return answer

    def comes_back(self, **query: str) -> Answer:
        return asks(self.house, "GET", "/v1/sso/callback", query=query, headers=self._headers())

    def posts(self, **form: str) -> Answer:
        return asks(self.house, "POST", "/v1/sso/acs", form=form, headers=self._headers())

    def _headers(self) -> dict[str, str]:
        return {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())}
