"""A mistake in a spec, a setting or the context stops the synthesis and says what is wrong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import aws_cdk
import pytest

from cdk import specs
from cdk.config import load
from cdk.constructs.workflow import check_placeholders
from cdk.environment import environment
from docplatform.runtime.settings import RegionSettings
from docplatform.runtime.spec import Daily, Every, FunctionSpec, ObjectCreated, Schedule, Trigger
from tests.infrastructure.conftest import PRODUCTION

_SCHEDULE = 'Schedule("sweep", Every(5), per_tenant=True, deadline=60)'
_NEEDED = {Trigger.UPLOAD: ', objects=(ObjectCreated("tenants/*/a"),)'}
WHOLE = tuple(
    f'FunctionSpec(name="{trigger.value}", settings=RegionSettings, trigger=Trigger.{trigger.name}{_NEEDED.get(trigger, "")})'
    for trigger in Trigger
    if trigger not in (Trigger.WORKFLOW, Trigger.JOBS)
)


def _package(functions: Path, *specs: str, name: str = "documents") -> Path:
    """A function's package with these specs. Returns the folder of all functions."""
    package = functions / name
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "handler.py").touch()
    (package / "spec.py").write_text(
        "from docplatform.runtime.settings import RegionSettings\n"
        "from docplatform.runtime.spec import Every, FunctionSpec, Grant, Layer, Mount, ObjectCreated, Schedule, Trigger\n"
        f"FUNCTIONS = ({', '.join(specs)},)\n"
    )
    return functions


def test_specs_of_all_functions_are_found_in_order_of_name(tmp_path: Path) -> None:
    one = 'FunctionSpec(name="aaa", settings=RegionSettings, mounts=(Mount("/v1/aaa"),))'
    _package(tmp_path, *WHOLE)
    found = specs.discover(_package(tmp_path, one, name="other"))
    assert [each.spec.name for each in found] == sorted(each.spec.name for each in found)
    assert found[0].folder == tmp_path / "other"
    assert found[0].handler == "other.handler.handler"


@pytest.mark.parametrize(
    ("function", "complaint"),
    [
        (
            'FunctionSpec(name="upload", settings=RegionSettings, mounts=(Mount("/v1/x"),))',
            "share the function 'upload'",
        ),
        (
            'FunctionSpec(name="x", settings=RegionSettings, mounts=(Mount("/v1/x"), Mount("/v1/x")))',
            "share the path '/v1/x'",
        ),
        ('FunctionSpec(name="x", settings=RegionSettings)', "neither a path nor a trigger"),
        ('FunctionSpec(name="x", settings=RegionSettings, mounts=(Mount("v1/x"),))', "must begin"),
        (
            'FunctionSpec(name="x", settings=RegionSettings, mounts=(Mount("/v1/x"),), handler="gone.handler")',
            "no module 'gone'",
        ),
        (
            'FunctionSpec(name="x", settings=RegionSettings, trigger=Trigger.UPLOAD, objects=(ObjectCreated("tenants/*/b"),))',
            "one function answers the trigger 'upload'",
        ),
        ('FunctionSpec(name="x", settings=RegionSettings, trigger=Trigger.UPLOAD)', "x: objects, and the trigger"),
        (
            'FunctionSpec(name="x", settings=RegionSettings, mounts=(Mount("/v1/x"),), grants=frozenset({Grant.TENANT_FILES}))',
            "x: tenant-files without tenant-access",
        ),
        (
            'FunctionSpec(name="x", settings=RegionSettings, mounts=(Mount("/v1/x"),), untrusted_input=True, '
            "layers=(Layer.PARSERS,), grants=frozenset({Grant.REGISTRY_READ}))",
            "x: what opens untrusted files has no permissions",
        ),
        (
            'FunctionSpec(name="x", settings=RegionSettings, mounts=(Mount("/v1/x"),), layers=(Layer.PARSERS,))',
            "x: parsers, and opening untrusted files, need each other",
        ),
        ('FunctionSpec(name="x", settings=RegionSettings, trigger=Trigger.JOBS)', "x: schedules, and the trigger"),
        (
            f'FunctionSpec(name="x", settings=RegionSettings, mounts=(Mount("/v1/x"),), schedules=({_SCHEDULE},))',
            "x: schedules, and",
        ),
        (
            f'FunctionSpec(name="x", settings=RegionSettings, trigger=Trigger.JOBS, schedules=({_SCHEDULE}, {_SCHEDULE}))',
            "share the schedule 'sweep'",
        ),
    ],
)
def test_specs_that_contradict_one_another_are_refused(tmp_path: Path, function: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        specs.discover(_package(tmp_path, *WHOLE, function))


@pytest.mark.parametrize("name", ["platform", "two-words", "1st"])
def test_a_name_that_is_none_for_a_package_or_hides_pythons_own_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match=f"functions/{name}: this cannot be"):
        specs.discover(_package(tmp_path, *WHOLE, name=name))


def test_a_folder_that_is_no_package_is_refused(tmp_path: Path) -> None:
    (_package(tmp_path, *WHOLE) / "documents/__init__.py").unlink()
    with pytest.raises(ValueError, match="functions/documents lacks an __init__"):
        specs.discover(tmp_path)


LAMBDAS_OWN = {"awslambdaric", "bootstrap", "boto3", "botocore", "runtime_client", "snapshot_restore_py", "simplejson"}


def test_no_package_of_a_function_hides_one_of_a_layer_or_of_lambda() -> None:
    """A function's package comes first on Lambda's path. (Here every layer's packages are installed.)"""
    functions = {each.folder.name for each in specs.discover()}
    layers = set(packages_distributions())
    assert {"pydantic", "lxml", "argon2", "scim2_models"} <= layers
    assert not functions & (layers | LAMBDAS_OWN | {"docplatform"})


