"""Tenants and people for tests that read like sentences: ``acme.ann.creates_folder("Contracts")``.

One process, the real handlers and adapters, moto for AWS. moto does not enforce IAM; ``tests/e2e`` proves what the
database refuses.
"""

from __future__ import annotations

import copy
import importlib
import json
import os
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
from moto import mock_aws
from moto.core import DEFAULT_ACCOUNT_ID
from moto.dynamodb.exceptions import MockValidationException, TransactionCanceledException
from moto.dynamodb.models import DynamoDBBackend
from moto.dynamodb.models.dynamo_type import DynamoType
from moto.dynamodb.models.table import Table
from moto.dynamodb.responses import DynamoHandler
from moto.ses.models import ses_backends

from docplatform.core import ids
from docplatform.core.actor import Actor, Permission, Role
from docplatform.core.tenant import Plan, Tenant, TenantStatus, tenant_context
from docplatform.core.time import rfc3339
from docplatform.identity.adapters.keys import IdentityKeys
from docplatform.infra.dynamodb.codec import decode_item, decode_value, encode_item
from docplatform.infra.dynamodb.table import TenantTable
from docplatform.library.adapters.changes import create_root
from docplatform.library.adapters.keys import LibraryKeys
from docplatform.tenancy.adapters.keys import TenancyKeys
from docplatform.tenancy.adapters.usage import SHARDS
from docplatform.tenancy.items import to_text
from tests.support import collections

ROOT = Path(__file__).resolve().parents[2]
REGION = "us-east-1"
BUCKET = "documents"
COLLECTION = "c0llect10n"
FUNCTIONS = {
    "access": "sharing",
    "api-keys": "api_keys",
    "groups": "sharing",
    "live": "realtime",
    "security-settings": "identity",
    "sessions": "identity",
    "service-accounts": "api_keys",
    "users": "identity",
    "v2": "scim",
}
ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_REGION": REGION,
    "AWS_DEFAULT_REGION": REGION,
    "REGION_ADDRESSES": json.dumps(
        {REGION: "https://{tenant}.us.example", "eu-central-1": "https://{tenant}.eu.example"}
    ),
    "REGISTRY_TABLE": "registry",
    "FILE_OPENER_FUNCTION": "docplatform-file-opener",
    "TENANT_ACCESS_ROLE_ARN": "arn:aws:iam::123456789012:role/tenant-access",
    "DATA_TABLE": "data",
    "AUDIT_TABLE": "audit",
    "OPERATIONS_TABLE": "operations",
    "FUNCTION_TIMEOUT": "120",
    "QUEUE_URLS": json.dumps({plan.value: f"https://queue/{plan.value}" for plan in Plan}),
    "DEAD_LETTERS_URL": "https://queue/dead",
    "TICK_FUNCTION": "docplatform-job-tick",
    "JOBS": json.dumps(
        {
            "missed-uploads": {"per_tenant": True, "period": 900, "deadline": 900, "queue_url": "https://queue/jobs"},
            "watch": {"per_tenant": False, "period": 300, "deadline": 300, "queue_url": "https://queue/watch"},
        }
    ),
    "DOCUMENTS_BUCKET": BUCKET,
    "REGISTRY_HOME_REGION": REGION,
    "SEARCH_ENDPOINT": "http://127.0.0.1:9/{collection}",
    "COLLECTION_GROUP": "docplatform",
    "MAIL_SENDER": "no-reply@docplatform.example",
    "SSO_LOOPBACK": "yes",
}


def function(package: str, module: str = "handler") -> Any:
    """A module of a function's package."""
    return importlib.import_module(f"functions.{package}.{module}")


