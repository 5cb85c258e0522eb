"""Every store refuses every call outside the context of the tenant that it was opened for, whatever the call's
arguments are."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext, suppress
from dataclasses import dataclass, fields, is_dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum
from pathlib import Path
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

import pytest

import docplatform
from docplatform.core import ids
from docplatform.core.actor import Actor, Role
from docplatform.core.audit import Action, AuditRecord
from docplatform.core.errors import ChangedMeanwhile, DomainError
from docplatform.core.tenant import Tenant, TenantContextError, tenant_context, tenant_scope
from docplatform.infra.dynamodb.keys import Key, TenantKeys
from docplatform.infra.dynamodb.table import TenantTable
from docplatform.infra.dynamodb.transaction import Transaction
from docplatform.infra.tenant_bound import TenantBound
from docplatform.library.access import IndexedPermissions
from docplatform.library.adapters.changes import DynamoLibraryChanges
from docplatform.library.adapters.s3 import S3Files
from docplatform.library.model import Folder
from docplatform.search.adapters import opensearch
from tests.infra.stored_values import FULL_DOCUMENT
from tests.support.tenants import a_tenant

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
ENDPOINT = "http://search.example"


OWN, OTHER = a_tenant(1), a_tenant(2)
ACTOR = Actor(OWN, "usr_1", "ses_1", Role.ADMIN, "request-1")
RECORD = AuditRecord("r", AT, OWN.id, "usr_1", "ses_1", Action.DOCUMENT_READ, "doc_1", "request-1")

NOT_OF_ONE_TENANT = {
    "KmsTokens": "the region's keys for access tokens",
    "LiveGateway": "sockets, which a tenant's own items name",
    "OperationStore": "operations of the region; it holds ids and times",
    "OutboundHttp": "other people's servers",
    "Registry": "of all tenants; it holds no tenant data",
    "RunStore": "runs of jobs in the region; it holds ids and counts",
    "ServerlessCollections": "collections of all tenants, which it makes and deletes; it opens none",
    "SqsQueues": "the region's queues",
    "SesSender": "mail, sent with the function's own role",
    "TenantClient": "what a store is opened with",
    "TenantClients": "what a store is opened with",
    "TenantCredentials": "what a store is opened with",
}
CALLS_NOTHING = {
    ("TenantTable", "verify_authority"): "reads nothing for who has no authority; test_stale_authority.py tries it",
    ("TenantTable", "read_again"): "is called with the authority of a request; test_stale_authority.py tries it",
    ("*", "idempotency"): "makes another store, which is tried by itself",
    ("Transaction", "keep"): "takes back what was queued",
    ("DynamoLibraryChanges", "hold_in_place"): "notes folders, for check_held to look at",
    ("DynamoLibraryChanges", "hold_access"): "as hold_in_place",
    ("DynamoLibraryChanges", "raise_levels"): "as hold_in_place",
    ("DynamoLibraryChanges", "check_held"): "looks at nothing without them; tried by the test below",
}
KINDS = {
    "document": ids.DOCUMENT,
    "folder": ids.FOLDER,
    "node": ids.FOLDER,
    "parent": ids.FOLDER,
    "version": ids.VERSION,
    "user": ids.USER,
    "owner": ids.USER,
    "group": ids.GROUP,
    "session": ids.SESSION,
    "key_id": ids.API_KEY,
    "add": ids.USER,
    "remove": ids.USER,
}
FORMS = {"cursor": "", "encrypted": "YWJj.YWJj"}
PRINCIPALS = ["everyone", "usr_a"]


class Called(BaseException):
    """Shows that the store has made a call. It is a BaseException, so no ``except Exception`` hides it."""


class Client:
    """A client of any service."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def __call__(self) -> Client:
        return self

    def __getattr__(self, name: str) -> Any:
        if name == "exceptions":
            return _NoExceptions()

        def call(*_: Any, **__: Any) -> None:
            self.calls.append(name)
            raise Called(name)

        return call


class _NoExceptions:
    def __getattr__(self, name: str) -> type[Exception]:
        return type(name, (Exception,), {})


def adapters() -> Iterator[type]:
    """Every class that is an adapter, or a base of adapters."""
    for module in pkgutil.walk_packages(docplatform.__path__, "docplatform."):
        if ".adapters." in module.name or module.name.startswith(("docplatform.infra.", "docplatform.tenancy.")):
            found = importlib.import_module(module.name)
            yield from (
                each for _, each in inspect.getmembers(found, inspect.isclass) if each.__module__ == module.name
            )


