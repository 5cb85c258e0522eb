"""Lambda functions from their specs: role, layers, settings, log group."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import aws_cdk as cdk
import layers as built
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from config import PREFIX, ROOT, Config
from constructs import Construct
from docplatform.runtime.spec import FunctionSpec, Layer
from parts.grants import consuming, statements


def environment(spec: FunctionSpec, values: dict[str, Any], stack: cdk.Stack) -> dict[str, str]:
    """The variables that the function's settings class asks for. Raises ValueError for a setting that nothing fills."""
    found: dict[str, str] = {}
    for field in fields(spec.settings):
        if field.name not in values:
            raise ValueError(f"{spec.name}: no value for the setting '{field.name}'")
        value = values[field.name]
        found[field.name.upper()] = value if isinstance(value, str) else stack.to_json_string(value)
    return found


class Functions(Construct):
    """Every function of the region, by name."""

    def __init__(
        self,
        scope: Construct,
        name: str,
        *,
        config: Config,
        specs: list[tuple[str, FunctionSpec]],
        values: dict[str, Any],
        key: kms.IKey,
        token_key: str,
    ) -> None:
        super().__init__(scope, name)
        self._config, self._values, self._key, self._token_key = config, values, key, token_key
        self._layers = {layer: self._layer(layer) for layer in Layer}
        self.by_name: dict[str, lambda_.Function] = {}
        self.specs = {spec.name: spec for _, spec in specs}
        for room, spec in specs:
            self.by_name[spec.name] = self._function(room, spec)

    def _layer(self, layer: Layer) -> lambda_.LayerVersion:
        if layer is Layer.PLATFORM:
            ignored = ["**/__pycache__", "**/*.pyc", "**/.mypy_cache", "**/.ruff_cache"]
            code = lambda_.Code.from_asset(str(ROOT / "layers/platform"), exclude=ignored)
        else:
            code = lambda_.Code.from_asset(str(built.build(layer.value, self._config.layers)))
        return lambda_.LayerVersion(
            self,
            layer.value.title(),
            layer_version_name=f"{PREFIX}-{layer.value}",
            code=code,
            compatible_runtimes=[lambda_.Runtime.PYTHON_3_13],
            compatible_architectures=[lambda_.Architecture.ARM_64],
        )

    def _function(self, room: str, spec: FunctionSpec) -> lambda_.Function:
        stack, name = cdk.Stack.of(self), f"{PREFIX}-{spec.name}"
        title = "".join(part.title() for part in spec.name.split("-"))
        log_group = logs.LogGroup(
            self,
            f"{title}Logs",
            log_group_name=f"/aws/lambda/{name}",
            retention=logs.RetentionDays.ONE_YEAR,
            encryption_key=self._key,
            removal_policy=cdk.RemovalPolicy.DESTROY if self._config.ephemeral else cdk.RemovalPolicy.RETAIN,
        )
        role = iam.Role(
            self,
            f"{title}Role",
            role_name=f"{name}-{stack.region}",
            assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"),
        )
        log_group.grant_write(role)
        for grant in sorted(spec.grants):
            for statement in statements(
                grant,
                config=self._config,
                region=stack.region,
                tenant_access=self._values["tenant_access_role_arn"],
                token_key=self._token_key,
                data_key=self._key.key_arn,
            ):
                role.add_to_policy(statement)
        for statement in consuming(
            spec.trigger, account=stack.account, region=stack.region, data_key=self._key.key_arn
        ):
            role.add_to_policy(statement)
        return lambda_.Function(
            self,
            title,
            function_name=name,
            description=f"{PREFIX}: {room}",
            runtime=lambda_.Runtime.PYTHON_3_13,
            architecture=lambda_.Architecture.ARM_64,
            handler=spec.handler,
            code=lambda_.Code.from_asset(
                str(ROOT / "functions" / room), exclude=["**/__pycache__", "**/*.pyc", "spec.py"]
            ),
            layers=[self._layers[layer] for layer in spec.layers],
            environment=environment(spec, self._values, stack),
            memory_size=spec.memory,
            timeout=cdk.Duration.seconds(self._timeout(spec)),
            ephemeral_storage_size=cdk.Size.mebibytes(spec.storage),
            tracing=lambda_.Tracing.ACTIVE,
            role=role,
            log_group=log_group,
        )

    def _timeout(self, spec: FunctionSpec) -> int:
        return min(spec.timeout, self._config.starter_timeout) if spec.name == "processing-start" else spec.timeout