@contextmanager
def cloud(monkeypatch: Any, database: str = "") -> Iterator[Cloud]:
    """``database``: the URL of a DynamoDB Local, which takes the place of moto's DynamoDB."""
    for name, value in (ENVIRONMENT | ({"AWS_ENDPOINT_URL_DYNAMODB": database} if database else {})).items():
        monkeypatch.setenv(name, value)
    one, answer = threading.Lock(), DynamoHandler.call_action

    def in_turn(handler: DynamoHandler) -> Any:
        with one:  # moto's transactions copy a table that other threads write
            return answer(handler)

    monkeypatch.setattr(DynamoHandler, "call_action", in_turn)
    _back_up_what_is_touched(monkeypatch)
    collections.behave_as_aws(monkeypatch)
    with mock_aws():
        _forget()
        yield Cloud()
    _forget()


def _back_up_what_is_touched(monkeypatch: Any) -> None:
    """Makes transactions faster: to undo a refused one, moto copies a whole table for each item, although the items of
    the transaction are enough."""
    transact = DynamoDBBackend.transact_write_items

    def carefully(backend: DynamoDBBackend, transact_items: list[dict[str, Any]]) -> None:
        before = []
        for each in transact_items:
            (operation,) = each.values()
            table = backend.tables[operation["TableName"]]
            key = operation.get("Key") or operation["Item"]
            of_hash = DynamoType(key[table.hash_key_attr])
            of_range = DynamoType(key[table.range_key_attr]) if table.range_key_attr else None
            before.append((table, of_hash, of_range, copy.deepcopy(table.get_item(of_hash, of_range))))
        try:
            transact(backend, transact_items)
        except (MockValidationException, TransactionCanceledException):
            for table, of_hash, of_range, item in before:
                table.delete_item(of_hash, of_range)
                if item is None:
                    continue
                if of_range is None:
                    table.items[of_hash] = item
                else:
                    table.items[of_hash][of_range] = item
            raise

    def copied(thing: Any) -> Any:
        return thing if isinstance(thing, Table) else copy.deepcopy(thing)

    monkeypatch.setattr(DynamoDBBackend, "transact_write_items", carefully)
    monkeypatch.setattr("moto.dynamodb.models.copy", SimpleNamespace(deepcopy=copied))


def _forget() -> None:
    """Clears cached clients and credentials, which would belong to an earlier mocked AWS."""
    from docplatform.authentication.wiring import access_tokens
    from docplatform.control_plane import wiring as control_plane
    from docplatform.infra import credentials
    from docplatform.realtime import wiring as realtime
    from docplatform.runtime import cursor_secret, isolation, settings, tenant_access
    from docplatform.runtime.schedules import wiring as schedules

    credentials.own_client.cache_clear()
    credentials._session.cache_clear()
    credentials._shared_client.cache_clear()
    settings.load.cache_clear()
    cursor_secret.cursor_secret.cache_clear()
    isolation.attempts.cache_clear()
    tenant_access.registry.cache_clear()
    tenant_access._credentials.cache_clear()
    access_tokens.tokens.cache_clear()
    realtime._gateway.cache_clear()
    control_plane._home_registry.cache_clear()
    schedules.runs.cache_clear()
    schedules.jobs.cache_clear()


