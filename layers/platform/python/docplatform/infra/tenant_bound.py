"""The base of every store: it gives its client away in its own tenant's context only.

A store is opened for an actor: its keys and credentials are of the actor's tenant. The context is set by the edge of the function. Neither
knows of the other, and a store call needs both to name the same tenant.
"""

from __future__ import annotations

from typing import Generic, TypeVar

from docplatform.core.tenant import require_tenant

C = TypeVar("C")


class TenantBound(Generic[C]):
    """``_client`` is what the store makes its calls with."""

    def __init__(self, client: C, tenant_id: str) -> None:
        self.__client, self._tenant_id = client, tenant_id

    @property
    def _client(self) -> C:
        """Raises TenantContextError, before any call is made."""
        require_tenant(self._tenant_id)
        return self.__client
