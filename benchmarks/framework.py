"""What a request costs before and after its AWS calls: our edge, with 1 and with 60 routes. Beside it stands Powertools' resolver, which
checks the same body and the same answer, and does nothing of the rest (actor, permission, log line).

    python benchmarks/framework.py

One process; medians in microseconds. The bounds of the architecture: at most 1 ms, and at most 1.3 × from 1 to 60 routes.
"""

from __future__ import annotations

import contextlib
import io
import json
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "layers/platform/python")]

from docplatform.core.actor import Permission
from docplatform.http.router import Router
from docplatform.http.schemas import Schema

TENANT = json.dumps(
    {
        "tenant_id": "t000000000001",
        "subdomain": "acme",
        "name": "Acme",
        "plan": "standard",
        "region": "us-east-1",
        "status": "active",
        "collection": "pooled",
        "created_at": "2026-01-01T00:00:00.000Z",
    }
)


Handler = Callable[[dict[str, Any], Any], dict[str, Any]]
CONTEXT = SimpleNamespace(function_name="f", aws_request_id="r", memory_limit_in_mb=1, invoked_function_arn="a")


class Body(Schema):
    name: str
    tags: list[str] = []


class Answer(Schema):
    id: str
    name: str


def api_of(routes: int) -> Router:
    api = Router()
    for number in range(routes):

        def change(actor: Any, thing_id: str, body: Body) -> Answer:
            return Answer(id=thing_id, name=body.name)

        change.__annotations__ = {"body": Body}
        api.post(f"/v1/things{number}/{{thing_id}}/part", response=Answer, permission=Permission.WRITE)(change)
    return api


def resolver_of(routes: int) -> Handler:
    from aws_lambda_powertools.event_handler import APIGatewayRestResolver

    app = APIGatewayRestResolver(enable_validation=True)
    for number in range(routes):

        def change(thing_id: str, body: Body) -> Answer:
            return Answer(id=thing_id, name=body.name)

        change.__annotations__ = {"thing_id": str, "body": Body, "return": Answer}
        app.post(f"/v1/things{number}/<thing_id>/part")(change)
    return lambda event, _: app.resolve(event, CONTEXT)


def event(path: str) -> dict[str, Any]:
    return {
        "httpMethod": "POST",
        "path": path,
        "headers": {"Host": "acme.example", "Content-Type": "application/json"},
        "queryStringParameters": None,
        "body": json.dumps({"name": "Lease.pdf", "tags": ["a", "b"]}),
        "isBase64Encoded": False,
        "requestContext": {
            "requestId": "r",
            "identity": {},
            "authorizer": {"tenant": TENANT, "user_id": "usr_1", "session_id": "ses_1", "role": "editor"},
        },
    }


def measure(handler: Handler, path: str, rounds: int = 3000) -> float:
    asked = event(path)
    times = []
    with contextlib.redirect_stdout(io.StringIO()):
        for _ in range(rounds):
            started = time.perf_counter()
            answer = handler(asked, None)
            times.append(time.perf_counter() - started)
    assert answer["statusCode"] == 200, answer
    return statistics.median(times) * 1e6


def compare(one: Handler, sixty: Handler) -> tuple[float, float]:
    """Microseconds with one route, and how many times as many with sixty."""
    pairs = [(measure(one, "/v1/things0/thing/part"), measure(sixty, "/v1/things59/thing/part")) for _ in range(5)]
    return statistics.median(pair[0] for pair in pairs), statistics.median(pair[1] / pair[0] for pair in pairs)


def main() -> None:
    first, ratio = compare(api_of(1).handler, api_of(60).handler)
    print(f"edge, 1 route: {first:.0f} µs per request (bound 1,000); 60 routes: {ratio:.2f} × (bound 1.3)")
    first, ratio = compare(resolver_of(1), resolver_of(60))
    print(f"Powertools' resolver, 1 route: {first:.0f} µs per request; 60 routes: {ratio:.2f} ×")


if __name__ == "__main__":
    main()