def parameters(store: type) -> dict[str, Any]:
    """The parameters of a constructor: name → type."""
    if "__init__" not in {name for base in store.__mro__[:-1] for name in vars(base)}:
        return {}
    hints = get_type_hints(store.__init__)  # type: ignore[misc]
    return {name: hint for name, hint in hints.items() if name != "return"}


def is_store(adapter: type) -> bool:
    """Whether the class holds a tenant's client, or a store that holds one."""
    held = parameters(adapter).values()
    return issubclass(adapter, TenantBound) or any(
        isinstance(each, type) and issubclass(each, TenantBound) for each in held
    )


STORES = sorted(
    (each for each in adapters() if is_store(each) and each is not TenantBound), key=lambda each: each.__name__
)
METHODS = [
    (store, name)
    for store in STORES
    for name, _ in inspect.getmembers(store, inspect.isfunction)
    if not name.startswith("_") and not {("*", name), (store.__name__, name)} & CALLS_NOTHING.keys()
]


def opened(store: type, client: Client) -> Any:
    """A store, opened for its own tenant as its wiring does."""
    transaction = Transaction(client, "data", OWN.id)
    table = TenantTable(client, tenant_id=OWN.id, data_table="data", audit_table="audit")
    known = {
        "client": client,
        "tenant_id": OWN.id,
        "actor": ACTOR,
        "now": AT,
        "at": AT,
        "endpoint": ENDPOINT,
        "transaction": transaction,
        "folder": Path("/nowhere"),
        "limits": OWN.limits,
        "files": S3Files(client, "documents", OWN.id),
    }
    wanted = parameters(store)
    given_ = {name: table if hint is TenantTable else known.get(name, name) for name, hint in wanted.items()}
    opensearch._READY.add(ENDPOINT)
    with tenant_context(OWN):
        return store(**given_)


@dataclass
class Draw:
    """Draws arguments by their types, from a seed, so a failed test can be repeated."""

    chance: random.Random

    def of(self, name: str, hint: Any) -> Any:
        """A value of this type. Collections are not empty, because a method might make no call for an empty one."""
        origin, arguments = get_origin(hint), get_args(hint)
        if origin in (Union, UnionType):
            return self.of(name, self.chance.choice([each for each in arguments if each is not type(None)]))
        if origin is tuple and arguments[-1] is not ...:
            return tuple(self.of(name, each) for each in arguments)
        if origin in (dict, Mapping):
            return {each: self.of(name, arguments[1]) for each in PRINCIPALS}
        if origin is Callable:
            return lambda *_: RECORD
        if origin is not None:
            several = [self.of(name, arguments[0]) for _ in range(self.chance.randint(1, 2))]
            return frozenset(several) if origin in (set, frozenset) else tuple(several) if origin is tuple else several
        if isinstance(hint, type) and issubclass(hint, Enum):
            return self.chance.choice(list(hint))
        if is_dataclass(hint) and hint not in (Tenant, AuditRecord):
            hints = get_type_hints(hint)
            return hint(**{each.name: self.of(each.name, hints[each.name]) for each in fields(hint) if each.init})
        return self._single(name, hint)

    def _single(self, name: str, hint: Any) -> Any:
        simple: dict[Any, Callable[[], Any]] = {
            Any: lambda: self._text(name),
            str: lambda: self._text(name),
            bytes: lambda: self.chance.randbytes(9),
            int: lambda: self.chance.randint(1, 99),
            float: self.chance.random,
            bool: lambda: self.chance.random() < 0.5,
            datetime: lambda: AT + timedelta(seconds=self.chance.randint(-(10**6), 10**6)),
            Path: lambda: Path("/nowhere"),
            Key: lambda: Key(f"{OWN.id}#a", self._text(name)),
            Tenant: lambda: OWN,
            AuditRecord: lambda: RECORD,
            DomainError: lambda: ChangedMeanwhile("Try again."),
            Transaction: lambda: Transaction(Client(), "data", OWN.id),
        }
        return simple[hint]()

    def _text(self, name: str) -> str:
        """A text; if the name means an id, an id of that kind, because the stores do not look for other texts."""
        if name in FORMS:
            return FORMS[name]
        kind = next((kind for word, kind in KINDS.items() if name.startswith(word)), "")
        if name == "principal":
            return self.chance.choice(PRINCIPALS)
        return ids.new(kind, AT) if kind else f"text{self.chance.randint(0, 10**9)}"


