"""The mails that the local cloud has sent. None leaves this machine."""

from __future__ import annotations

import json
import time
import urllib.request
from typing import Any

from local.settings import ACCOUNT, LocalSettings


def sent(settings: LocalSettings) -> list[dict[str, Any]]:
    """The mails, the oldest first, with the emulator's members: To, Subject, BodyText, Timestamp."""
    with urllib.request.urlopen(f"{settings.endpoint}/_ministack/ses/messages", timeout=30) as answer:
        mails: list[dict[str, Any]] = json.load(answer)["messages"].get(ACCOUNT, [])
    return mails


def show(settings: LocalSettings, *, to: str = "", last: int = 10) -> int:
    """Prints the newest ``last`` mails to an address that contains ``to``, the newest at the end."""
    found = [mail for mail in sent(settings) if any(to.lower() in each.lower() for each in mail["To"])]
    if not found:
        print(f"no mail has been sent to {to}" if to else "no mail has been sent")
        return 1
    for mail in found[-last:]:
        at = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(mail["Timestamp"]))
        print(f"── {at}  to {', '.join(mail['To'])}\n   {mail['Subject']}\n")
        print("\n".join(f"   {line}".rstrip() for line in mail["BodyText"].strip().splitlines()), end="\n\n")
    return 0