@dataclass
class Cloud:
    """Tables and a bucket of one region."""

    database: Any = field(init=False)
    storage: Any = field(init=False)
    resets: str = field(init=False)

    def __post_init__(self) -> None:
        self.database = boto3.client("dynamodb")
        self.storage = boto3.client("s3")
        make_tables(self.database)
        self.storage.create_bucket(Bucket=BUCKET)
        os.environ["DATA_KEY_ARN"] = boto3.client("kms").create_key()["KeyMetadata"]["Arn"]
        os.environ["CURSOR_KEY_ARN"] = new_cursor_key()
        self.resets = boto3.client("sqs").create_queue(QueueName="docplatform-password-resets")["QueueUrl"]
        os.environ["RESET_QUEUE_URL"] = self.resets
        os.environ["TOKEN_KEY_ARNS"] = json.dumps([new_signing_key()])
        encrypted = {
            "Rules": [{"ResourceType": "collection", "Resource": ["collection/docplatform-t*"]}],
            "KmsARN": os.environ["DATA_KEY_ARN"],
        }
        boto3.client("opensearchserverless").create_security_policy(
            name="tenants", type="encryption", policy=json.dumps(encrypted)
        )
        boto3.client("sesv2").create_email_identity(EmailIdentity="no-reply@docplatform.example")
        self.storage.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})

    def tenant(self, subdomain: str, plan: Plan = Plan.STANDARD) -> TenantWorld:
        at = datetime.now(UTC)
        tenant = Tenant(
            ids.new_tenant(), subdomain, subdomain.title(), plan, REGION, TenantStatus.ACTIVE, COLLECTION, at
        )
        table = TenantTable(self.database, tenant_id=tenant.id, data_table="data", audit_table="audit")
        with tenant_context(tenant), table.begin() as writes:
            create_root(writes, LibraryKeys(tenant.id), created_by="usr", at=at)
        return TenantWorld(self, tenant)

    def call(self, package: str, event: dict[str, Any]) -> Answer:
        answer = function(package).handler(event, None)
        if event["path"] == "/v1/auth/password/forgot":
            self.delivers_resets()
        told = "json" in answer["headers"].get("Content-Type", "json")
        body = json.loads(answer["body"]) if answer["body"] and told else answer["body"] or None
        return Answer(answer["statusCode"], body, answer["headers"])

    def delivers_resets(self) -> list[dict[str, Any]]:
        """Hands the queued password resets to their consumer. Returns the messages."""
        queue = boto3.client("sqs")
        received = queue.receive_message(
            QueueUrl=self.resets, MaxNumberOfMessages=10, AttributeNames=["All"], VisibilityTimeout=0
        )
        messages = received.get("Messages", [])
        records = [
            {
                "messageId": each["MessageId"],
                "body": each["Body"],
                "attributes": each["Attributes"],
                "eventSource": "aws:sqs",
            }
            for each in messages
        ]
        if records:
            function("identity", "password_resets").handler({"Records": records}, None)
        for each in messages:
            queue.delete_message(QueueUrl=self.resets, ReceiptHandle=each["ReceiptHandle"])
        return messages

    def invitation(self, email: str) -> str:
        """The token in the newest mail to that address."""
        sent = ses_backends[DEFAULT_ACCOUNT_ID][REGION].sent_messages
        for mail in reversed(sent):
            if email in mail.destinations["ToAddresses"]:
                return re.search(r"token=([\w-]+)", mail.body)[1]  # type: ignore[index]
        raise AssertionError(f"no mail went to {email}")

    def items(self, table: str) -> list[dict[str, Any]]:
        pages = self.database.get_paginator("scan").paginate(TableName=table)
        found = [item for page in pages for item in page["Items"]]  # of all tenants: ``decode_item`` would refuse them
        return [{name: decode_value(value) for name, value in item.items()} for item in found]


def new_signing_key() -> str:
    """A new signing key. Returns its ARN."""
    made = boto3.client("kms").create_key(KeySpec="RSA_2048", KeyUsage="SIGN_VERIFY")
    return str(made["KeyMetadata"]["Arn"])


def new_cursor_key() -> str:
    """A new key for cursors. Returns its ARN."""
    made = boto3.client("kms").create_key(KeySpec="HMAC_256", KeyUsage="GENERATE_VERIFY_MAC")
    return str(made["KeyMetadata"]["Arn"])


def make_tables(database: Any) -> None:
    """The region's tables, which are empty."""
    for left in database.list_tables()["TableNames"]:  # an engine that outlives a module has the tables of the last one
        database.delete_table(TableName=left)
    make_table(database, "data", "gsi1", "gsi2", "gsi3")
    make_table(database, "registry", "gsi1")
    make_table(database, "operations", "gsi1")
    make_table(database, "audit")


