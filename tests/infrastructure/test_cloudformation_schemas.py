"""CloudFormation knows every property of every resource, with its type and form (checked by cfn-lint with AWS's
own schemas)."""

from __future__ import annotations

import json

import pytest

from tests.infrastructure.synthesized import HOME, Assembly, Json

cfnlint = pytest.importorskip("cfnlint.api")


def _errors(template: Json) -> list[str]:
    found = cfnlint.lint(json.dumps(template), config=cfnlint.ManualArgs(regions=[HOME]))
    return [f"{each.rule.id} {each.message}" for each in found if each.rule.id.startswith("E")]


@pytest.mark.parametrize("part", ["data", "api", "workflows", "observability"])
def test_the_templates_of_a_region_are_what_cloudformation_takes(production: Assembly, part: str) -> None:
    assert _errors(production.stack(part, HOME).template) == []


def test_the_global_template_is_what_cloudformation_takes(production: Assembly) -> None:
    assert _errors(production.stack("global").template) == []


def test_a_property_that_cloudformation_does_not_know_would_be_found(production: Assembly) -> None:
    template = json.loads(json.dumps(production.stack("global").template))
    (table,) = (each for each in template["Resources"].values() if each["Type"] == "AWS::DynamoDB::GlobalTable")
    table["Properties"]["Colour"] = "red"
    assert any("Colour" in error for error in _errors(template))
