"""The two signals of isolation between tenants, and what raises them.

*Attempt*: a caller, an event or a message asks for something of another tenant, and is refused. It is information; more
than five within ten minutes by one actor are a finding (``runtime/isolation.py``).

*Detected*: something of another tenant has come as far as this code: an item, a row of an index, the key of an object, or a
link. It is dropped, and the alarm ``cross-tenant-detected`` calls somebody. All walls before have failed.

What is *dropped* is counted by its source; most of it is an attempt or a detection as well.

All become metrics and members of the log line when the invocation ends (``runtime/telemetry.py``).
"""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import pairwise
from urllib.parse import unquote, urlsplit

from docplatform.core import ids
from docplatform.core.tenant import TenantContextError, current_tenant_id

_PREFIXES = ("tenants", "derived")  # of S3 keys; the tenant's id follows
_MOST_WRITERS = 20


class AttemptKind(StrEnum):
    """What an attempt used. Access tokens name their tenant. An API key does not, but its check digits rule out a typing
    error, so a key that this tenant does not know is one of another tenant, or one that was removed."""

    TOKEN = "token"
    API_KEY = "api-key"
    ACCESS_DENIED = "access-denied"  # AWS refused a call with the tenant's credentials: a key, a prefix or a collection
    EVENT = "event"  # an event, a message or the input of a workflow names ids that are not the tenant's


class Place(StrEnum):
    """Where something of another tenant was found."""

    ITEM = "item"
    ENTRY = "entry"  # of the search index
    INDEX_ROW = "index-row"
    OBJECT_KEY = "object-key"
    LINK = "link"


class Source(StrEnum):
    """Where something was found that is not the current tenant's, or that nobody can read, and was dropped."""

    INDEX = "index"  # a row of a table's index whose key is not the tenant's
    ITEM = "item"  # an item that does not fit what a list shows
    STREAM = "stream"  # a record of a table's stream with a key that no code of ours makes
    EVENT = "event"  # an event of S3 that names no tenant of this region
    MESSAGE = "message"  # a message of a queue with ids that are malformed, or of another tenant than its group
    WORKFLOW = "workflow"  # an input of a workflow's step with malformed ids
    SEARCH = "search"  # a hit of the search index with an id that is not the tenant's


_DETECTED = {Source.INDEX: Place.INDEX_ROW, Source.SEARCH: Place.ENTRY}
_ATTEMPTS = {Source.STREAM, Source.EVENT, Source.MESSAGE, Source.WORKFLOW}


class IsolationFault(TenantContextError):
    """Something of another tenant has reached this code. The request ends without an answer that could hold it."""

    def __init__(self, place: Place) -> None:
        super().__init__(place.value)
        self.place = place


@dataclass(slots=True)
class Signals:
    """What was noted in one invocation."""

    attempts: list[AttemptKind] = field(default_factory=list)
    detected: list[Place] = field(default_factory=list)
    dropped: list[Source] = field(default_factory=list)
    writers: set[str] = field(default_factory=set)
    """The tenants, twenty at most, with whose credentials dropped rows of an index were written."""


_signals: ContextVar[Signals | None] = ContextVar("isolation_signals", default=None)


def begin() -> None:
    """Start an invocation without signals."""
    _signals.set(Signals())


def signals() -> Signals:
    """The signals of this invocation."""
    return _signals.get() or Signals()


def note_attempt(kind: AttemptKind) -> None:
    if (noted := _signals.get()) is not None:
        noted.attempts.append(kind)


def note_detected(place: Place) -> None:
    if (noted := _signals.get()) is not None:
        noted.detected.append(place)


def detect(place: Place) -> IsolationFault:
    """Note what was detected, and return the error to raise."""
    note_detected(place)
    return IsolationFault(place)


def dropped(source: Source) -> None:
    """Note that something was dropped; what it tells of isolation, too."""
    if (noted := _signals.get()) is not None:
        noted.dropped.append(source)
    if source in _ATTEMPTS:
        note_attempt(AttemptKind.EVENT)
    elif place := _DETECTED.get(source):
        note_detected(place)


def note_writer(partition: str) -> None:
    """Note whose a dropped row is, by the partition key of its table: IAM lets nobody else write there."""
    tenant_id, noted = partition.partition("#")[0], signals()
    if ids.is_tenant(tenant_id) and len(noted.writers) < _MOST_WRITERS:
        noted.writers.add(tenant_id)


def is_foreign(partition: str) -> bool:
    """Whether a partition key belongs to another tenant than the current one. False without a current tenant, and for
    keys that are no tenant's (registry, operations)."""
    tenant_id, current = partition.partition("#")[0], current_tenant_id()
    return tenant_id != current and bool(current) and ids.is_tenant(tenant_id)


def require_own_partition(partition: str) -> None:
    """Raises IsolationFault for the partition key of another tenant."""
    if is_foreign(partition):
        raise detect(Place.ITEM)


def require_own_object(key: str) -> None:
    """Raises IsolationFault for an S3 key outside the current tenant's prefixes: those of uploads, and of what is made of them."""
    current = current_tenant_id()
    if not key.startswith(tuple(f"{prefix}/{current}/" for prefix in _PREFIXES)):
        raise detect(Place.OBJECT_KEY)


def require_own_link(url: str) -> None:
    """Raises IsolationFault for a presigned URL whose path is not below a prefix of the current tenant. The bucket's name is in the
    host or begins the path, so the prefix is looked for at every segment. Only the path counts: the query has texts of people,
    such as the name that a download gets."""
    segments = unquote(urlsplit(url).path).split("/")
    owners = [tenant for prefix, tenant in pairwise(segments) if prefix in _PREFIXES]
    if not owners or any(tenant != current_tenant_id() for tenant in owners) or {".", ".."}.intersection(segments):
        raise detect(Place.LINK)
