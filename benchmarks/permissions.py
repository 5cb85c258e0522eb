"""What grants cost: listing a folder of 1,100 children, a quarter of them with grants of their own and a tenth cut off, beside one of 1,100
without any.

    python benchmarks/permissions.py               # one process, the real handlers, moto for AWS
    python benchmarks/permissions.py --running     # over HTTP, at the local cloud that DOCPLATFORM_CLOUD names, or one of its own

The bound is twice the calls and twice the time. (Calls are counted in one process only.)
"""

from __future__ import annotations

import argparse
import contextlib
import io
import statistics
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "layers/platform/python")]

from benchmarks.meter import Meter
from docplatform.core.actor import Role
from local.testing import running_cloud  # noqa: E402
from tests.e2e.client import Member, create_tenant  # noqa: E402
from tests.support.mocked_aws import Person, cloud  # noqa: E402

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
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--running", action="store_true")
    _over_http() if parser.parse_args().running else _in_process()


def _over_http() -> None:
    with running_cloud() as there:
        tenant = create_tenant(there, "us-east-1", "enterprise")
        admin, reader = tenant.admin, tenant.invites("editor")
        folders = [_folder_over_http(admin, name, reader) for name in ("plain", "mixed")]
        times: dict[str, list[float]] = {folder: [] for folder in folders}
        shown: dict[str, int] = {}
        for _ in range(ROUNDS):
            for folder in folders:
                started = time.perf_counter()
                shown[folder] = _listed(reader, folder)
                times[folder].append(time.perf_counter() - started)
    plain, mixed = (statistics.median(times[folder]) for folder in folders)
    for name, folder in zip(("without grants", "mixed"), folders, strict=True):
        print(f"{name:15} {shown[folder]:5} shown  {statistics.median(times[folder]) * 1000:7.0f} ms")
    print(f"ratio: time {mixed / plain:.2f} (bound 2)")


def _folder_over_http(admin: Member, name: str, reader: Member) -> str:
    folder = admin.creates_folder(name)
    for number in range(CHILDREN):
        child = admin.creates_folder(f"{number:04d}", folder)
        if name == "mixed" and number % 4 == 0:
            admin.asks("PUT", f"/v1/access/{child}/grants/user:{reader.user_id}", json={"role": "viewer"})
        if name == "mixed" and number % 10 == 1:
            admin.asks("PUT", f"/v1/access/{child}/inheritance", json={"inherits": False})
    return folder


def _listed(reader: Member, folder: str) -> int:
    found, cursor = 0, ""
    while True:
        query = {"limit": "100", **({"cursor": cursor} if cursor else {})}
        page = reader.asks("GET", f"/v1/folders/{folder}/children", params=query).json()
        found, cursor = found + len(page["items"]), page["next_cursor"]
        if not cursor:
            return found


def _in_process() -> None:
    with pytest.MonkeyPatch.context() as environment, cloud(environment) as region:
        home = region.tenant("acme")
        admin, reader = home.member(Role.ADMIN), home.member(Role.EDITOR)
        with contextlib.redirect_stdout(io.StringIO()):
            folders = [_folder(admin, name, reader, mixed=name == "mixed") for name in ("plain", "mixed")]
            meter = Meter()
            times: dict[str, list[float]] = {folder: [] for folder in folders}
            made: dict[str, tuple[int, int]] = {}
            for _ in range(ROUNDS):
                for folder in folders:  # in turn: the machine may be busy with something else for a while
                    meter.calls.clear()
                    started = time.perf_counter()
                    shown = len(reader.names_in(folder, limit="100"))
                    times[folder].append(time.perf_counter() - started)
                    made[folder] = (shown, len(meter.calls))
            rows = [(*made[folder], statistics.median(times[folder])) for folder in folders]
    for name, (shown, made, took) in zip(("without grants", "mixed"), rows, strict=True):
        print(f"{name:15} {shown:5} shown  {made:4} calls  {took * 1000:7.0f} ms")
    (_, plain_calls, plain_time), (_, mixed_calls, mixed_time) = rows
    print(f"ratio: calls {mixed_calls / plain_calls:.2f}, time {mixed_time / plain_time:.2f} (bound 2)")


if __name__ == "__main__":
    main()
