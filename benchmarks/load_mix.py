"""What the load generator sends, how much of each, and what is promised for it."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.load_client import Site

MIX = {"search": 0.60, "read": 0.25, "upload": 0.10, "other": 0.05}
PROMISES = {"search": 0.5, "preview": 2.0, "upload": 5.0, "any other API call": 0.2}
"""Seconds at the 99th percentile. An upload is of 10 MB: the announcement and the file itself; a preview: the link and the picture."""
PROMISED_UPLOAD = 10_000_000


@dataclass(frozen=True)
class Operation:
    """``kind``: of the mix. ``share``: of all requests."""

    kind: str
    share: float
    promise: str


WARM_UP = "warm-up"
_API = "any other API call"
OPERATIONS = {
    "search": Operation("search", 0.60, "search"),
    "document": Operation("read", 0.14, _API),
    "download link": Operation("read", 0.06, _API),
    "preview": Operation("read", 0.05, "preview"),
    "upload": Operation("upload", 0.10, "upload"),
    "list": Operation("other", 0.02, _API),
    "rename": Operation("other", 0.01, _API),
    "grant": Operation("other", 0.01, _API),
    "folder": Operation("other", 0.01, _API),
}

ACTS: dict[str, Callable[[Site, random.Random, int], None]] = {
    "search": Site.search,
    "document": Site.document,
    "download link": Site.download_link,
    "preview": Site.preview,
    "upload": Site.upload,
    "list": Site.list,
    "rename": Site.rename,
    "grant": Site.grant,
    "folder": Site.make_folder,
}
