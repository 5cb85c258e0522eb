"""The base of every store. A store gives out its client only while its own tenant is the current one.

A store has the keys and the credentials of the actor's tenant. The edge of the function sets the current tenant, and
does so independently. A call of a store succeeds only if both name the same tenant.
"""

from __future__ import annotations

from typing import Generic, TypeVar

from docplatform.core.tenant import require_tenant

C = TypeVar("C")


class TenantBound(Generic[C]):
    """``client``: the client for the store's calls, with the credentials of the tenant ``tenant_id``."""

    def __init__(self, client: C, tenant_id: str) -> None:
        self.__client, self._tenant_id = client, tenant_id

    @property
    def _client(self) -> C:
        """The client. Raises TenantContextError, before any call is made, if another tenant or none is current."""
        require_tenant(self._tenant_id)
        return self.__client
