"""The deployment as a whole: every region has the same stacks, no region needs another one, and the stacks can be
deployed in order."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator

import pytest

from cdk import specs
from tests.infrastructure.synthesized import ACCOUNT, HOME, REGIONS, Assembly

PARTS = ("data", "api", "workflows", "observability")
FUNCTIONS = specs.discover()


def test_every_region_has_the_same_stacks_and_one_is_global(production: Assembly) -> None:
    expected = {f"docplatform-{part}-{region}" for part in PARTS for region in REGIONS}
    assert set(production.stacks) == {"docplatform-global", *expected}


@pytest.mark.parametrize("part", PARTS)
def test_every_region_gets_the_same(production: Assembly, part: str) -> None:
    made = [
        Counter(resource["Type"] for resource in production.stack(part, region).resources.values())
        for region in REGIONS
    ]
    assert made[0] == made[1] == made[2]


LASTING_IDS = {
    "global": {"Registry4DB9CCA5"},
    "data": {
        *("KeysDataA2F7C5E6", "KeysToken185181FDD", "KeysCursorsA72F67F4", "Data666C94C7", "Audit3D8ADE0A"),
        "Operations993AC38D",
        *("BucketsAccessLogsA5F88218", "BucketsDocumentsE696B60E", "BucketsAudit0C61E492"),
    },
    "api": {"LiveApiACBCF7C0", "RestApi79D61EE8"},
}


@pytest.mark.parametrize("part", LASTING_IDS)
def test_what_holds_data_or_an_address_keeps_its_logical_id(production: Assembly, part: str) -> None:
    """CloudFormation deletes a resource whose logical id changes and makes another one."""
    stack = production.stack(part, "" if part == "global" else HOME)
    kinds = ("DynamoDB::GlobalTable", "S3::Bucket", "KMS::Key")
    kinds += ("ApiGateway::RestApi", "ApiGatewayV2::Api")
    assert {logical_id for kind in kinds for logical_id in stack.of(f"AWS::{kind}")} == LASTING_IDS[part]


def test_no_stack_nears_cloudformations_limit(production: Assembly) -> None:
    for stack in production.stacks.values():
        assert len(stack.resources) <= 400, stack.name
        assert len(json.dumps(stack.template)) < 1_000_000, stack.name


def test_no_region_refers_to_anything_of_another_but_the_registrys_home(production: Assembly) -> None:
    for region in REGIONS:
        for stack in production.region(region):
            text = json.dumps(stack.template)
            for other in set(REGIONS) - {region}:
                allowed = {f"arn:aws:dynamodb:{HOME}:{ACCOUNT}:table/docplatform-registry"} if other == HOME else set()
                named = set(re.findall(rf'arn:aws:[a-z0-9-]+:{other}:[^"\\]*', text))
                assert named <= allowed, stack.name
            assert "Custom::CrossRegionExport" not in text
            for needed in production.dependencies[stack.name]:
                assert needed.endswith(f"-{region}") or needed == "docplatform-global", stack.name


def test_stacks_can_be_deployed_one_after_another(production: Assembly) -> None:
    def needed(name: str, above: tuple[str, ...] = ()) -> Iterator[str]:
        assert name not in above, f"a ring: {' → '.join((*above, name))}"
        for each in production.dependencies[name]:
            yield each
            yield from needed(each, (*above, name))

    for name in production.stacks:
        list(needed(name))
    for region in REGIONS:
        assert "docplatform-global" in set(needed(f"docplatform-api-{region}"))
        assert f"docplatform-api-{region}" in set(needed(f"docplatform-workflows-{region}"))


def test_a_function_can_be_taken_away_because_no_stack_imports_it(production: Assembly) -> None:
    for name, stack in production.stacks.items():
        if "-data-" not in name:
            assert not stack.exports(), name


@pytest.mark.parametrize("region", REGIONS)
def test_every_function_is_deployed_as_its_spec_says(production: Assembly, region: str) -> None:
    deployed = {
        each["FunctionName"]: each for each in production.stack("api", region).of("AWS::Lambda::Function").values()
    }
    assert set(deployed) == {f"docplatform-{each.spec.name}" for each in FUNCTIONS}
    for each in FUNCTIONS:
        function = deployed[f"docplatform-{each.spec.name}"]
        assert (function["Runtime"], function["Architectures"]) == ("python3.13", ["arm64"])
        assert (function["Handler"], function["MemorySize"]) == (each.handler, each.spec.memory)
        assert function["Timeout"] == each.spec.timeout
        assert function["EphemeralStorage"] == {"Size": each.spec.storage}
        assert len(function["Layers"]) == len(each.spec.layers)
        assert function.get("ReservedConcurrentExecutions", 0) == 20 * each.spec.reserve, "a percent of 2,000 is 20"


@pytest.mark.parametrize("region", REGIONS)
def test_every_setting_is_filled_with_what_it_means(production: Assembly, region: str) -> None:
    api = production.stack("api", region)
    found: dict[str, set[str]] = {}
    for function in api.of("AWS::Lambda::Function").values():
        settings = dict(function["Environment"]["Variables"])
        assert settings.pop("POWERTOOLS_SERVICE_NAME") == function["FunctionName"].removeprefix("docplatform-")
        timeout = str(function["Timeout"])  # beside its name, what each function has of its own
        assert settings.pop("FUNCTION_TIMEOUT", timeout) == timeout
        assert settings.pop("DEAD_LETTERS_URL", "-dead").endswith("-dead")
        settings.pop("TENANT_ACCESS_ROLE_ARN", None)  # test_tenant_roles.py
        for name, value in settings.items():
            found.setdefault(name, set()).add(value)
    assert all(len(values) == 1 for values in found.values()), "one truth for all functions"
    (addresses,) = found["REGION_ADDRESSES"]
    assert json.loads(addresses)[region] == f"https://{{tenant}}.{region}.docplatform.example"
    (queues,) = found["QUEUE_URLS"]
    assert (
        json.loads(queues)["standard"]
        == f"https://sqs.{region}.amazonaws.com/{ACCOUNT}/docplatform-processing-standard"
    )
    assert found["SEARCH_ENDPOINT"] == {f"https://{{collection}}.{region}.aoss.amazonaws.com"}
    assert found["COLLECTION_GROUP"] == {"docplatform"}
    express = f"arn:aws:states:{region}:{ACCOUNT}:stateMachine:docplatform-processing-express"
    assert found["EXPRESS_WORKFLOW_ARN"] == {express}
    assert found["REGISTRY_HOME_REGION"] == {HOME}


def test_a_trial_costs_nothing_to_keep_ready(trial: Assembly) -> None:
    api, data = trial.stack("api", HOME), trial.stack("data", HOME)
    assert not api.of("AWS::Lambda::Alias")
    assert not any("SnapStart" in each for each in api.of("AWS::Lambda::Function").values())
    assert data.one("AWS::OpenSearchServerless::CollectionGroup")["CapacityLimits"]["MinSearchCapacityInOcu"] == 0