class Attempt:
    """One call of a method, with arguments that were drawn."""

    def __init__(self, store: type, name: str, draw: Draw) -> None:
        self._store, self._name = store, name
        hints = get_type_hints(getattr(store, name))
        kinds = [each for each in inspect.signature(getattr(store, name)).parameters.values() if each.name != "self"]
        several = inspect.Parameter.VAR_POSITIONAL
        self._rest = [draw.of(each.name, hints[each.name]) for each in kinds if each.kind is several]
        self._named = {each.name: draw.of(each.name, hints[each.name]) for each in kinds if each.kind is not several}

    def of(self, client: Client) -> Callable[[], None]:
        """Calls the method on a new store. A lazy result is consumed."""
        store = opened(self._store, client)

        def use() -> None:
            answer = getattr(store, self._name)(*self._rest, **self._named)
            if hasattr(answer, "__enter__"):
                with answer:
                    pass
            elif inspect.isgenerator(answer):
                list(answer)

        return use

    def asks(self) -> bool:
        """Whether the method calls something in its own tenant's context, or puts it into its transaction."""
        client, queued = Client(), []
        use = self.of(client)
        with pytest.MonkeyPatch.context() as patch, tenant_context(OWN):
            patch.setattr(Transaction, "_queue", lambda *write: queued.append(write))
            with suppress(Called, Exception):  # the drawn arguments may make no sense
                use()
        return bool(queued or client.calls)


@pytest.mark.parametrize(("store", "name"), METHODS, ids=lambda each: getattr(each, "__name__", each))
def test_a_store_makes_no_call_but_in_its_own_tenants_context(store: type, name: str) -> None:
    asked = []
    for seed in range(5):
        attempt = Attempt(store, name, Draw(random.Random(seed)))
        for context in (tenant_context(OTHER), tenant_scope(), nullcontext()):
            client = Client()
            use = attempt.of(client)
            with context, pytest.raises(TenantContextError):
                use()
            assert client.calls == []
        asked.append(attempt.asks())
    assert any(asked), "it calls nothing in its own tenant's context either: what is shown here?"


@pytest.mark.parametrize("opened_context", [lambda: tenant_context(OTHER), tenant_scope, nullcontext])
def test_an_index_is_not_even_looked_for(opened_context: Callable[[], Any]) -> None:
    client = Client()
    index = opensearch.TenantIndex(client, "http://never-seen.example", OWN.id)  # type: ignore[arg-type]
    permissions = IndexedPermissions(("n",), ("u",))
    for call in (
        lambda: index.put(FULL_DOCUMENT, "text", permissions),
        lambda: index.update_metadata(FULL_DOCUMENT, permissions),
        lambda: index.remove(FULL_DOCUMENT.id),
    ):
        with opened_context(), pytest.raises(TenantContextError):
            call()
    assert client.calls == []


@pytest.mark.parametrize(
    "hold",
    [
        lambda changes, folder: changes.hold_in_place((folder,)),
        lambda changes, folder: changes.hold_access((folder,)),
        lambda changes, folder: changes.raise_levels(folder, [(folder, 2)]),
    ],
    ids=["in_place", "access", "levels"],
)
def test_folders_that_are_held_are_not_looked_at(hold: Callable[[DynamoLibraryChanges, Folder], None]) -> None:
    client = Client()
    changes = opened(DynamoLibraryChanges, client)
    hold(changes, Draw(random.Random(1)).of("folder", Folder))
    with tenant_context(OTHER), pytest.raises(TenantContextError):
        changes.check_held()
    assert client.calls == []
    with tenant_context(OWN):
        changes.check_held()


def test_every_adapter_with_a_client_is_a_store_or_is_known_to_be_none() -> None:
    with_client = {
        each.__name__
        for each in adapters()
        if {"client", "tenant_id", "table"} & parameters(each).keys() and not issubclass(each, TenantKeys)
    }
    assert with_client - {each.__name__ for each in STORES} - NOT_OF_ONE_TENANT.keys() - {"TenantBound"} == set()
    assert {"TenantTable", "Transaction", "S3Files", "TenantIndex", "KmsSecrets", "DynamoLive"} <= {
        each.__name__ for each in STORES
    }
