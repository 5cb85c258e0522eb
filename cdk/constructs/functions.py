"""Lambda functions, made from their specs: role, layers, environment, log group."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from cdk import layers, names
from cdk.concurrency import reserved
from cdk.config import Config
from cdk.constructs.isolated_network import IsolatedNetwork
from cdk.constructs.kms_keys import KmsKeys
from cdk.constructs.logs import log_group
from cdk.environment import Values, environment
from cdk.grants import RegionResources, statements, trigger_statements
from cdk.specs import Deployable, is_interactive
from docplatform.runtime.spec import FunctionSpec, Grant, Layer, Trigger

_SNAPSTART_STORAGE = 512  # MB of /tmp, at most (docs.aws.amazon.com/lambda/latest/dg/snapstart.html)
_INTERFACES = [
    f"ec2:{each}"
    for each in (
        "CreateNetworkInterface",
        "DescribeNetworkInterfaces",
        "DescribeSubnets",
        "DeleteNetworkInterface",
        "AssignPrivateIpAddresses",
        "UnassignPrivateIpAddresses",
    )
]
_IGNORED = ["**/__pycache__", "**/*.pyc", "**/.mypy_cache", "**/.ruff_cache"]
ALIAS = "live"


class Functions(Construct):
    """All functions of the region. ``targets`` holds by name what callers call: the function, or its alias if it
    uses SnapStart."""

    def __init__(
        self,
        scope: Construct,
        name: str,
        *,
        config: Config,
        deployables: Sequence[Deployable],
        layer_source: layers.Source,
        values: Values,
        kms_keys: KmsKeys,
        tenant_roles: Mapping[frozenset[Grant], str],
        resources: RegionResources,
    ) -> None:
        """``tenant_roles``: what functions reach of a tenant beside its items → the ARN of the role by which they do."""
        super().__init__(scope, name)
        self._config, self._values, self._kms_keys, self._resources = config, values, kms_keys, resources
        self._tenant_roles = tenant_roles
        self._network: IsolatedNetwork | None = None
        wanted = {layer for each in deployables for layer in each.spec.layers}
        self._built = {layer: layer_source(layer) for layer in sorted(wanted)}
        self._layers = {layer: self._layer(layer, built) for layer, built in self._built.items()}
        self.targets: dict[str, lambda_.IFunction] = {}
        for each in deployables:
            function = self._function(each)
            self.targets[each.spec.name] = self._call_target(each.spec, function)

    def _layer(self, layer: Layer, built: layers.Built) -> lambda_.LayerVersion:
        return lambda_.LayerVersion(
            self,
            f"{layer.value.title()}Layer",
            layer_version_name=names.function(layer.value),
            code=lambda_.Code.from_asset(
                str(built.asset), exclude=_IGNORED, asset_hash=built.digest, asset_hash_type=cdk.AssetHashType.CUSTOM
            ),
            compatible_runtimes=[lambda_.Runtime.PYTHON_3_13],
            compatible_architectures=[lambda_.Architecture.ARM_64],
        )

    def _function(self, each: Deployable) -> lambda_.Function:
        spec, stack = each.spec, cdk.Stack.of(self)
        self._check_size(spec)
        title = names.title(spec.name)
        role = self._role(spec, title)
        function = lambda_.Function(
            self,
            title,
            function_name=names.function(spec.name),
            description=f"docplatform: {each.folder.name}",
            runtime=lambda_.Runtime.PYTHON_3_13,
            architecture=lambda_.Architecture.ARM_64,
            handler=each.handler,
            code=_code(each.folder),
            layers=[self._layers[layer] for layer in spec.layers],
            environment=environment(spec, self._values, stack, tenant_role=self._tenant_role(spec)),
            memory_size=spec.memory,
            timeout=cdk.Duration.seconds(self._timeout(spec)),
            reserved_concurrent_executions=self._reserved(spec),
            ephemeral_storage_size=cdk.Size.mebibytes(spec.storage),
            tracing=lambda_.Tracing.ACTIVE,
            snap_start=lambda_.SnapStartConf.ON_PUBLISHED_VERSIONS if self._uses_snap_start(spec) else None,
            role=role,
            log_group=log_group(
                self,
                f"{title}Logs",
                log_group_name=names.log_group(spec.name),
                key=self._kms_keys.data,
                ephemeral=self._config.ephemeral,
            ),
        )
        if spec.untrusted_input:
            self._isolate(spec, function, role)
        return function

    def _isolate(self, spec: FunctionSpec, function: lambda_.Function, role: iam.Role) -> None:
        """Put the function into the network without a way out. Lambda makes network interfaces with the function's role; the function's own
        code may not (docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html#configuration-vpc-permissions)."""
        if self._network is None:
            self._network = IsolatedNetwork(self, "Network", key=self._kms_keys.data, ephemeral=self._config.ephemeral)
        resource: Any = function.node.default_child
        resource.vpc_config = lambda_.CfnFunction.VpcConfigProperty(
            subnet_ids=[each.ref for each in self._network.subnets],
            security_group_ids=[self._network.group.attr_group_id],
        )
        stack = cdk.Stack.of(self)
        own = names.function_arn(stack.account, stack.region, spec.name)
        role.add_to_policy(iam.PolicyStatement(actions=_INTERFACES, resources=["*"]))
        role.add_to_policy(
            iam.PolicyStatement(
                effect=iam.Effect.DENY,
                actions=_INTERFACES,
                resources=["*"],
                conditions={"ArnEquals": {"lambda:SourceFunctionArn": own}},
            )
        )

    def _role(self, spec: FunctionSpec, title: str) -> iam.Role:
        stack = cdk.Stack.of(self)
        role = iam.Role(
            self,
            f"{title}Role",
            role_name=names.role(spec.name, stack.region),
            assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"),
        )
        own_log = names.log_streams_arn(stack.account, stack.region, spec.name)
        role.add_to_policy(
            iam.PolicyStatement(actions=["logs:CreateLogStream", "logs:PutLogEvents"], resources=[own_log])
        )
        for grant in sorted(spec.grants):
            for statement in statements(grant, self._resources, self._tenant_role(spec)):
                role.add_to_policy(statement)
        for statement in trigger_statements(spec.trigger, spec.name, self._resources):
            role.add_to_policy(statement)
        return role

    def _tenant_role(self, spec: FunctionSpec) -> str:
        """The ARN of the role by which the function acts for a tenant; '' for none."""
        return self._tenant_roles[spec.reaches] if Grant.TENANT_ACCESS in spec.grants else ""

    def _reserved(self, spec: FunctionSpec) -> int | None:
        """A trial has the small quota of a new account: nothing is reserved."""
        return None if self._config.ephemeral else reserved(spec, self._config.lambda_concurrency) or None

    def _timeout(self, spec: FunctionSpec) -> int:
        """The timeout in seconds. A queue must not show a message again while its consumer still works on it."""
        if spec.trigger is Trigger.PLAN_QUEUE:
            return min(spec.timeout, self._config.processing_visibility_seconds)
        return spec.timeout

    def _uses_snap_start(self, spec: FunctionSpec) -> bool:
        """Whether SnapStart is on: only for functions that a person waits for. Background work does not notice a
        cold start, and every snapshot that is kept costs money."""
        return self._config.snap_start and is_interactive(spec) and spec.storage <= _SNAPSTART_STORAGE

    def _call_target(self, spec: FunctionSpec, function: lambda_.Function) -> lambda_.IFunction:
        """What callers call: the function itself, or the alias that SnapStart needs."""
        if not self._uses_snap_start(spec):
            return function
        return lambda_.Alias(self, f"{names.title(spec.name)}Live", alias_name=ALIAS, version=function.current_version)

    def _check_size(self, spec: FunctionSpec) -> None:
        size = sum(self._built[layer].size for layer in spec.layers)
        if size > layers.LARGEST:
            raise ValueError(f"{spec.name}: its layers are {size / 2**20:.0f} MB unzipped; Lambda takes 250 MB")


def _code(package: Path) -> lambda_.Code:
    """The asset of a function: the folder of all functions without the other packages. The pattern names no other
    package, so the asset changes only when this package does."""
    own = ["*", f"!{package.name}", f"!{package.name}/**", f"{package.name}/spec.py", *_IGNORED]
    return lambda_.Code.from_asset(str(package.parent), exclude=own)
