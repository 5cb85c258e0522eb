"""The region's pooled search collection (OpenSearch Serverless) and who may open it: the tenant role, nobody else."""

from __future__ import annotations

import json

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_opensearchserverless as aoss
from config import PREFIX
from constructs import Construct

NAME = f"{PREFIX}-pooled"


class SearchCollection(Construct):
    """One collection in a group: the group's collections share compute, and at least 2 OCU stay awake."""

    def __init__(self, scope: Construct, name: str, *, key: kms.Key) -> None:
        super().__init__(scope, name)
        rule = {"ResourceType": "collection", "Resource": [f"collection/{NAME}"]}
        encryption = aoss.CfnSecurityPolicy(
            self,
            "Encryption",
            name=NAME,
            type="encryption",
            policy=cdk.Stack.of(self).to_json_string({"Rules": [rule], "KmsARN": key.key_arn}),
        )
        network = aoss.CfnSecurityPolicy(
            self,
            "Network",
            name=NAME,
            type="network",
            policy=json.dumps([{"Rules": [rule], "AllowFromPublic": True}]),  # SigV4 and the data policy decide
        )
        group = aoss.CfnCollectionGroup(
            self,
            "Group",
            name=PREFIX,
            standby_replicas="ENABLED",
            capacity_limits={"minSearchCapacityInOcu": 2, "maxSearchCapacityInOcu": 32, "maxIndexingCapacityInOcu": 16},
        )
        self.collection = aoss.CfnCollection(
            self, "Pooled", name=NAME, type="SEARCH", standby_replicas="ENABLED", collection_group_name=PREFIX
        )
        for needed in (encryption, network, group):
            self.collection.add_dependency(needed)
        self.endpoint = self.collection.attr_collection_endpoint

    def open_to(self, role: iam.Role) -> None:
        """May write entries, search, and make the index; not delete it."""
        permissions = ["aoss:CreateIndex", "aoss:DescribeIndex", "aoss:ReadDocument", "aoss:WriteDocument"]
        rules = [{"ResourceType": "index", "Resource": [f"index/{NAME}/*"], "Permission": permissions}]
        policy = aoss.CfnAccessPolicy(
            self,
            "Access",
            name=NAME,
            type="data",
            policy=cdk.Stack.of(self).to_json_string([{"Rules": rules, "Principal": [role.role_arn]}]),
        )
        policy.add_dependency(self.collection)
        role.add_to_policy(iam.PolicyStatement(actions=["aoss:APIAccessAll"], resources=[self.collection.attr_arn]))
