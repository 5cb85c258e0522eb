"""The key of the list of service accounts. The other keys of API keys are identity's."""

from __future__ import annotations

from docplatform.infra.dynamodb.keys import TenantKeys


class ApiKeyKeys(TenantKeys):
    def service_accounts(self) -> str:
        """Partition of gsi3: the tenant's service accounts by id. The account itself is a user's item."""
        return f"{self._prefix}service-accounts"