@pytest.mark.parametrize(
    ("make", "complaint"),
    [
        (lambda: Every(0), "does not divide a day"),
        (lambda: Every(7), "does not divide a day"),
        (lambda: Every(3_000), "does not divide a day"),
        (lambda: Daily(24), "no day has the time 24:00"),
        (lambda: Daily(3, 60), "no day has the time 3:60"),
        (lambda: Schedule("Sweep it", Every(5), per_tenant=True, deadline=60), "cannot be the name"),
        (lambda: Schedule("sweep", Every(5), per_tenant=True, deadline=301), "at most the time up to the next run"),
        (lambda: Schedule("sweep", Every(5), per_tenant=True, deadline=0), "at least a minute"),
        (lambda: ObjectCreated("*/original"), "every object is below tenants/"),
    ],
)
def test_a_schedule_or_trigger_that_is_impossible_is_refused_where_it_is_declared(
    make: Callable[[], object], complaint: str
) -> None:
    with pytest.raises(ValueError, match=complaint):
        make()


def test_a_cadence_is_told_in_the_words_of_eventbridge_scheduler() -> None:
    assert [Every(1).expression, Every(15).expression, Daily(3).expression, Daily(22, 30).expression] == [
        "rate(1 minute)",
        "rate(15 minutes)",
        "cron(0 3 * * ? *)",
        "cron(30 22 * * ? *)",
    ]


def test_a_trigger_that_nothing_answers_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="one function answers the trigger 'upload', not \\[\\]"):
        specs.discover(_package(tmp_path, *(each for each in WHOLE if "UPLOAD" not in each)))


@dataclass(frozen=True, kw_only=True)
class Demanding(RegionSettings):
    colour: str


def test_a_setting_that_nothing_fills_is_named() -> None:
    spec = FunctionSpec(name="painter", settings=Demanding)
    with pytest.raises(ValueError, match="painter: Demanding has 'colour'"):
        environment(spec, {"region_addresses": {}}, aws_cdk.Stack(aws_cdk.App(), "a"))


def test_a_setting_of_many_values_is_json() -> None:
    spec = FunctionSpec(name="painter", settings=RegionSettings)
    stack = aws_cdk.Stack(aws_cdk.App(), "a")
    made = environment(spec, {"region_addresses": {"eu": "https://x"}}, stack)
    assert stack.resolve(made)["REGION_ADDRESSES"] == '{"eu":"https://x"}'


def test_a_function_knows_its_name_for_logs_metrics_and_traces() -> None:
    spec = FunctionSpec(name="painter", settings=RegionSettings)
    made = environment(spec, {"region_addresses": {}}, aws_cdk.Stack(aws_cdk.App(), "a"))
    assert made["POWERTOOLS_SERVICE_NAME"] == "painter"


def test_a_workflow_and_its_functions_must_fit() -> None:
    check_placeholders('"${VerifyArn}"', {"VerifyArn": "arn"})
    with pytest.raises(ValueError, match=r"asks for \['ScanArn'\]"):
        check_placeholders('"${VerifyArn}" "${ScanArn}"', {"VerifyArn": "arn"})
    with pytest.raises(ValueError, match=r"does not use \['ScanArn'\]"):
        check_placeholders('"${VerifyArn}"', {"VerifyArn": "arn", "ScanArn": "arn"})


def _config(**changes: Any) -> Any:
    return load({"docplatform": PRODUCTION | changes})


def test_a_region_is_a_line_of_the_context() -> None:
    japan = PRODUCTION["regions"] | {
        "ap-northeast-1": {"label": "Japan", "address": "https://{tenant}.jp.docplatform.example"}
    }
    config = _config(regions=japan)
    assert config.addresses["ap-northeast-1"] == "https://{tenant}.jp.docplatform.example"
    assert config.regions[-1].domain == "*.jp.docplatform.example"


def test_the_command_line_comes_before_the_context() -> None:
    context = {"docplatform": PRODUCTION, "ephemeral": "true", "account": "210987654321", "search_ocu": "[4, 8]"}
    config = load(context)
    assert (config.ephemeral, config.account, config.search_ocu) == (True, "210987654321", (4, 8))
    assert config.snap_start is False


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"colour": "red"}, "unknown settings in the docplatform context: colour"),
        ({"home_region": "mars-1"}, "home_region 'mars-1' is not one of the regions"),
        ({"regions": {"us-east-1": {"address": "https://us.example"}}}, "lacks {tenant}"),
        ({"malware_scan": "signature"}, "unknown settings in the docplatform context: malware_scan"),
        ({"processing_concurrency": 1}, "processing_concurrency is between"),
        ({"processing_concurrency": 101}, "processing_concurrency is between"),
        ({"layers": "cake"}, "layers is"),
        ({"signing_keys": []}, "signing_keys needs one name at least"),
        ({"signing_keys": "12"}, "signing_keys is a list"),
        ({"signing_keys": ["1", "1"]}, "different names"),
        ({"signing_keys": ["2"], "former_signing_keys": ["2"]}, "different names"),
        ({"signing_keys": ["a/b"]}, "different names"),
        ({"signing_keys": [1]}, "different names"),
    ],
)
def test_a_context_that_cannot_be_meant_is_refused(changes: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        _config(**changes)


def test_a_context_without_what_every_deployment_needs_is_refused() -> None:
    with pytest.raises(ValueError, match="lacks: mail_sender"):
        load({"docplatform": {name: value for name, value in PRODUCTION.items() if name != "mail_sender"}})
