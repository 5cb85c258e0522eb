"""Prints the logs of functions in the local cloud."""

from __future__ import annotations

import time
from pathlib import Path

from local.aws import client
from local.settings import LocalSettings

_NOISE = ("START ", "END ", "REPORT ", "INIT_START")


def print_cloud_log(folder: Path) -> int:
    file = folder / "cloud.log"
    print(file.read_text(errors="replace") if file.exists() else "there is no log yet")
    return 0


def tail(settings: LocalSettings, region: str, function: str | None, follow: bool) -> int:
    """Prints the lines of one function, or of all, in the order of time."""
    logs = client(settings, "logs", region)
    prefix = f"/aws/lambda/docplatform-{function or ''}"
    seen = 0
    while True:
        groups = [group["logGroupName"] for group in logs.describe_log_groups(logGroupNamePrefix=prefix)["logGroups"]]
        if not groups:
            print(f"no function{f' {function!r}' if function else ''} has logged in {region}")
            return 1
        lines = []
        for group in groups:
            events = logs.filter_log_events(logGroupName=group, startTime=seen + 1)["events"]
            lines += [(event["timestamp"], group.rsplit("/", 1)[-1], event["message"].rstrip()) for event in events]
        for at, name, message in sorted(lines):
            seen = max(seen, at)
            if not message.startswith(_NOISE):
                print(
                    f"{time.strftime('%H:%M:%S', time.localtime(at / 1000))} {name.removeprefix('docplatform-'):20} {message}"
                )
        if not follow:
            return 0
        time.sleep(1)
