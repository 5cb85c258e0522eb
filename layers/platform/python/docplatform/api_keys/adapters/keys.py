"""Keys of the lists of API keys and service accounts. The items themselves are identity's."""

from __future__ import annotations

from docplatform.infra.dynamodb.keys import TenantKeys


class ApiKeyKeys(TenantKeys):
    def service_accounts(self) -> str:
        """Partition of gsi3: the tenant's service accounts by id. The account itself is a user's item."""
        return f"{self._prefix}service-accounts"

    def api_keys_of(self, user_id: str) -> str:
        """Partition of gsi1: a user's API keys by time of creation."""
        return f"{self._prefix}api-keys#{user_id}"
