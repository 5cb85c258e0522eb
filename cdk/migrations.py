"""Changes of stored data that a new version needs once, after it was deployed. Each may run again and changes nothing then.

``python cdk/migrations.py`` runs them in the account of the present credentials. The local cloud runs them at every start.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "layers/platform/python")]

from cdk import config, names
from docplatform.core.tenant import POOLED, Tenant
from docplatform.core.time import now, rfc3339
from docplatform.infra.dynamodb.codec import decode_item, encode_item
from docplatform.tenancy.items import tenant_from
from docplatform.tenancy.registry import Registry


def list_tenants_by_region(registry: Any) -> int:
    """Adds tenants to the registry's index of their region, from which jobs learn for whom they run. ``registry``: a client
    of DynamoDB in the home region. Returns how many were added; tenants of this version are in the index from the start."""
    pages = registry.get_paginator("scan").paginate(
        TableName=names.REGISTRY,
        FilterExpression="begins_with(pk, :tenant) AND attribute_not_exists(gsi1pk)",
        ExpressionAttributeValues={":tenant": {"S": "tenant#"}},
    )
    added = 0
    for page in pages:
        for item in page["Items"]:
            registry.update_item(
                TableName=names.REGISTRY,
                Key={"pk": item["pk"], "sk": item["sk"]},
                UpdateExpression="SET gsi1pk = :region, gsi1sk = :id",
                ConditionExpression="attribute_exists(pk)",
                ExpressionAttributeValues={":region": {"S": f"region#{item['region']['S']}"}, ":id": item["tenant_id"]},
            )
            added += 1
    return added


def give_collections(registry: Any, client: Callable[[str, str], Any]) -> int:
    """Gives a search collection of its own to each tenant that shared one in an older version, and lets ``index-sync`` fill it
    from the tenant's documents: it marks the root folder for reindexing. ``registry``: a client of DynamoDB in the home region.
    ``client``: returns a client, by service and region. Returns the number of tenants that got one.

    Until its collection is filled, a tenant's searches find only a part. Raises RuntimeError for a collection that failed."""
    moved = 0
    for tenant in _sharing_one(registry):
        collection = _active_collection(client("opensearchserverless", tenant.region), tenant.id)
        Registry(registry, names.REGISTRY).change(tenant, replace(tenant, collection=collection))
        mark = {"pk": f"{tenant.id}#reindex#root", "sk": "reindex", "at": rfc3339(now()), "cursor": ""}
        client("dynamodb", tenant.region).put_item(TableName=names.DATA_TABLE, Item=encode_item(mark))
        moved += 1
    return moved


def fill_indexes(registry: Any, client: Callable[[str, str], Any]) -> int:
    """Lets ``index-sync`` fill the search index of this version from each tenant's documents: it marks the root folder for
    reindexing. An item beside it notes for which index that was done. ``registry``, ``client``: as for ``give_collections``.
    Returns the number of tenants whose index is filled now.

    Until then a tenant's searches find only a part. The index of an earlier version stays; what is deleted is deleted there too."""
    filled = 0
    for tenant in _with_one_of_their_own(registry):
        database = client("dynamodb", tenant.region)
        done = {"pk": f"{tenant.id}#search-index", "sk": "search-index", "name": names.SEARCH_INDEX}
        mark = {"pk": f"{tenant.id}#reindex#root", "sk": "reindex", "at": rfc3339(now()), "cursor": ""}
        condition = {
            "ConditionExpression": "attribute_not_exists(pk) OR #name <> :name",
            "ExpressionAttributeNames": {"#name": "name"},
            "ExpressionAttributeValues": encode_item({":name": names.SEARCH_INDEX}),
        }
        try:
            database.transact_write_items(
                TransactItems=[
                    {"Put": {"TableName": names.DATA_TABLE, "Item": encode_item(done), **condition}},
                    {"Put": {"TableName": names.DATA_TABLE, "Item": encode_item(mark)}},
                ]
            )
            filled += 1
        except database.exceptions.TransactionCanceledException as error:
            if error.response["CancellationReasons"][0]["Code"] != "ConditionalCheckFailed":
                raise
    return filled


def _with_one_of_their_own(registry: Any) -> Iterator[Tenant]:
    return _tenants(registry, "#collection <> :pooled AND #collection <> :none", {":none": {"S": ""}})


def _sharing_one(registry: Any) -> Iterator[Tenant]:
    return _tenants(registry, "#collection = :pooled", {})


def _tenants(registry: Any, condition: str, values: dict[str, Any]) -> Iterator[Tenant]:
    pages = registry.get_paginator("scan").paginate(
        TableName=names.REGISTRY,
        FilterExpression=f"begins_with(pk, :tenant) AND {condition}",
        ExpressionAttributeNames={"#collection": "collection"},
        ExpressionAttributeValues={":tenant": {"S": "tenant#"}, ":pooled": {"S": POOLED}, **values},
    )
    return (tenant_from(decode_item(item)) for page in pages for item in page["Items"])


def _active_collection(search: Any, tenant_id: str) -> str:
    """The id of the tenant's collection, which is made if there is none, once it is active."""
    name = names.collection(tenant_id)
    while True:
        found = search.batch_get_collection(names=[name])["collectionDetails"]
        if not found:
            search.create_collection(
                name=name,
                type="SEARCH",
                standbyReplicas="ENABLED",
                collectionGroupName=names.SEARCH_GROUP,
                tags=[{"key": "tenant_id", "value": tenant_id}],
            )
        elif found[0]["status"] == "ACTIVE":
            return str(found[0]["id"])
        elif found[0]["status"] == "FAILED":
            raise RuntimeError(f"the collection {name} failed; delete it, and run this again")
        time.sleep(0.5)


def main() -> int:
    import boto3

    home = config.load(config.context_of_repository()).home_region
    registry = boto3.client("dynamodb", region_name=home)
    added = list_tenants_by_region(registry)
    print(f"{added} tenants were added to the index of their region")
    moved = give_collections(registry, lambda service, region: boto3.client(service, region_name=region))
    print(f"{moved} tenants got a search collection of their own")
    filled = fill_indexes(registry, lambda service, region: boto3.client(service, region_name=region))
    print(f"the search index of {filled} tenants is being filled")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
