"""What differs from one deployment to another: the ``docplatform`` object of cdk.json's context, with overrides on top.

An override is a context value of a setting's own name: ``-c ephemeral=true``, ``-c 'regions={"eu-central-1": {...}}'``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True, kw_only=True)
class Region:
    """``address``: of a tenant there, with ``{tenant}`` for its subdomain. With ``certificate_arn`` (ACM, the region's own, for
    ``*.<the address's domain>`` and ``*.live.<the address's domain>``) the API answers at that domain; with ``hosted_zone_id`` as
    well, DNS is written too."""

    name: str
    address: str
    label: str = ""
    certificate_arn: str = ""
    hosted_zone_id: str = ""

    @property
    def domain(self) -> str:
        """The wildcard that all tenants of the region are under: ``*.eu.docplatform.example``."""
        return (urlsplit(self.address).hostname or "").replace("{tenant}", "*")

    @property
    def live_domain(self) -> str:
        """Of live connections: ``*.live.eu.docplatform.example``. (``live`` no tenant may be called, for it names no host by itself.)"""
        return self.domain.replace("*", "*.live")


@dataclass(frozen=True, kw_only=True)
class Config:
    """``ephemeral``: for trials. Data goes when its stack goes, nothing is protected from deletion, the firewall keeps
    no log, and by default search sleeps when idle and nothing is kept ready by SnapStart (which bills for every
    published version).

    ``processing_visibility_seconds``: after that long a message whose consumer died is seen again; the consumer's
    time-out is never longer. ``malware_scan``: 'guardduty' or 'signature' (see ``ScanSettings``). ``layers``: 'lambda'
    or 'host'. ``search_ocu``: [least, most] OpenSearch compute units of a region's collections, for searching and for
    indexing each; 0 as least sleeps when idle and wakes in 10 to 30 s. ``signing_keys``: names of the keys of access tokens; the
    first signs, all verify. ``former_signing_keys``: neither; a stack's export can only go once no other stack uses it,
    so a name rests here for one deployment (docs/operations.md). ``alarm_email``: who is told of alarms; '' for nobody.
    ``live_endpoint``: where functions reach the WebSocket API's connections, with ``{api}``, ``{region}`` and ``{stage}``.
    ``sso_loopback``: identity providers may be on the machine that runs the functions, for the local cloud only."""

    account: str
    home_region: str
    regions: tuple[Region, ...]
    mail_sender: str
    malware_scan: str = "guardduty"
    ephemeral: bool = False
    processing_visibility_seconds: int = 360
    signing_keys: tuple[str, ...] = ("1",)
    former_signing_keys: tuple[str, ...] = ()
    snap_start: bool = True
    search_ocu: tuple[int, int] = (2, 16)
    alarm_email: str = ""
    sso_loopback: bool = False
    live_endpoint: str = "https://{api}.execute-api.{region}.amazonaws.com/{stage}"
    layers: str = "lambda"

    @property
    def addresses(self) -> dict[str, str]:
        return {region.name: region.address for region in self.regions}


def context_of_repository() -> dict[str, Any]:
    """cdk.json's context: what the CDK CLI hands over, and ``python cdk/app.py`` has to read by itself."""
    context: dict[str, Any] = json.loads((ROOT / "cdk.json").read_text())["context"]
    return context


def load(context: Mapping[str, Any]) -> Config:
    """Raises ValueError for a setting that is unknown, missing or does not fit."""
    known = {field.name for field in fields(Config)}
    settings = dict(context.get("docplatform", {}))
    settings |= {name: _value(name, context[name]) for name in known & context.keys()}
    if unknown := settings.keys() - known:
        raise ValueError(f"unknown settings in the docplatform context: {', '.join(sorted(unknown))}")
    if missing := {"account", "home_region", "regions", "mail_sender"} - settings.keys():
        raise ValueError(f"the docplatform context lacks: {', '.join(sorted(missing))}")
    settings["regions"] = tuple(Region(name=name, **facts) for name, facts in settings["regions"].items())
    if settings.get("ephemeral"):
        settings = {"search_ocu": (0, 8), "snap_start": False} | settings
    for name in {"search_ocu", "signing_keys", "former_signing_keys"} & settings.keys():
        if not isinstance(settings[name], list | tuple):
            raise ValueError(f"{name} is a list")
        settings[name] = tuple(settings[name])
    return _checked(Config(**settings))


def _value(name: str, given: Any) -> Any:
    """The CLI's ``-c`` hands over text; all but plain words are JSON. An account id is text, though it looks like a
    number."""
    if not isinstance(given, str) or name in ("account", "alarm_email", "mail_sender"):
        return str(given) if name == "account" else given
    try:
        return json.loads(given)
    except ValueError:
        return given


def _checked(config: Config) -> Config:
    if config.home_region not in config.addresses:
        raise ValueError(f"home_region '{config.home_region}' is not one of the regions")
    for region in config.regions:
        if "{tenant}" not in region.address:
            raise ValueError(f"the address of {region.name} lacks {{tenant}}")
    if not config.signing_keys:
        raise ValueError("signing_keys needs one name at least: nobody could log in")
    keys = (*config.signing_keys, *config.former_signing_keys)
    if len(set(keys)) != len(keys) or not all(
        isinstance(key, str) and re.fullmatch("[A-Za-z0-9]+", key) for key in keys
    ):
        raise ValueError("signing_keys and former_signing_keys are different names of letters and digits")
    if config.malware_scan not in ("guardduty", "signature"):
        raise ValueError("malware_scan is 'guardduty' or 'signature'")
    if config.layers not in ("lambda", "host"):
        raise ValueError("layers is 'lambda' or 'host'")
    return config
