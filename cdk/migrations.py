"""Changes of stored data that a new version needs once, after it was deployed. Each may run again and changes nothing then.

``python cdk/migrations.py`` runs them in the account of the present credentials. The local cloud runs them at every start.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "layers/platform/python")]

from cdk import config, names


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


def main() -> int:
    import boto3

    home = config.load(config.context_of_repository()).home_region
    added = list_tenants_by_region(boto3.client("dynamodb", region_name=home))
    print(f"{added} tenants were added to the index of their region")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
