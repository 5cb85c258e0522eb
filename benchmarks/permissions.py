"""What grants cost: listing a folder of 1,100 children, a quarter of them with grants of their own and a tenth cut off, beside one of 1,100
without any.

    python benchmarks/permissions.py

One process, the real handlers, moto for AWS. The bound is twice the calls and twice the time.
"""

from __future__ import annotations

import contextlib
import io
import statistics
import sys
import time
from pathlib import Path

import pytest
from botocore.client import BaseClient

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "layers/platform/python")]

from docplatform.domain.identity import Role  # noqa: E402
from tests.world import Person, cloud  # noqa: E402

CHILDREN, ROUNDS = 1_100, 5


def _folder(admin: Person, name: str, reader: Person, *, mixed: bool) -> str:
    folder = str(admin.creates_folder(name)["id"])
    for number in range(CHILDREN):
        child = admin.creates_folder(f"{number:04d}", inside=folder)["id"]
        if mixed and number % 4 == 0:
            admin.shares(child, reader.principal, "viewer")
        if mixed and number % 10 == 1:
            admin.cuts(child)
    return folder


def main() -> None:
    calls: list[str] = []
    original = BaseClient._make_api_call

    def counted(client: object, operation: str, parameters: object) -> object:
        calls.append(operation)
        return original(client, operation, parameters)

    with pytest.MonkeyPatch.context() as environment, cloud(environment) as region:
        home = region.tenant("acme")
        admin, reader = home.member(Role.ADMIN), home.member(Role.EDITOR)
        with contextlib.redirect_stdout(io.StringIO()):
            folders = [_folder(admin, name, reader, mixed=name == "mixed") for name in ("plain", "mixed")]
            BaseClient._make_api_call = counted
            times: dict[str, list[float]] = {folder: [] for folder in folders}
            made: dict[str, tuple[int, int]] = {}
            for _ in range(ROUNDS):
                for folder in folders:  # in turn: the machine may be busy with something else for a while
                    calls.clear()
                    started = time.perf_counter()
                    shown = len(reader.names_in(folder, limit="100"))
                    times[folder].append(time.perf_counter() - started)
                    made[folder] = (shown, len(calls))
            rows = [(*made[folder], statistics.median(times[folder])) for folder in folders]
    for name, (shown, made, took) in zip(("without grants", "mixed"), rows, strict=True):
        print(f"{name:15} {shown:5} shown  {made:4} calls  {took * 1000:7.0f} ms")
    (_, plain_calls, plain_time), (_, mixed_calls, mixed_time) = rows
    print(f"ratio: calls {mixed_calls / plain_calls:.2f}, time {mixed_time / plain_time:.2f} (bound 2)")


if __name__ == "__main__":
    main()
