"""Examples of every dataclass that is stored as an item, with every field set and with every optional field empty, and
the stores' methods that write and read them. The items themselves are in ``stored_items.json``.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from docplatform.api_keys.adapters.store import DynamoApiKeys
from docplatform.core.actor import Role
from docplatform.directory.adapters.group_store import DynamoGroups
from docplatform.directory.adapters.provisioning_store import DynamoDirectory
from docplatform.identity.adapters.attempt_store import DynamoAttempts
from docplatform.identity.adapters.user_store import DynamoPeople
from docplatform.identity.attempts import AttemptCount
from docplatform.identity.devices import Device
from docplatform.identity.factors import Challenge, ChallengePurpose, Factors
from docplatform.identity.model import Invitation, Login, Reset, Session, UserStatus
from docplatform.identity.security_settings import SecuritySettings
from docplatform.infra.dynamodb.table import TenantTable
from docplatform.library.adapters.store import DynamoLibrary
from docplatform.library.model import Document, Folder
from docplatform.realtime.adapters.store import DynamoLive
from docplatform.realtime.model import LiveConnection, Ticket
from docplatform.runtime.findings import AuditTampering, Change, FindingStore
from docplatform.runtime.operations.model import Operation, OperationKey, OperationState
from docplatform.runtime.operations.store import OperationStore
from docplatform.runtime.schedules.model import PartRun, Run, RunState
from docplatform.runtime.schedules.store import RunStore
from docplatform.sso.adapters.store import DynamoSso
from docplatform.sso.model import ExternalIdentity, Health, LinkConflict
from docplatform.tenancy.registry import Registry
from tests.infra.stored_values import (
    ACTOR,
    API_KEY,
    AT,
    CHALLENGE,
    DOCUMENT,
    ENTRY,
    FAILED_DOCUMENT,
    FOLDER,
    FULL_API_KEY,
    FULL_CONNECTION,
    FULL_DOCUMENT,
    FULL_FACTORS,
    FULL_FOLDER,
    FULL_GROUP,
    FULL_RECORD,
    FULL_SESSION,
    FULL_TENANT,
    GROUP,
    LATER,
    NEW_API_KEY,
    NEW_DOCUMENT,
    NEW_SESSION,
    PERSON,
    SAML_CONNECTION,
    SERVICE,
    SESSION,
    SSO_ATTEMPT,
    TENANT,
    USER,
    WHOLE,
)

OPERATION = OperationKey(TENANT.id, "processing", "ver_1")
RUN = Run("sweep", due=AT, begun_at=AT, late_at=LATER)
FULL_RUN = replace(RUN, state=RunState.FAILED, ended_at=LATER, queued=3, succeeded=1, failed=1, cursor="t000000000002")

Wired = dict[str, Any]
"""An item, or a key, in DynamoDB's wire form."""
Stored = dict[str, Wired]
"""Items by table, partition key and sort key."""