def make_table(database: Any, name: str, *indexes: str) -> None:
    """A table in the product's form. The indexes hold keys only."""

    def key(prefix: str = "") -> list[dict[str, str]]:
        return [
            {"AttributeName": f"{prefix}pk", "KeyType": "HASH"},
            {"AttributeName": f"{prefix}sk", "KeyType": "RANGE"},
        ]

    keys_only = [
        {"IndexName": index, "KeySchema": key(index), "Projection": {"ProjectionType": "KEYS_ONLY"}}
        for index in indexes
    ]
    database.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[
            {"AttributeName": f"{prefix}{part}", "AttributeType": "S"}
            for prefix in ("", *indexes)
            for part in ("pk", "sk")
        ],
        KeySchema=key(),
        **({"GlobalSecondaryIndexes": keys_only} if keys_only else {}),
    )


@dataclass
class Answer:
    status: int
    body: Any
    headers: dict[str, str]

    def __getitem__(self, name: str) -> Any:
        return self.body[name]


@dataclass
class TenantWorld:
    cloud: Cloud
    tenant: Tenant

    def member(self, role: Role = Role.EDITOR, name: str = "") -> Person:
        person = Person(self, ids.new(ids.USER, datetime.now(UTC)), role)
        profile = {
            "id": person.id,
            "email": f"{person.id}@{self.tenant.subdomain}.example",
            "name": name,
            "role": role.value,
            "status": "active",
            "created_at": rfc3339(datetime.now(UTC)),
        }
        keys, at = IdentityKeys(self.tenant.id), datetime.now(UTC)
        session = {
            "id": person.session_id,
            "user_id": person.id,
            "created_at": rfc3339(at),
            "used_at": rfc3339(at),
            "auth_time": rfc3339(at),
            "expires_at": rfc3339(at + timedelta(days=14)),
        } | dict.fromkeys(("secret_hash", "family_hash", "address", "agent"), "")
        with tenant_context(self.tenant):
            for key, item in ((keys.user(person.id), profile), (keys.session(person.session_id), session)):
                self.cloud.database.put_item(TableName="data", Item=encode_item({**key._asdict(), **item}))
        return person

    def group(self, name: str, *members: Person) -> str:
        """Creates a group as an admin. Returns its id."""
        admin = self.member(Role.ADMIN)
        made = admin.asks("POST", "/v1/groups", {"name": name})
        assert made.status == 201, made
        for member in members:
            assert admin.asks("PUT", f"/v1/groups/{made['id']}/members/{member.id}").status == 204
        return str(made["id"])

    def calls(self, act: Callable[[], object]) -> list[str]:
        """The operations that are called in DynamoDB with the tenant's credentials inside the block."""
        from docplatform.runtime.tenant_access import clients

        made: list[str] = []
        events = clients(self.tenant).client("dynamodb").meta.events
        events.register("before-call.dynamodb", lambda model, **_: made.append(model.name), unique_id="count")
        act()
        events.unregister("before-call.dynamodb", unique_id="count")
        return made

    @property
    def usage(self) -> dict[str, int]:
        keys, found = TenancyKeys(self.tenant.id), dict[str, int]()
        for key in (keys.usage(), *(keys.usage_shard(shard) for shard in range(SHARDS))):
            answer = self.cloud.database.get_item(TableName="data", Key=encode_item(key._asdict()))
            for name, value in decode_item(answer.get("Item", {})).items():
                if name in ("documents", "bytes", "folders", "users"):
                    found[name] = found.get(name, 0) + value
        return found

    @property
    def audit(self) -> list[dict[str, Any]]:
        own = [item for item in self.cloud.items("audit") if item["pk"].startswith(self.tenant.id + "#")]
        return sorted(own, key=lambda item: str(item["sk"]))

    @property
    def actions(self) -> list[str]:
        return [item["action"] for item in self.audit]


