"""What differs from one deployment to another: the ``docplatform`` context of cdk.json, with overrides."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
PREFIX = "docplatform"


@dataclass(frozen=True, kw_only=True)
class Config:
    """``regions``: region → address of a tenant there, with ``{tenant}``. ``ephemeral``: data goes with the stacks.
    ``processing_visibility_seconds``: when a message whose consumer died comes back; at least the consumer's time-out."""

    account: str
    home_region: str
    regions: dict[str, str]
    mail_sender: str
    malware_scan: str
    ephemeral: bool
    processing_visibility_seconds: int
    layers: str = "lambda"
    extra: dict[str, Any] = field(default_factory=dict)

    @property
    def starter_timeout(self) -> int:
        return self.processing_visibility_seconds - 30 if self.processing_visibility_seconds > 60 else 40


def load(overrides: dict[str, Any] | None = None, layers: str = "lambda") -> Config:
    """cdk.json's context with ``overrides`` on top. Raises TypeError for a setting that is unknown or missing."""
    context = json.loads((ROOT / "cdk.json").read_text())["context"]["docplatform"] | (overrides or {})
    regions = {name: region["address"] for name, region in context.pop("regions").items()}
    return Config(**context, regions=regions, layers=layers)
