"""The region's pooled search collection (OpenSearch Serverless) and its access policies: only the tenant role has
access."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_opensearchserverless as aoss
from constructs import Construct

from cdk import names

COLLECTION = names.POOLED_COLLECTION
INDEX_RIGHTS = ("aoss:CreateIndex", "aoss:DescribeIndex", "aoss:ReadDocument", "aoss:WriteDocument")


class Search(Construct):
    """A collection in a collection group, whose collections share compute.

    ``ocu``: the minimum and maximum of compute units, for searching and for indexing each. A collection that wakes
    from zero answers after 10 to 30 s
    (docs.aws.amazon.com/opensearch-service/latest/developerguide/serverless-scale-to-zero.html).
    """

    def __init__(
        self, scope: Construct, name: str, *, key: kms.IKey, ocu: tuple[int, int], removal_policy: cdk.RemovalPolicy
    ) -> None:
        super().__init__(scope, name)
        least, most = ocu
        group = aoss.CfnCollectionGroup(
            self,
            "Group",
            name=names.SEARCH_GROUP,
            generation="NEXTGEN",
            standby_replicas="ENABLED",
            capacity_limits=aoss.CfnCollectionGroup.CapacityLimitsProperty(
                min_search_capacity_in_ocu=least,
                max_search_capacity_in_ocu=most,
                min_indexing_capacity_in_ocu=0,  # indexing can wait until compute wakes; a search cannot
                max_indexing_capacity_in_ocu=most,
            ),
        )
        self._collection = aoss.CfnCollection(
            self,
            "Pooled",
            name=COLLECTION,
            type="SEARCH",
            standby_replicas="ENABLED",
            collection_group_name=names.SEARCH_GROUP,
        )
        self._collection.apply_removal_policy(removal_policy)
        for needed in (group, self._encryption(key), self._network()):
            self._collection.add_resource_dependency(needed)
        self.endpoint = self._collection.attr_collection_endpoint

    def _encryption(self, key: kms.IKey) -> aoss.CfnSecurityPolicy:
        policy = {"Rules": [_about("collection", COLLECTION)], "KmsARN": key.key_arn}
        return aoss.CfnSecurityPolicy(
            self, "Encryption", name=COLLECTION, type="encryption", policy=cdk.Stack.of(self).to_json_string(policy)
        )

    def _network(self) -> aoss.CfnSecurityPolicy:
        """The network policy: a public endpoint, as DynamoDB and S3 have. Access is checked by TLS and SigV4, then
        IAM, then the data access policy."""
        policy = [{"Rules": [_about("collection", COLLECTION)], "AllowFromPublic": True}]
        return aoss.CfnSecurityPolicy(
            self, "Network", name=COLLECTION, type="network", policy=cdk.Stack.of(self).to_json_string(policy)
        )

    def grant_access(self, role: iam.Role) -> None:
        """Let ``role`` create the index, write documents and search. It cannot delete the index."""
        stack = cdk.Stack.of(self)
        rules = [
            {**_about("index", f"{COLLECTION}/*"), "Permission": list(INDEX_RIGHTS)},
            {**_about("collection", COLLECTION), "Permission": ["aoss:DescribeCollectionItems"]},
        ]
        aoss.CfnAccessPolicy(
            self,
            "Access",
            name=COLLECTION,
            type="data",
            policy=stack.to_json_string([{"Rules": rules, "Principal": [role.role_arn]}]),
        )
        collections = f"arn:aws:aoss:{stack.region}:{stack.account}:collection/*"  # the data access policies limit them
        role.add_to_policy(iam.PolicyStatement(actions=["aoss:APIAccessAll"], resources=[collections]))


def _about(kind: str, which: str) -> dict[str, object]:
    return {"ResourceType": kind, "Resource": [f"{kind}/{which}"]}
