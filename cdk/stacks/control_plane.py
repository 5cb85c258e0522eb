"""The control plane's data, which alone is global: the tenant registry, replicated to every region, without
personal data."""

from __future__ import annotations

from typing import Any

import aws_cdk as cdk
from constructs import Construct

from cdk import names
from cdk.config import Config
from cdk.constructs.tables import registry


class ControlPlaneStack(cdk.Stack):
    def __init__(self, scope: Construct, name: str, *, config: Config, **more: Any) -> None:
        super().__init__(scope, name, description="docplatform: tenant registry (global)", **more)
        self.registry = registry(
            self,
            "Registry",
            table_name=names.REGISTRY,
            replicas=[region.name for region in config.regions if region.name != config.home_region],
            leaving=[region.name for region in config.regions if region.leaving],
            ephemeral=config.ephemeral,
            protected=config.protected,
        )
