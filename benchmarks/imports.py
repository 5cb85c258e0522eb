"""Cold starts: the import of each API function, above bare Python, beside the naive sum of what it could have imported.

    python benchmarks/imports.py [rounds]

Processes in turn, so that a drift of the machine meets all alike; medians. The bound of the architecture is 0.8.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

NAIVE = """
from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.event_handler import APIGatewayRestResolver
import boto3, pydantic
Logger(); Metrics(namespace="n", service="s"); app = APIGatewayRestResolver(enable_validation=True)
for i in range(30):
    M = pydantic.create_model(f"M{i}", a=(int, 1), b=(str, ""), c=(list[str], []), d=(float, 1.0), e=(dict[str, str], {}))
    def route(body): return body
    route.__annotations__ = {"body": M, "return": M}
    app.post(f"/x{i}")(route)
boto3.client("dynamodb", region_name="us-east-1"); boto3.client("s3", region_name="us-east-1")
"""
FUNCTIONS = sorted(file.parent.name for file in (ROOT / "functions").glob("*/handler.py"))


def cold(code: str) -> float:
    started = time.perf_counter()
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environment["AWS_LAMBDA_FUNCTION_NAME"] = "docplatform-benchmark"  # functions are imported as on Lambda
    subprocess.run([sys.executable, "-c", code], check=True, env=environment)
    return (time.perf_counter() - started) * 1000


def handler(function: str) -> str:
    """A program that imports the function's handler as Lambda does."""
    path = [str(ROOT / "functions"), str(ROOT / "layers/platform/python")]
    return f"import sys; sys.path[:0] = {path!r}; import {function}.handler"


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 9
    cases = {"bare": "pass", "naive": NAIVE} | {name: handler(name) for name in FUNCTIONS}
    times: dict[str, list[float]] = {name: [] for name in cases}
    for turn in range(rounds + 1):
        for name, code in cases.items():
            took = cold(code)
            if turn:  # the first turn writes bytecode
                times[name].append(took)
    bare = statistics.median(times["bare"])
    naive = statistics.median(times["naive"]) - bare
    print(f"bare Python {bare:.0f} ms; naive +{naive:.0f} ms; median of {rounds}")
    for name in FUNCTIONS:
        own = statistics.median(times[name]) - bare
        print(f"{name:12} +{own:4.0f} ms   {own / naive:.2f} of naive")


if __name__ == "__main__":
    main()