class Wire:
    """A stand-in for DynamoDB's client, with items in DynamoDB's JSON form by table and key. An update only sets
    attributes, and a deletion or a condition does nothing."""

    def __init__(self, items: Stored | None = None) -> None:
        self.items: Stored = dict(items or {})

    def transact_write_items(self, TransactItems: list[dict[str, Any]]) -> None:
        for write in TransactItems:
            if "Put" in write:
                self.put_item(**write["Put"])
            if "Update" in write:
                self.update_item(**write["Update"])

    def put_item(self, TableName: str, Item: Wired, **_: Any) -> None:
        self.items[_place(TableName, Item)] = {name: value for name, value in Item.items() if name not in ("pk", "sk")}

    def update_item(self, TableName: str, Key: Wired, UpdateExpression: str, **spelled: Any) -> None:
        names, values = spelled["ExpressionAttributeNames"], spelled.get("ExpressionAttributeValues", {})
        assigned = re.findall(r"(#n\d+) = (:v\d+)", UpdateExpression)
        if assigned:
            self.items.setdefault(_place(TableName, Key), {}).update(
                {names[name]: values[value] for name, value in assigned}
            )

    def get_item(self, TableName: str, Key: Wired, **_: Any) -> dict[str, Any]:
        place = _place(TableName, Key)
        return {"Item": {**Key, **self.items[place]}} if place in self.items else {}

    def delete_item(self, TableName: str, Key: Wired, **_: Any) -> dict[str, Any]:
        return {"Attributes": self.get_item(TableName, Key).get("Item")}

    def batch_get_item(self, RequestItems: dict[str, Any]) -> dict[str, Any]:
        ((table, wanted),) = RequestItems.items()
        found = [self.get_item(table, key).get("Item") for key in wanted["Keys"]]
        return {"Responses": {table: [each for each in found if each]}}

    def query(self, TableName: str, ExpressionAttributeValues: Wired, **_: Any) -> dict[str, Any]:
        partition = ExpressionAttributeValues[":partition"]
        start = f"{TableName} {partition['S']} "
        keys = [
            {"pk": partition, "sk": {"S": place.removeprefix(start)}} for place in self.items if place.startswith(start)
        ]
        return {"Items": [self.get_item(TableName, key)["Item"] for key in keys]}


def _place(table: str, key: Wired) -> str:
    return f"{table} {key['pk']['S']} {key['sk']['S']}"


class Stores:
    """All stores of one tenant, over one client."""

    def __init__(self, client: Wire) -> None:
        self.table = TenantTable(client, tenant_id=TENANT.id, data_table="data", audit_table="audit")
        self.library, self.people = DynamoLibrary(self.table, ACTOR, AT), DynamoPeople(self.table)
        self.attempts, self.sso, self.live = DynamoAttempts(self.table), DynamoSso(self.table), DynamoLive(self.table)
        self.api_keys, self.groups = DynamoApiKeys(self.table), DynamoGroups(self.table)
        self.directory, self.registry = DynamoDirectory(self.table), Registry(client, "registry")
        self.runs, self.operations = RunStore(client, "operations"), OperationStore(client, "operations")
        self.findings = FindingStore(client, "operations")


@dataclass(frozen=True)
class Example:
    """``write`` stores ``value``, and ``read`` finds it again. None: nothing reads it back."""

    value: Any
    write: Callable[[Stores, Any], object]
    read: Callable[[Stores], object] | None


def _in_transaction(store: str, change: str, **named: Any) -> Callable[[Stores, Any], None]:
    """Calls this method of the store's transaction with the value."""

    def write(stores: Stores, value: Any) -> None:
        with getattr(stores, store).begin() as changes:
            getattr(changes, change)(value, **named)

    return write


def _process(stores: Stores, document: Document) -> None:
    with stores.library.begin() as changes:
        changes.add_document(NEW_DOCUMENT)
        changes.change_version(NEW_DOCUMENT, document.version)


def _renew(stores: Stores, session: Session) -> None:
    with stores.people.begin() as changes:
        changes.open_session(FULL_SESSION)
        changes.renew_session(FULL_SESSION, session)


def _keep_factors(stores: Stores, factors: Factors) -> None:
    """Stores factors and the profile, which a log-in needs."""
    with stores.people.begin() as changes:
        changes.add_user(PERSON, most=9)
        changes.keep_factors(USER, Factors(revision=factors.revision - 1), factors)


def _login(stores: Stores) -> Login:
    login = stores.people.login(USER)
    assert login is not None
    return login


def _open(stores: Stores, connection: LiveConnection) -> None:
    with stores.live.begin() as changes:
        changes.open(connection, PERSON)


def _set_security(stores: Stores, value: Any) -> None:
    with stores.people.begin() as changes:
        changes.set_security(replace(value, revision=value.revision - 1), value)


