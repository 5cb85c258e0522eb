"""The synthesized templates by stack and resource type, with references resolved as CloudFormation would."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from cdk import names

ACCOUNT = "123456789012"
REGIONS = ("us-east-1", "eu-central-1", "ap-southeast-1")
HOME = "us-east-1"

Json = dict[str, Any]


@dataclass
class Stack:
    """A stack's template. ``resources``: logical id → resource.

    Intrinsic functions become text: a reference to a resource is ``<its id>``, an attribute ``<its id.Attribute>``,
    an import the value that the exporting stack gives.
    """

    name: str
    template: Json
    assembly: Assembly

    @cached_property
    def resources(self) -> dict[str, Json]:
        read: dict[str, Json] = self._read(self.template["Resources"])
        return read

    def of(self, kind: str) -> dict[str, Json]:
        """Logical id → properties of all resources of a type such as ``AWS::SQS::Queue``."""
        return {
            logical_id: resource.get("Properties", {})
            for logical_id, resource in self.resources.items()
            if resource["Type"] == kind
        }

    def one(self, kind: str, **properties: object) -> Json:
        """The properties of the only resource of that type that has ``properties``."""
        (found,) = [each for each in self.of(kind).values() if properties.items() <= each.items()]
        return found

    def key(self, alias: str) -> str:
        """The logical id of the key behind an alias."""
        target: str = self.one("AWS::KMS::Alias", AliasName=alias)["TargetKeyId"]
        return target.strip("<>").removesuffix(".Arn")

    def exports(self) -> dict[str, str]:
        outputs = self.template.get("Outputs", {}).values()
        return {each["Export"]["Name"]: self._read(each["Value"]) for each in outputs if "Export" in each}

    def _read(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self._read(each) for each in value]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            ((function, given),) = value.items()
            match function:
                case "Ref":
                    return f"<{given}>"
                case "Fn::GetAtt":
                    return f"<{given[0]}.{given[1]}>"
                case "Fn::ImportValue":
                    return self.assembly.exports[given]
                case "Fn::Join":
                    return given[0].join(str(self._read(each)) for each in given[1])
                case "Fn::Select":  # of a split: a part of an ARN that is only known once it is made
                    return f"<{given[0]} of {self._read(given[1])}>"
                case "Fn::Split":
                    return self._read(given[1])
        return {name: self._read(each) for name, each in value.items()}


@dataclass
class Assembly:
    folder: Path
    stacks: dict[str, Stack] = field(default_factory=dict)
    dependencies: dict[str, list[str]] = field(default_factory=dict)
    exports: dict[str, str] = field(default_factory=dict)

    def stack(self, part: str, region: str = "") -> Stack:
        return self.stacks[names.stack(part, region)]

    def region(self, region: str) -> list[Stack]:
        """The stacks of a region, without the global one."""
        return [stack for name, stack in self.stacks.items() if name.endswith(f"-{region}")]


def read(folder: Path) -> Assembly:
    """Read a cloud assembly that ``app.synth()`` has written."""
    assembly = Assembly(folder)
    artifacts = json.loads((folder / "manifest.json").read_text())["artifacts"]
    for name, artifact in artifacts.items():
        if artifact["type"] == "aws:cloudformation:stack":
            template = json.loads((folder / artifact["properties"]["templateFile"]).read_text())
            assembly.stacks[name] = Stack(name, template, assembly)
            needed = artifact.get("dependencies", ())
            assembly.dependencies[name] = [each for each in needed if not each.endswith(".assets")]
    for (
        stack
    ) in assembly.stacks.values():  # an export is read without imports: only data is exported, and imports nothing
        assembly.exports |= stack.exports()
    return assembly
