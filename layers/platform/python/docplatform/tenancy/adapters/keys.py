"""The keys of a tenant's own item and of its counters. Several capabilities write both, in the transactions of their
own changes."""

from __future__ import annotations

from docplatform.infra.dynamodb.keys import Key, TenantKeys


class TenancyKeys(TenantKeys):
    def tenant(self) -> Key:
        """The tenant's own item: the id of its first admin."""
        return Key(f"{self._prefix}tenant", "tenant")

    def usage(self) -> Key:
        """The counters that the plan's limits are checked against."""
        return Key(f"{self._prefix}usage", "usage")

    def usage_shard(self, shard: int) -> Key:
        """A further item of the counters of documents, bytes and folders (``usage.py``)."""
        return Key(f"{self._prefix}usage#{shard:02d}", "usage")
