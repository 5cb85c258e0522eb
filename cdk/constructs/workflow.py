"""The processing workflow: one definition, an Express machine for the usual file and a Standard one for large files."""

from __future__ import annotations

import re
from collections.abc import Mapping

import aws_cdk as cdk
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_stepfunctions as stepfunctions
from constructs import Construct

from cdk import names
from cdk.config import ROOT
from cdk.constructs.logs import log_group

DEFINITION = ROOT / "statemachines/processing.asl.json"


class Workflow(Construct):
    """The two state machines. ``steps``: placeholder in the definition → ARN of its function. Raises ValueError
    for a placeholder that is missing or unused."""

    def __init__(
        self, scope: Construct, name: str, *, steps: Mapping[str, str], key: kms.IKey, ephemeral: bool
    ) -> None:
        super().__init__(scope, name)
        definition = DEFINITION.read_text()
        check_placeholders(definition, steps)
        role = iam.Role(
            self,
            "Role",
            role_name=names.role("processing-workflow", cdk.Stack.of(self).region),
            assumed_by=iam.ServicePrincipal("states.amazonaws.com"),
        )
        role.add_to_policy(iam.PolicyStatement(actions=["lambda:InvokeFunction"], resources=list(steps.values())))
        for kind in names.KINDS:
            stepfunctions.StateMachine(
                self,
                kind.title(),
                state_machine_name=names.workflow(kind),
                state_machine_type=stepfunctions.StateMachineType[kind.upper()],
                definition_body=stepfunctions.DefinitionBody.from_string(definition),
                definition_substitutions=dict(steps),
                role=role,
                tracing_enabled=True,
                logs=stepfunctions.LogOptions(
                    level=stepfunctions.LogLevel.ALL,
                    include_execution_data=False,  # the cause of an error may quote a file
                    destination=log_group(
                        self,
                        f"{kind.title()}Log",
                        log_group_name=f"/aws/vendedlogs/states/{names.workflow(kind)}",
                        key=key,
                        ephemeral=ephemeral,
                    ),
                ),
            )


def check_placeholders(definition: str, steps: Mapping[str, str]) -> None:
    asked = set(re.findall(r"\$\{(\w+)\}", definition))
    if missing := asked - steps.keys():
        raise ValueError(
            f"{DEFINITION.name} asks for {sorted(missing)}; no function with the WORKFLOW trigger has that name"
        )
    if unused := steps.keys() - asked:
        raise ValueError(f"{DEFINITION.name} does not use {sorted(unused)}")
