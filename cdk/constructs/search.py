"""The region's collection group, in which each tenant has a search collection of its own (OpenSearch Serverless), and the
policies of these collections. The control plane makes a tenant's collection when it creates the tenant.

Policies go by the pattern of the collections' names, because an account has at most 500 of a kind. The data access policy lets
the tenant roles for search in; two walls narrow a session of such a role to one tenant's collection, and each holds alone:

- the role's own policy wants a collection whose tag ``tenant_id`` is the session's;
- the session policy names the collection by its ARN (``infra/credentials.py``).
"""

from __future__ import annotations

from collections.abc import Sequence

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_opensearchserverless as aoss
from constructs import Construct

from cdk import names

INDEX_RIGHTS = ("aoss:CreateIndex", "aoss:DescribeIndex", "aoss:ReadDocument", "aoss:WriteDocument")


class Search(Construct):
    """The collection group, whose collections share compute.

    ``ocu``: the minimum and maximum of compute units, for searching and for indexing each. A group that wakes
    from zero answers after 10 to 30 s
    (docs.aws.amazon.com/opensearch-service/latest/developerguide/serverless-scale-to-zero.html).
    """

    def __init__(self, scope: Construct, name: str, *, key: kms.IKey, ocu: tuple[int, int]) -> None:
        super().__init__(scope, name)
        least, most = ocu
        aoss.CfnCollectionGroup(
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
        encryption = {"Rules": [_about("collection", names.COLLECTIONS)], "KmsARN": key.key_arn}
        self._policy("Encryption", "encryption", encryption)
        # a public endpoint, as DynamoDB and S3 have: access is checked by TLS and SigV4, then IAM, then the data access policy
        self._policy(
            "Network", "network", [{"Rules": [_about("collection", names.COLLECTIONS)], "AllowFromPublic": True}]
        )

    def _policy(self, name: str, kind: str, policy: object) -> None:
        text = cdk.Stack.of(self).to_json_string(policy)
        aoss.CfnSecurityPolicy(self, name, name=names.COLLECTION_POLICIES, type=kind, policy=text)

    def grant_access(self, roles: Sequence[iam.Role]) -> None:
        """Let ``roles`` create the index, write documents and search. They cannot delete the index. Their own policies narrow a
        session to its tenant's collection."""
        stack = cdk.Stack.of(self)
        rules = [
            {**_about("index", f"{names.COLLECTIONS}/*"), "Permission": list(INDEX_RIGHTS)},
            {**_about("collection", names.COLLECTIONS), "Permission": ["aoss:DescribeCollectionItems"]},
        ]
        aoss.CfnAccessPolicy(
            self,
            "Access",
            name=names.COLLECTION_POLICIES,
            type="data",
            policy=stack.to_json_string([{"Rules": rules, "Principal": [role.role_arn for role in roles]}]),
        )


def _about(kind: str, which: str) -> dict[str, object]:
    return {"ResourceType": kind, "Resource": [f"{kind}/{which}"]}