def _of(name: str, write: Any, read: Any, **values: Any) -> dict[str, Example]:
    return {f"{name}: {which}": Example(value, write, read) for which, value in values.items()}


EXAMPLES: dict[str, Example] = {
    **_of(
        "folder",
        _in_transaction("library", "add_folder"),
        lambda stores: stores.library.folder(FOLDER),
        full=FULL_FOLDER,
        empty=Folder(FOLDER, "", "", (), 0, USER, WHOLE, WHOLE, 1),
    ),
    **_of(
        "document",
        _in_transaction("library", "add_document"),
        lambda stores: stores.library.document(DOCUMENT),
        full=FULL_DOCUMENT,
        empty=NEW_DOCUMENT,
        failed=FAILED_DOCUMENT,
    ),
    **_of(
        "processed document",
        _process,
        lambda stores: stores.library.document(DOCUMENT),
        full=replace(NEW_DOCUMENT, version=replace(FULL_DOCUMENT.version, number=NEW_DOCUMENT.version.number)),
    ),
    **_of(
        "user",
        _in_transaction("people", "add_user", most=9),
        lambda stores: stores.people.user(USER),
        person=PERSON,
        moved=replace(PERSON, email_changed_at=AT),
        nameless=replace(PERSON, name="", role=Role.ADMIN, status=UserStatus.INVITED),
    ),
    **_of(
        "service account",
        _in_transaction("api_keys", "add_service_account"),
        lambda stores: stores.api_keys.owner(USER),
        full=SERVICE,
    ),
    **_of(
        "session",
        _in_transaction("people", "open_session"),
        lambda stores: stores.people.session(SESSION),
        full=FULL_SESSION,
        kept=replace(FULL_SESSION, kept_at=LATER),
        empty=NEW_SESSION,
    ),
    **_of(
        "renewed session",
        _renew,
        lambda stores: stores.people.session(SESSION),
        full=FULL_SESSION.renewed("t" * 64, LATER, SecuritySettings()),
    ),
    **_of(
        "reset",
        _in_transaction("people", "store_reset"),
        lambda stores: stores.people.reset(USER),
        full=Reset(USER, "h" * 64, AT, LATER),
    ),
    **_of(
        "challenge",
        _in_transaction("people", "issue"),
        lambda stores: stores.people.challenge("hash"),
        full=CHALLENGE,
        empty=Challenge("hash", ChallengePurpose.PASSKEY_LOGIN, "", WHOLE),
    ),
    **_of(
        "invitation",
        _in_transaction("people", "invite"),
        lambda stores: stores.people.invitation("hash"),
        full=Invitation("hash", USER, LATER),
    ),
    **_of(
        "security settings",
        _set_security,
        lambda stores: stores.people.security_settings(),
        full=SecuritySettings(True, 300, 3_600, ("192.0.2.0/24", "2001:db8::/32"), AT, LATER, revision=2),
        empty=SecuritySettings(revision=1),
    ),
    **_of(
        "factors",
        _keep_factors,
        lambda stores: _login(stores).factors,
        full=FULL_FACTORS,
        empty=Factors(revision=1),
    ),
    **_of(
        "device",
        _in_transaction("people", "know_device", instead_of=None),
        None,
        full=Device(USER, "f00d", AT, LATER),
    ),
    **_of(
        "attempts",
        lambda stores, count: stores.attempts.keep("ann@acme.example", count, AT),
        lambda stores: stores.attempts.counts("ann@acme.example", "192.0.2.1", AT).account,
        full=AttemptCount((AT, LATER), 3, LATER, 1),
        empty=AttemptCount(revision=1),
    ),
    **_of(
        "connection",
        _in_transaction("sso", "connect", before=0),
        lambda stores: stores.sso.connection()[0],
        full=FULL_CONNECTION,
        empty=SAML_CONNECTION,
    ),
    **_of(
        "health",
        lambda stores, health: stores.sso.set_health(None, health, None),
        lambda stores: stores.sso.connection()[1],
        full=Health(True, LATER, AT, AT),
        empty=Health(False, WHOLE),
    ),
    **_of(
        "link conflict",
        lambda stores, conflict: stores.sso.report_conflict(
            ExternalIdentity("https://idp.example", conflict.subject), conflict, FULL_RECORD
        ),
        lambda stores: stores.sso.conflicts()[0],
        full=LinkConflict(USER, "ann", "ann@acme.example", "the account is linked", AT),
        empty=LinkConflict(USER, "", "", "", WHOLE),
    ),
    **_of(
        "log-in by SSO",
        _in_transaction("sso", "begin_attempt"),
        lambda stores: stores.sso.pop_attempt("s"),
        full=SSO_ATTEMPT,
        empty=replace(SSO_ATTEMPT, provider={}, verifier="", reauthenticate=False),
    ),
    **_of(
        "API key",
        _in_transaction("api_keys", "add_key"),
        lambda stores: stores.api_keys.key(API_KEY),
        full=FULL_API_KEY,
        empty=NEW_API_KEY,
    ),
    **_of(
        "ticket",
        _in_transaction("live", "issue"),
        lambda stores: stores.live.pop_ticket("hash"),
        full=Ticket("hash", USER, SESSION, LATER),
    ),
    **_of(
        "live connection",
        _open,
        lambda stores: stores.live.of_session(SESSION)[0],
        full=LiveConnection("L0SM9cOFvHcCIhw=", USER, SESSION, AT),
    ),
    **_of(
        "group",
        _in_transaction("groups", "add_group"),
        lambda stores: stores.groups.group(GROUP),
        full=FULL_GROUP,
        empty=replace(FULL_GROUP, external_id="", members=0),
    ),
    **_of(
        "directory entry",
        _in_transaction("directory", "add", most=9),
        lambda stores: stores.directory.entry(USER),
        full=ENTRY,
        empty=replace(ENTRY, user=replace(PERSON, email=""), external_id="", kept=""),
    ),
    **_of(
        "run",
        lambda stores, run: stores.runs.begin(run),
        lambda stores: stores.runs.run("sweep", AT),
        full=FULL_RUN,
        empty=RUN,
    ),
    **_of(
        "operation",
        lambda stores, operation: stores.operations.begin(operation),
        lambda stores: stores.operations.get(OPERATION),
        full=Operation(OPERATION, {"a": "b"}, "e-2", AT, LATER, OperationState.DONE, 2, "Scan", LATER, "ready"),
        empty=Operation(OPERATION, {}, "e-0", WHOLE, WHOLE),
    ),
    **_of(
        "finding",
        lambda stores, finding: stores.findings.add(finding),
        None,
        full=AuditTampering(
            "e-1", AT, f"{TENANT.id}#2026-01-02/1", Change.CHANGED, "b" * 64, "a" * 64, ["action"], "svc"
        ),
        empty=AuditTampering("e-1", WHOLE, f"{TENANT.id}#2026-01-02/1", Change.REMOVED, "b" * 64, "", [], ""),
    ),
    **_of(
        "part of a run",
        lambda stores, part: stores.runs.begin_part(RUN, part),
        lambda stores: stores.runs.part(RUN, TENANT.id),
        full=PartRun(TENANT.id, AT, LATER, RunState.FAILED, LATER, "KeyError", {"found": 2}),
        empty=PartRun(TENANT.id, WHOLE, WHOLE),
    ),
    **_of(
        "tenant",
        lambda stores, tenant: stores.registry.add(tenant),
        lambda stores: stores.registry.by_subdomain("globex"),
        full=FULL_TENANT,
        empty=replace(TENANT, subdomain="globex"),
    ),
    **_of(
        "audit record",
        lambda stores, record: stores.table.record_standalone(record),
        None,
        full=FULL_RECORD,
        empty=replace(FULL_RECORD, session="", facts={}),
    ),
}