@dataclass
class Person:
    """``scopes``: of the API key that the person uses; None for a session."""

    home: TenantWorld
    id: str
    role: Role
    scopes: frozenset[Permission] | None = None
    session_id: str = field(default_factory=lambda: ids.new(ids.SESSION, datetime.now(UTC)))

    @property
    def actor(self) -> Actor:
        return Actor(self.home.tenant, self.id, self.session_id, self.role, "request-1")

    def by_key(self, *scopes: Permission) -> Person:
        """The same person, with an API key of these scopes instead of a session."""
        at, key_id = datetime.now(UTC), ids.new(ids.API_KEY, datetime.now(UTC))
        key = {
            "owner_id": self.id,
            "revoked_at": "",
            "created_at": rfc3339(at),
            "expires_at": rfc3339(at + timedelta(1)),
        }
        place = IdentityKeys(self.home.tenant.id).api_key(key_id)
        with tenant_context(self.home.tenant):
            self.home.cloud.database.put_item(TableName="data", Item=encode_item({**place._asdict(), **key}))
        return replace(self, scopes=frozenset(scopes), session_id=key_id)

    def asks(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        query: dict[str, str] | None = None,
        headers: dict[str, str] | None = None,
        raw: str | None = None,
    ) -> Answer:
        first = path.split("/")[2]
        package = FUNCTIONS.get(first, first)
        event = {
            "httpMethod": method,
            "path": path,
            "headers": {"Host": f"{self.home.tenant.subdomain}.us.example", **(headers or {})},
            "queryStringParameters": query,
            "body": raw if raw is not None else (json.dumps(body) if body is not None else None),
            "isBase64Encoded": False,
            "requestContext": {
                "requestId": "request-1",
                "identity": {"sourceIp": "192.0.2.1"},
                "authorizer": {
                    "tenant": to_text(self.home.tenant),
                    "user_id": self.id,
                    "session_id": self.session_id,
                    "role": self.role.value,
                    **({} if self.scopes is None else {"scopes": " ".join(self.scopes)}),
                },
            },
        }
        return self.home.cloud.call(package, event)

    # -- folders
    def creates_folder(self, name: str, *, inside: str = "root", key: str = "") -> Answer:
        headers = {"Idempotency-Key": key} if key else None
        return self.asks("POST", "/v1/folders", {"name": name, "parent_id": inside}, headers=headers)

    def moves_folder(self, folder: str, *, to: str) -> Answer:
        return self.asks("PATCH", f"/v1/folders/{folder}", {"parent_id": to})

    def lists(self, folder: str = "root", **query: str) -> Answer:
        return self.asks("GET", f"/v1/folders/{folder}/children", query=query or None)

    def names_in(self, folder: str = "root", **query: str) -> list[str]:
        names, cursor = [], ""
        while True:
            page = self.lists(folder, **query, **({"cursor": cursor} if cursor else {}))
            names += [item["name"] for item in page["items"]]
            cursor = page["next_cursor"]
            if not cursor:
                return names

    # -- access
    def shares(self, node: str, principal: str, role: str) -> Answer:
        return self.asks("PUT", f"/v1/access/{node}/grants/{principal}", {"role": role})

    def unshares(self, node: str, principal: str) -> Answer:
        return self.asks("DELETE", f"/v1/access/{node}/grants/{principal}")

    def cuts(self, node: str, **more: bool) -> Answer:
        return self.asks("PUT", f"/v1/access/{node}/inheritance", {"inherits": False, **more})

    def explains(self, node: str, user: str = "") -> Answer:
        return self.asks("GET", f"/v1/access/{node}/explanation", query={"user_id": user} if user else None)

    @property
    def principal(self) -> str:
        return f"user:{self.id}"

    # -- documents
    def announces(
        self, name: str, *, inside: str = "root", size: int = 10, content_type: str = "text/plain", key: str = ""
    ) -> Answer:
        body = {"name": name, "folder_id": inside, "size": size, "content_type": content_type}
        return self.asks("POST", "/v1/documents", body, headers={"Idempotency-Key": key} if key else None)
