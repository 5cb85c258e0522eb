"""The OpenAPI document is kept once, in ``docs/``; the layer carries a copy, which the API serves."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from cdk.config import ROOT


def copy_contract(root: Path = ROOT) -> Path:
    """Put ``docs/openapi.json`` into the platform package, where git ignores it; returns the copy's path.

    The copy is replaced in one step: other processes may read it at the same time.
    """
    kept = (root / "docs/openapi.json").read_bytes()
    copy = root / "layers/platform/python/docplatform/http/openapi.json"
    if not copy.exists() or copy.read_bytes() != kept:
        with tempfile.NamedTemporaryFile(dir=root / "layers", prefix=".openapi-", delete=False) as unfinished:
            unfinished.write(kept)
        copy.parent.mkdir(parents=True, exist_ok=True)
        os.chmod(unfinished.name, 0o644)
        os.replace(unfinished.name, copy)
    return copy
