"""The health of a region, which is independent of tenants."""

from __future__ import annotations

from botocore.exceptions import BotoCoreError, ClientError

from docplatform.infra.credentials import own_client
from docplatform.runtime.settings import RegistrySettings, load
from docplatform.tenancy.registry import Registry

_READ_TIMEOUT = 2  # seconds for each attempt; all attempts end before the function's timeout


def registry_answers() -> bool:
    """Whether this region can read the tenant registry, which every request for a tenant needs. The result is never
    cached."""
    client = own_client("dynamodb", read_timeout=_READ_TIMEOUT)
    try:
        Registry(client, load(RegistrySettings).registry_table).by_id("health-check")
    except (BotoCoreError, ClientError):
        return False
    return True
