"""The shapes of keys, independent of their arguments: each method of every class of keys is called with
placeholders."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import combinations
from typing import Any, get_type_hints

import docplatform
from docplatform.infra.dynamodb.keys import Key, TenantKeys

ANY = "<>"  # the place of an argument
TENANT = "t000000000001"
ARGUMENTS: dict[Any, Any] = {str: ANY, int: 987_654, datetime: datetime(2026, 3, 1, tzinfo=UTC)}
FILLED = re.compile(r"0*987654|2026-03-01|(?<=2026-03-01#)\d\d|[0-9a-f]{64}")  # a number, a day, its shard, a hash
AUDIT = ("audit", "audit_shard")  # what stands in the audit table


@dataclass(frozen=True)
class Shape:
    """The shape of a key. ``sk`` is '' if there is only a partition, of the table or of an index."""

    owner: str  # a capability, or infra
    method: str  # as in IdentityKeys.user
    pk: str  # with the tenant's prefix
    sk: str

    @property
    def audit(self) -> bool:
        return self.owner == "infra" and self.method.partition(".")[2] in AUDIT


def keys_classes() -> list[type[TenantKeys]]:
    """The class of keys in infra, and that of each capability with keys."""
    found = [TenantKeys]
    for module in pkgutil.walk_packages(docplatform.__path__, "docplatform."):
        if module.name.endswith(".adapters.keys"):
            classes = inspect.getmembers(importlib.import_module(module.name), inspect.isclass)
            found += [each for _, each in classes if issubclass(each, TenantKeys) and each.__module__ == module.name]
    return found


def methods(keys: type[TenantKeys]) -> set[str]:
    """The methods that the class itself defines and that make a key or a partition."""
    return {name for name, each in vars(keys).items() if callable(each) and not name.startswith("_")}


def shapes(keys: type[TenantKeys]) -> Iterator[Shape]:
    for name in sorted(methods(keys)):
        hints = get_type_hints(getattr(keys, name))
        made = getattr(keys(TENANT), name)(*(ARGUMENTS[hint] for each, hint in hints.items() if each != "return"))
        pk, sk = made if isinstance(made, Key) else (made, "")
        owner, method = keys.__module__.split(".")[1], f"{keys.__name__}.{name}"
        yield Shape(owner, method, FILLED.sub(ANY, pk), FILLED.sub(ANY, sk))


def all_shapes() -> list[Shape]:
    return [shape for keys in keys_classes() for shape in shapes(keys)]


def without_tenant(shapes: Iterable[Shape]) -> list[str]:
    """The methods whose keys do not begin with the tenant."""
    return [each.method for each in shapes if not re.fullmatch(f"{TENANT}#.+", each.pk)]


def clashes(shapes: Iterable[Shape]) -> list[tuple[str, str]]:
    """Methods of two capabilities that can make the same key, or the same partition."""
    return [(one.method, other.method) for one, other in _neighbours(shapes) if _meet(one.sk, other.sk)]


def shared_partitions(shapes: Iterable[Shape]) -> dict[str, set[str]]:
    """The partitions, without their tenant, with items of several capabilities."""
    found: dict[str, set[str]] = {}
    for one, other in _neighbours(shapes):
        for each in (one, other):
            found.setdefault(each.pk.partition("#")[2], set()).update((one.owner, other.owner))
    return found


def _neighbours(shapes: Iterable[Shape]) -> Iterator[tuple[Shape, Shape]]:
    """Pairs of keys of two capabilities that can be in one partition."""
    for one, other in combinations(shapes, 2):
        if one.owner != other.owner and one.audit == other.audit and _meet(one.pk, other.pk):
            yield one, other


def _meet(one: str, other: str) -> bool:
    """Whether some arguments make both texts equal. The last argument may contain a ``#``, because a name may."""
    short, long = sorted((one.split("#"), other.split("#")), key=len)
    if not all(_same(*parts) for parts in zip(short, long, strict=False)):
        return False
    return len(short) == len(long) or short[-1].endswith(ANY)


def _same(one: str, other: str) -> bool:
    return any(re.fullmatch(re.escape(a).replace(re.escape(ANY), ".*"), b) for a, b in ((one, other), (other, one)))
