"""Search collections of tenants in OpenSearch Serverless."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from docplatform.control_plane.errors import CollectionNotMade
from docplatform.control_plane.model import Collection, CollectionState

_PREFIX = "docplatform-"  # before the tenant's id: cdk/names.py has the same, and the access policies go by it
_STATES = {
    "ACTIVE": CollectionState.ACTIVE,
    "DELETING": CollectionState.DELETING,
    "FAILED": CollectionState.FAILED,
}


class ServerlessCollections:
    """``group``: the collection group, whose collections share compute. The tag ``tenant_id`` of a collection opens it to
    that tenant's credentials, so it is set by the call that makes the collection."""

    def __init__(self, client: Any, group: str) -> None:
        self._client, self._group = client, group

    def of(self, tenant_id: str) -> Collection | None:
        found = self._client.batch_get_collection(names=[_PREFIX + tenant_id])["collectionDetails"]
        return _collection(found[0]) if found else None

    def create(self, tenant_id: str) -> Collection:
        try:
            answer = self._client.create_collection(
                name=_PREFIX + tenant_id,
                type="SEARCH",
                standbyReplicas="ENABLED",
                collectionGroupName=self._group,
                tags=[{"key": "tenant_id", "value": tenant_id}],
            )
        except self._client.exceptions.ConflictException:  # another call makes it
            return self.of(tenant_id) or Collection("", CollectionState.CREATING)
        except (ClientError, BotoCoreError) as error:
            raise CollectionNotMade(
                "The tenant is registered; its collection is tried again every five minutes."
            ) from error
        return _collection(answer["createCollectionDetail"])

    def delete(self, collection_id: str) -> None:
        try:
            self._client.delete_collection(id=collection_id)
        except self._client.exceptions.ResourceNotFoundException:
            return


def _collection(detail: dict[str, Any]) -> Collection:
    return Collection(detail["id"], _STATES.get(detail["status"], CollectionState.CREATING))
