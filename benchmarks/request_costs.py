"""What each request costs: its AWS calls, and the processor time of our own code with the AWS calls left out.

    python benchmarks/request_costs.py [rounds]

One process, the real handlers, moto for AWS (for the search's index, an answer of 19 hits: one call more); medians. The architecture's
bound is 1 ms of our own processor time per request, and 3 calls for a typical one (the audit record of a read is one of them).
"""

from __future__ import annotations

import contextlib
import io
import itertools
import statistics
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "layers/platform/python")]

from benchmarks.meter import Meter
from docplatform.core.actor import Role
from docplatform.core.tenant import tenant_context
from docplatform.infra.dynamodb.table import TenantTable
from docplatform.search import wiring as composition
from docplatform.search.model import Candidate, IndexHits
from docplatform.tenancy.adapters import usage
from tests.support.mocked_aws import Person, cloud  # noqa: E402


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 30
    meter = Meter()
    with pytest.MonkeyPatch.context() as environment, cloud(environment) as region:
        ann = region.tenant("acme").member()
        with contextlib.redirect_stdout(io.StringIO()):
            rows = [(name, *_measured(meter, ask, rounds)) for name, ask in _requests(ann).items()]
    print(f"{'request':34} {'calls':>5}  {'own ms':>6}  which")
    for name, calls, own in rows:
        print(f"{name:34} {len(calls):5}  {own:6.2f}  {', '.join(calls)}")


def _measured(meter: Meter, ask: Any, rounds: int) -> tuple[list[str], float]:
    _asked(meter, ask)  # warm: credentials, clients
    own = [_asked(meter, ask) for _ in range(rounds)]
    return meter.operations, statistics.median(own)


def _asked(meter: Meter, ask: Any) -> float:
    answer, own = meter.of(ask)
    assert answer.status < 400, answer
    return own


def _requests(ann: Person) -> dict[str, Any]:
    numbers = iter(range(1_000_000))
    folder = ann.creates_folder("Folder")["id"]
    inner = ann.creates_folder("Inner", inside=folder)["id"]
    for _ in range(60):
        ann.announces(f"{next(numbers)}.txt", inside=folder)
    document = ann.announces("document.txt")["document"]["id"]
    path = f"/v1/documents/{document}"
    bo, roles = ann.home.member(), iter(itertools.cycle(("viewer", "editor")))
    found = [each["id"] for each in ann.lists(folder, limit="20")["items"] if each["kind"] == "document"]
    answers = IndexHits(tuple(Candidate(each, 1.0, {"text": ("a word",)}) for each in found), "")
    composition.index = lambda _tenant: SimpleNamespace(search=lambda _question: answers)  # type: ignore[assignment]
    admin = ann.home.member(Role.ADMIN)
    return {
        "POST /v1/folders": lambda: ann.creates_folder(f"f{next(numbers)}"),
        "GET /v1/folders/{id}": lambda: ann.asks("GET", f"/v1/folders/{inner}"),
        "GET /v1/folders/{id}/children (50)": lambda: ann.lists(folder),
        "PATCH /v1/folders/{id} rename": lambda: ann.asks(
            "PATCH", f"/v1/folders/{inner}", {"name": f"n{next(numbers)}"}
        ),
        "POST /v1/documents": lambda: ann.announces(f"d{next(numbers)}"),
        "the same, counters spread": lambda: _with_spread_counters(ann, f"d{next(numbers)}"),
        "GET /v1/documents/{id}": lambda: ann.asks("GET", path),
        "PATCH /v1/documents/{id} rename": lambda: ann.asks("PATCH", path, {"name": f"n{next(numbers)}"}),
        "POST /v1/documents/{id}/upload": lambda: ann.asks("POST", f"{path}/upload"),
        "POST /v1/search (19 hits)": lambda: ann.asks("POST", "/v1/search", {"query": "word"}),
        "the same, by an admin": lambda: admin.asks("POST", "/v1/search", {"query": "word"}),
        "PUT /v1/access/{id}/grants/{who}": lambda: ann.shares(folder, bo.principal, next(roles)),
        "GET /v1/access/{id}": lambda: ann.asks("GET", f"/v1/access/{inner}"),
        "GET /v1/access/{id}/explanation": lambda: ann.explains(inner, bo.id),
        "GET /v1/access": lambda: ann.asks("GET", "/v1/access"),
        "GET /scim/v2/Users/{id}": lambda: admin.asks("GET", f"/scim/v2/Users/{bo.id}"),
    }


def _with_spread_counters(ann: Person, name: str) -> Any:
    """As after a collision of two writers of the tenant."""
    tenant = ann.home.tenant
    with tenant_context(tenant):
        usage.UsageStore(
            TenantTable(ann.home.cloud.database, tenant_id=tenant.id, data_table="data", audit_table="audit"),
            tenant.limits,
        )._give_reserves()
    usage._busy[tenant.id] = 1
    return ann.announces(name)


if __name__ == "__main__":
    main()
