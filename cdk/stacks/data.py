"""A region's data: keys, tables, buckets, the group of search collections, and the roles that reach one tenant's part of
them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_dynamodb as dynamodb
from constructs import Construct

from cdk import names
from cdk.config import Config
from cdk.constructs.break_glass import BreakGlass
from cdk.constructs.buckets import Buckets
from cdk.constructs.kms_keys import KmsKeys
from cdk.constructs.malware_protection import MalwareProtection
from cdk.constructs.perimeter import Perimeter
from cdk.constructs.region_boundary import RegionBoundary
from cdk.constructs.search import Search
from cdk.constructs.tables import regional_table
from cdk.constructs.tenant_access import TenantAccess
from cdk.specs import Deployable, tenant_roles
from docplatform.runtime.spec import Grant


class DataStack(cdk.Stack):
    """The resources are retained when the stack is deleted, unless the deployment is ephemeral. Those of a first deployment that fails
    are deleted again, because their fixed names would block the next one."""

    def __init__(
        self, scope: Construct, name: str, *, config: Config, functions: Sequence[Deployable], **more: Any
    ) -> None:
        super().__init__(scope, name, description="docplatform: a region's data", **more)
        perimeter = Perimeter(self.account, self.region, functions, config.maintainers)
        keep = cdk.RemovalPolicy.DESTROY if config.ephemeral else cdk.RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE
        self.kms_keys = KmsKeys(
            self,
            "Keys",
            signing=config.signing_keys,
            former=config.former_signing_keys,
            removal_policy=keep,
        )
        self.kms_keys.allow_use(perimeter, config.queue_operators)
        BreakGlass(self, "BreakGlass", people=config.break_glass, kms_keys=self.kms_keys)
        items = perimeter.of_tenants_items
        self.table = regional_table(
            self,
            "Data",
            table_name=names.DATA_TABLE,
            key=self.kms_keys.data,
            ephemeral=config.ephemeral,
            protected=config.protected,
            indexes=("gsi1", "gsi2", "gsi3"),
            stream=dynamodb.StreamViewType.KEYS_ONLY,  # a reader learns that an item changed, not its content
            expiry="expires",
            policy=perimeter.table_policy(names.DATA_TABLE, items),
            stream_policy=perimeter.stream_policy(names.DATA_TABLE),
        )
        self.audit = regional_table(
            self,
            "Audit",
            table_name=names.AUDIT_TABLE,
            key=self.kms_keys.data,
            ephemeral=config.ephemeral,
            stream=dynamodb.StreamViewType.NEW_AND_OLD_IMAGES,  # what a changed record was before
            protected=config.protected,
            policy=perimeter.table_policy(names.AUDIT_TABLE, items),
            stream_policy=perimeter.stream_policy(names.AUDIT_TABLE),
        )
        regional_table(
            self,
            "Operations",
            table_name=names.OPERATIONS_TABLE,
            key=self.kms_keys.data,
            ephemeral=config.ephemeral,
            protected=config.protected,
            indexes=("gsi1",),
            expiry="expires",
            policy=perimeter.table_policy(names.OPERATIONS_TABLE, perimeter.of_operations),
        )
        buckets = Buckets(self, "Buckets", key=self.kms_keys.data, perimeter=perimeter, removal_policy=keep)
        self.documents = buckets.documents
        MalwareProtection(self, "MalwareProtection", bucket=buckets.documents, key=self.kms_keys.data)
        self.search = Search(self, "Search", key=self.kms_keys.data, ocu=config.search_ocu)
        self.tenant_roles = {
            reaches: TenantAccess(
                self,
                names.title(names.tenant_role(reaches)),
                kms_keys=self.kms_keys,
                reaches=reaches,
                functions=specs,
            ).role
            for reaches, specs in tenant_roles(functions).items()
        }
        """What functions reach of a tenant beside its items → the role by which they do."""
        self.search.grant_access(
            [role for reaches, role in self.tenant_roles.items() if Grant.TENANT_SEARCH in reaches]
        )
        RegionBoundary(self, "RegionBoundary", home_region=config.home_region)
