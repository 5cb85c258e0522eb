"""How many credentials of tenants STS must issue a second, by the number of tenants whose credentials a process keeps.

    python benchmarks/sts_calls.py [--tenants 5000] [--requests 1000] [--environments 200]

A simulation: requests a second over tenants by Zipf's law, spread over Lambda environments. Each environment keeps credentials as
``infra/credentials.py`` does, with its life, its renewal and its jitter. STS answers about 600 calls a second in an account and region,
and the limit cannot be raised (docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html).
"""

from __future__ import annotations

import argparse
import itertools
import random
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "layers/platform/python")]

from docplatform.infra.credentials import TenantCredentials

HOURS = 3  # the first is the warm-up
LIMIT = 600
SIZES = (64, 1_000, 5_000)


class Clock:
    """STS and its clock."""

    def __init__(self) -> None:
        self.at = datetime(2026, 1, 1, tzinfo=UTC)
        self.issued = 0

    def now(self) -> datetime:
        return self.at

    def assume_role(self, *, DurationSeconds: int, **_: Any) -> dict[str, Any]:
        self.issued += 1
        expires = self.at + timedelta(seconds=DurationSeconds)
        made = {"AccessKeyId": "a", "SecretAccessKey": "s", "SessionToken": "t"}
        return {"Credentials": {**made, "Expiration": expires}}


def calls_a_second(tenants: int, rate: float, kept: int) -> float:
    """Calls of one environment that gets ``rate`` requests a second, after the first hour."""
    clock, chance = Clock(), random.Random(1)
    weights = list(itertools.accumulate(1 / (rank + 1) for rank in range(tenants)))
    ids = [f"t{number:012d}" for number in range(tenants)]
    credentials = TenantCredentials("arn", lambda: clock, clock.now, most=kept)
    step, before = timedelta(seconds=1 / rate), 0
    requests = int(HOURS * 3_600 * rate)
    for number, tenant in enumerate(chance.choices(ids, cum_weights=weights, k=requests)):
        if number == requests // HOURS:
            before = clock.issued
        credentials.assume(tenant)
        clock.at += step
    return (clock.issued - before) / ((HOURS - 1) * 3_600)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--tenants", type=int, default=5_000)
    parser.add_argument("--requests", type=int, default=1_000, help="a second, in the whole region")
    parser.add_argument("--environments", type=int, default=200)
    given = parser.parse_args()
    rate = given.requests / given.environments
    print(
        f"{given.tenants} tenants, {given.requests} requests a second over {given.environments} environments; STS answers {LIMIT}"
    )
    for kept in SIZES:
        each = calls_a_second(given.tenants, rate, kept)
        in_all = each * given.environments
        print(
            f"  {kept:5} kept: {in_all:6.0f} calls a second ({in_all / LIMIT:4.0%} of the limit), {each / rate:4.0%} of requests"
        )


if __name__ == "__main__":
    main()
