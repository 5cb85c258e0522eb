"""A tenant that an operator has created. Requests use its host name, and pass the authorizer if API Gateway would call
it."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from typing import Any, TypeVar

from moto.core import DEFAULT_ACCOUNT_ID
from moto.ses.models import ses_backends

from docplatform.infra.dynamodb.codec import encode_item
from docplatform.infra.dynamodb.keys import Key, TenantKeys
from docplatform.runtime.tenant_access import registry
from tests.support.mocked_aws import REGION, ROOT, Answer, Cloud, function

PASSWORD = "correct horse battery staple"
K = TypeVar("K", bound=TenantKeys)


def sample(name: str, **filled: str) -> dict[str, Any]:
    """The event in ``events/``, its placeholders filled in."""
    text = (ROOT / "events" / f"{name}.json").read_text(encoding="utf-8")
    for placeholder, value in filled.items():
        text = text.replace(placeholder, value)
    event: dict[str, Any] = json.loads(text)
    return event


@dataclass
class House:
    cloud: Cloud
    facts: dict[str, Any]

    @property
    def subdomain(self) -> str:
        return str(self.facts["subdomain"])

    @property
    def host(self) -> str:
        return f"{self.subdomain}.us.example"

    @property
    def admin_email(self) -> str:
        return f"admin@{self.subdomain}.example"

    # -- over HTTP
    def asks(
        self,
        method: str,
        path: str,
        body: object = None,
        token: str = "",
        *,
        raw: str | None = None,
        headers: dict[str, str] | None = None,
        **query: str,
    ) -> Answer:
        event = sample("api-request", HOST=self.host)
        event |= {"httpMethod": method, "path": path, "queryStringParameters": query or None}
        event["headers"] |= headers or {}
        event["body"] = raw if raw is not None else (json.dumps(body) if body is not None else None)
        if not path.startswith("/v1/auth") or path.startswith("/v1/auth/step-up"):
            event["requestContext"]["authorizer"] = self.authorizes(token)["context"]
        return self.cloud.call(_function_of(path), event)

    def authorizes(self, token: str, host: str = "", header: str | None = None, address: str = "") -> dict[str, Any]:
        """Calls the authorizer. Raises the error for which API Gateway answers 401."""
        authorization = f"Bearer {token}" if header is None else header
        event = sample("authorizer", HOST=host or self.host)
        event["headers"]["Authorization"] = authorization
        if address:
            event["requestContext"]["identity"]["sourceIp"] = address
        answer: dict[str, Any] = function("authorizer").handler(event, None)
        return answer

    # -- people
    def accepts(self, token: str, name: str = "Ann", password: str = PASSWORD) -> Answer:
        body = {"token": token, "name": name, "password": password}
        return self.asks("POST", "/v1/auth/invitations/accept", body)

    def moves_in(self, email: str = "", name: str = "Ann") -> dict[str, str]:
        """Accepts the invitation from the newest mail. Returns the tokens."""
        answer = self.accepts(self.cloud.invitation(email or self.admin_email), name)
        assert answer.status == 200, answer
        entry: dict[str, str] = answer.body
        return entry

    def invites(self, email: str, token: str, role: str = "viewer", key: str = "") -> Answer:
        headers = {"Idempotency-Key": key} if key else None
        return self.asks("POST", "/v1/users", {"email": email, "role": role}, token, headers=headers)

    def logs_in(self, email: str = "", password: str = PASSWORD) -> Answer:
        return self.asks("POST", "/v1/auth/login", {"email": email or self.admin_email, "password": password})

    def refreshes(self, entry: dict[str, str]) -> Answer:
        return self.asks("POST", "/v1/auth/refresh", {"refresh_token": entry["refresh_token"]})

    # -- behind the scenes
    def keys(self, of: type[K]) -> K:
        """A capability's keys, for this tenant."""
        return of(self.facts["id"])

    def sets(self, key: Key, **values: object) -> None:
        """Sets attributes of an item directly in the database."""
        self._sets("data", key, values)

    def is_registered_as(self, **values: object) -> None:
        """Changes the tenant in the registry, and clears the cache."""
        for pk in (f"subdomain#{self.subdomain}", f"tenant#{self.facts['id']}"):
            self._sets("registry", Key(pk, "tenant"), values)
        registry.cache_clear()

    def _sets(self, table: str, key: Key, values: dict[str, object]) -> None:
        names = {f"#{name}": name for name in values}
        self.cloud.database.update_item(
            TableName=table,
            Key=encode_item(key._asdict()),
            UpdateExpression="SET " + ", ".join(f"#{name} = :{name}" for name in values),
            ExpressionAttributeNames=names,
            ExpressionAttributeValues=encode_item({f":{name}": value for name, value in values.items()}),
        )

    @property
    def trail(self) -> list[dict[str, Any]]:
        own = [item for item in self.cloud.items("audit") if item["pk"].startswith(self.facts["id"] + "#")]
        return sorted(own, key=lambda item: (str(item["at"]), str(item["sk"])))

    @property
    def actions(self) -> list[str]:
        return [record["action"] for record in self.trail]


def _function_of(path: str) -> str:
    """The package that serves a path. Paths of users and sessions belong to identity."""
    first = path.split("/")[2]
    return {"api-keys": "api_keys", "live": "realtime", "service-accounts": "api_keys"}.get(
        first, first if first in ("documents", "folders", "search") else "identity"
    )


def operator_asks(cloud: Cloud, method: str, path: str, body: object = None, *, package: str = "tenants") -> Answer:
    event = sample("operator-request")
    event |= {"httpMethod": method, "path": path, "body": json.dumps(body) if body is not None else None}
    return cloud.call(package, event)


def operator_creates(cloud: Cloud, **change: str) -> Answer:
    """Creates a tenant as an operator, by default with a new name."""
    subdomain = change.get("subdomain") or f"t{secrets.token_hex(5)}"
    body = {"subdomain": subdomain, "name": "Acme", "plan": "standard", "admin_email": f"admin@{subdomain}.example"}
    return operator_asks(cloud, "POST", "/operator/v1/tenants", body | change)


def new_house(cloud: Cloud) -> House:
    made = operator_creates(cloud)
    assert made.status == 201, made
    return House(cloud, made.body)


def mails(email: str) -> list[str]:
    """The texts that were sent to that address, oldest first."""
    sent = ses_backends[DEFAULT_ACCOUNT_ID][REGION].sent_messages
    return [mail.body for mail in sent if email in mail.destinations["ToAddresses"]]
