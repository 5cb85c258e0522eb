"""Settings of a deployment: the ``docplatform`` object of cdk.json's context, with overrides on top.

An override is a context value with a setting's name: ``-c ephemeral=true``, ``-c 'regions={"eu-central-1": {...}}'``.
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
_LISTS = {"search_ocu", "signing_keys", "former_signing_keys", "break_glass", "maintainers", "queue_operators"}
_PRINCIPAL = re.compile(r"arn:aws:iam::\d{12}:(user|role)/[\w+=,.@/-]+")


@dataclass(frozen=True, kw_only=True)
class Region:
    """A region of the deployment.

    ``address``: the URL of a tenant there, with ``{tenant}`` for its subdomain. ``certificate_arn``: a certificate in
    ACM of that region for ``*.<domain of the address>`` and ``*.live.<domain of the address>``; with it, the API
    answers at that domain. ``hosted_zone_id``: with it, the DNS records are written too. ``leaving``: the next deployment removes
    the region (docs/operations.md).
    """

    name: str
    address: str
    label: str = ""
    certificate_arn: str = ""
    hosted_zone_id: str = ""
    leaving: bool = False

    @property
    def domain(self) -> str:
        """The wildcard domain of the region's tenants: ``*.eu.docplatform.example``."""
        return (urlsplit(self.address).hostname or "").replace("{tenant}", "*")

    @property
    def live_domain(self) -> str:
        """The wildcard domain of live connections: ``*.live.eu.docplatform.example``. No tenant can have the
        subdomain ``live``, because this wildcard does not cover that name itself."""
        return self.domain.replace("*", "*.live")


@dataclass(frozen=True, kw_only=True)
class Config:
    """Settings of one deployment.

    ``ephemeral``: for trials. Data is deleted with its stack, nothing is protected from deletion, and the firewall
    keeps no log. By default search sleeps when idle, and SnapStart (which bills for every published version) is off.

    ``deletion_protection``: of the tables. Off for the first deployment, so that one which fails can be undone; on from the second.

    ``processing_visibility_seconds``: SQS shows a message again after that time if its consumer died. The consumer's
    timeout is never longer.

    ``processing_concurrency``: the number of calls that process documents of standard tenants at the same time, in each region.
    Professional and enterprise tenants have as many times more as their plans weigh. Each call works on up to two documents, and each
    document takes up to two more functions.

    ``lambda_concurrency``: the account's quota of concurrent executions, of which functions get their parts (cdk/concurrency.py).

    ``layers``: 'lambda' or 'host'.

    ``search_ocu``: [minimum, maximum] of OpenSearch compute units of a region's collections, for searching and for
    indexing each. A minimum of 0 lets search sleep when idle; it needs 10 to 30 s to wake.

    ``signing_keys``: names of the keys of access tokens. The first one signs, all of them verify.

    ``former_signing_keys``: names of keys that neither sign nor verify. CloudFormation deletes an export only when no
    other stack uses it, so a removed key stays here for one deployment (docs/operations.md).

    ``break_glass``: ARNs of the people who may read one tenant's data in an emergency; every use is an incident. Empty by default.

    ``maintainers``: ARNs of roles that may change and restore tables by hand, for a migration or after a loss. Empty but for that time.

    ``queue_operators``: ARNs of roles that may read and move messages of queues, for example to redrive dead letters.

    ``alarm_email``: the address that receives alarms; '' for none.

    ``live_endpoint``: the URL at which functions reach the WebSocket API's connections, with ``{api}``, ``{region}``
    and ``{stage}``.

    ``search_endpoint``: the URL at which functions reach a tenant's search collection, with ``{collection}`` for its id and
    ``{region}``.

    ``sso_loopback``: identity providers may run on the same machine as the functions. For the local cloud only.
    """

    account: str
    home_region: str
    regions: tuple[Region, ...]
    mail_sender: str
    processing_concurrency: int = 8
    ephemeral: bool = False
    deletion_protection: bool = True
    processing_visibility_seconds: int = 360
    signing_keys: tuple[str, ...] = ("1",)
    former_signing_keys: tuple[str, ...] = ()
    snap_start: bool = True
    search_ocu: tuple[int, int] = (2, 16)
    break_glass: tuple[str, ...] = ()
    maintainers: tuple[str, ...] = ()
    queue_operators: tuple[str, ...] = ()
    alarm_email: str = ""
    sso_loopback: bool = False
    live_endpoint: str = "https://{api}.execute-api.{region}.amazonaws.com/{stage}"
    search_endpoint: str = "https://{collection}.{region}.aoss.amazonaws.com"
    lambda_concurrency: int = 2_000
    layers: str = "lambda"

    @property
    def protected(self) -> bool:
        """Whether tables are protected from deletion."""
        return self.deletion_protection and not self.ephemeral

    @property
    def addresses(self) -> dict[str, str]:
        return {region.name: region.address for region in self.regions}


def context_of_repository() -> dict[str, Any]:
    """cdk.json's context, which ``python cdk/app.py`` has to read by itself. The CDK CLI passes it."""
    context: dict[str, Any] = json.loads((ROOT / "cdk.json").read_text())["context"]
    return context


def load(context: Mapping[str, Any]) -> Config:
    """The settings that ``context`` holds. Raises ValueError for a setting that is unknown, missing or invalid."""
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
    for name in _LISTS & settings.keys():
        if not isinstance(settings[name], list | tuple):
            raise ValueError(f"{name} is a list")
        settings[name] = tuple(settings[name])
    return _checked(Config(**settings))


def _value(name: str, given: Any) -> Any:
    """A setting's value from the text that the CLI's ``-c`` passes. All but plain words are JSON. An account id is
    text, though it looks like a number."""
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
    if len(leaving := [region.name for region in config.regions if region.leaving]) > 1:
        raise ValueError(f"a deployment removes one replica of the registry at most, not {', '.join(leaving)}")
    if config.home_region in leaving:
        raise ValueError(f"the home region {config.home_region} holds the registry, and cannot leave")
    if not config.signing_keys:
        raise ValueError("signing_keys needs one name at least: nobody could log in")
    keys = (*config.signing_keys, *config.former_signing_keys)
    if len(set(keys)) != len(keys) or not all(
        isinstance(key, str) and re.fullmatch("[A-Za-z0-9]+", key) for key in keys
    ):
        raise ValueError("signing_keys and former_signing_keys are different names of letters and digits")
    if not 2 <= config.processing_concurrency <= 100:  # SQS takes 2 to 1,000, and the largest plan weighs ten
        raise ValueError("processing_concurrency is between 2 and 100")
    for each in (*config.break_glass, *config.maintainers, *config.queue_operators):
        if not isinstance(each, str) or not _PRINCIPAL.fullmatch(each):
            raise ValueError(
                f"break_glass, maintainers and queue_operators are ARNs of users and roles, without patterns: {each}"
            )
    if type(config.lambda_concurrency) is not int or config.lambda_concurrency < 1:
        raise ValueError("lambda_concurrency is a number of executions")
    if config.layers not in ("lambda", "host"):
        raise ValueError("layers is 'lambda' or 'host'")
    return config
