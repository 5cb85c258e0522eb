"""The edge of the API: firewall, REST API, authorizer, and the answers that API Gateway gives by itself."""

from __future__ import annotations

import json

import pytest

from cdk import specs
from docplatform.runtime.spec import Auth, FunctionSpec, Mount
from tests.infrastructure.synthesized import ACCOUNT, HOME, REGIONS, Assembly, Json, Stack

FUNCTIONS = specs.discover()
MOUNTS = specs.mounts(FUNCTIONS)
KIND = {Auth.TENANT: "CUSTOM", Auth.OPERATOR: "AWS_IAM", Auth.PUBLIC: "NONE"}


@pytest.fixture(params=REGIONS)
def api(request: pytest.FixtureRequest, production: Assembly) -> Stack:
    return production.stack("api", request.param)


def _methods(api: Stack) -> dict[str, list[Json]]:
    """Path → its methods."""
    resources = api.of("AWS::ApiGateway::Resource")

    def path(logical_id: str) -> str:
        resource = resources.get(logical_id)
        return f"{path(resource['ParentId'].strip('<>'))}/{resource['PathPart']}" if resource else ""

    found: dict[str, list[Json]] = {}
    for method in api.of("AWS::ApiGateway::Method").values():
        found.setdefault(path(method["ResourceId"].strip("<>")), []).append(method)
    return found


@pytest.mark.parametrize(("mount", "spec"), MOUNTS, ids=[mount.path for mount, _ in MOUNTS])
def test_a_mount_and_everything_below_it_goes_to_its_function(api: Stack, mount: Mount, spec: FunctionSpec) -> None:
    methods = _methods(api)
    for path in (mount.path, f"{mount.path}/{{proxy+}}"):
        (method,) = methods[path]
        assert method["HttpMethod"] == "ANY"
        assert method["AuthorizationType"] == KIND[mount.auth]
        assert ("AuthorizerId" in method) == (mount.auth is Auth.TENANT)
        integration = method["Integration"]
        assert (integration["Type"], integration["IntegrationHttpMethod"]) == ("AWS_PROXY", "POST")
        called = integration["Uri"].partition("/functions/<")[2].partition(">")[0].removesuffix(".Arn")
        assert called.startswith("Functions" + "".join(part.capitalize() for part in spec.name.split("-")))


def test_there_is_no_way_in_but_the_mounts(api: Stack) -> None:
    expected = {path for mount, _ in MOUNTS for path in (mount.path, f"{mount.path}/{{proxy+}}")}
    assert set(_methods(api)) == expected


def test_only_what_cannot_have_a_token_yet_is_open_to_anybody() -> None:
    open_to_anybody = {mount.path for mount, _ in MOUNTS if mount.auth is Auth.PUBLIC}
    assert open_to_anybody == {"/v1/auth", "/v1/sso", "/v1/health", "/v1/openapi.json"}
    assert all(mount.path.startswith("/operator/") for mount, _ in MOUNTS if mount.auth is Auth.OPERATOR)


def test_a_decision_is_remembered_for_this_token_and_this_host_and_a_minute(api: Stack) -> None:
    authorizer = api.one("AWS::ApiGateway::Authorizer")
    assert authorizer["Type"] == "REQUEST"
    sources = set(authorizer["IdentitySource"].split(","))
    assert sources == {"method.request.header.Authorization", "method.request.header.Host"}
    assert authorizer["AuthorizerResultTtlInSeconds"] == 30


def test_api_gateway_may_call_a_function_by_one_permission(api: Stack) -> None:
    called: dict[str, int] = {}
    (rest,) = api.of("AWS::ApiGateway::RestApi")
    for permission in api.of("AWS::Lambda::Permission").values():
        if f":<{rest}>/" in permission["SourceArn"] and "/authorizers/" not in permission["SourceArn"]:
            assert permission["Principal"] == "apigateway.amazonaws.com"
            assert permission["SourceArn"].endswith("/live/*/*")
            called[permission["FunctionName"]] = called.get(permission["FunctionName"], 0) + 1
    assert len(called) == len({spec.name for _, spec in MOUNTS})
    assert set(called.values()) == {1}


def test_the_stage_is_traced_throttled_and_logged_without_contents(api: Stack) -> None:
    stage = api.one("AWS::ApiGateway::Stage", StageName="live")
    assert stage["TracingEnabled"] is True
    (settings,) = stage["MethodSettings"]
    assert (settings["HttpMethod"], settings["ResourcePath"]) == ("*", "/*")
    assert settings["ThrottlingRateLimit"] == 5_000 and settings["ThrottlingBurstLimit"] == 5_000
    assert settings["DataTraceEnabled"] is False
    line = json.loads(stage["AccessLogSetting"]["Format"])
    assert {"request_id", "status", "path", "address", "host"} <= set(line)
    assert not any("header" in each or "querystring" in each or "body" in each for each in line.values())


ALL_TYPES = {
    *("ACCESS_DENIED", "API_CONFIGURATION_ERROR", "AUTHORIZER_CONFIGURATION_ERROR", "AUTHORIZER_FAILURE"),
    *("BAD_REQUEST_BODY", "BAD_REQUEST_PARAMETERS", "DEFAULT_4XX", "DEFAULT_5XX", "EXPIRED_TOKEN"),
    *("INTEGRATION_FAILURE", "INTEGRATION_TIMEOUT", "INVALID_API_KEY", "INVALID_SIGNATURE"),
    *("MISSING_AUTHENTICATION_TOKEN", "QUOTA_EXCEEDED", "REQUEST_TOO_LARGE", "RESOURCE_NOT_FOUND", "THROTTLED"),
    *("UNAUTHORIZED", "UNSUPPORTED_MEDIA_TYPE", "WAF_FILTERED"),
}


def _answers(api: Stack) -> dict[str, Json]:
    return {each["ResponseType"]: each for each in api.of("AWS::ApiGateway::GatewayResponse").values()}


def test_whatever_api_gateway_answers_by_itself_is_a_problem_document(api: Stack) -> None:
    answers = _answers(api)
    assert set(answers) == ALL_TYPES
    for kind, answer in answers.items():
        assert answer["ResponseParameters"]["gatewayresponse.header.Content-Type"] == "'application/problem+json'"
        body = json.loads(answer["ResponseTemplates"]["application/json"])
        assert {"type", "title", "status", "detail", "code", "request_id"} == set(body), kind
        assert str(body["status"]) == answer["StatusCode"], kind
        assert body["type"] == f"urn:docplatform:problem:{body['code']}"


@pytest.mark.parametrize(
    ("kind", "status"),
    [("UNAUTHORIZED", 401), ("ACCESS_DENIED", 403), ("MISSING_AUTHENTICATION_TOKEN", 404), ("RESOURCE_NOT_FOUND", 404)]
    + [("REQUEST_TOO_LARGE", 413), ("THROTTLED", 429), ("INTEGRATION_TIMEOUT", 504), ("DEFAULT_5XX", 500)],
)
def test_the_status_is_the_one_that_http_means(api: Stack, kind: str, status: int) -> None:
    answer = _answers(api)[kind]
    assert answer["StatusCode"] == str(status)
    headers = answer["ResponseParameters"]
    assert ("gatewayresponse.header.WWW-Authenticate" in headers) == (status == 401)
    assert ("gatewayresponse.header.Retry-After" in headers) == (status == 429)


def test_problems_of_the_api_have_the_codes_of_the_functions_problems(api: Stack) -> None:
    """API Gateway and functions use the same code and title for the same problem."""
    from docplatform.core.errors import DomainError, Forbidden, Unauthenticated
    from docplatform.http import problems

    known: list[type[DomainError]] = [DomainError, Forbidden, Unauthenticated, *problems.STATUS]
    words = {kind.code: kind.title for kind in known}
    for answer in _answers(api).values():
        body = json.loads(answer["ResponseTemplates"]["application/json"])
        assert words.get(body["code"], body["title"]) == body["title"]
    shared = {
        "unauthenticated",
        "forbidden",
        "unknown_route",
        "request_too_large",
        "unsupported_media_type",
        "internal",
    }
    assert shared <= words.keys()


def test_the_firewall_stands_before_the_stage(api: Stack) -> None:
    association = api.one("AWS::WAFv2::WebACLAssociation")
    (stage,) = api.of("AWS::ApiGateway::Stage")
    assert f"/stages/<{stage}>" in association["ResourceArn"]
    acl = api.one("AWS::WAFv2::WebACL")
    rules = {rule["Name"]: rule for rule in acl["Rules"]}
    for group in ("CommonRuleSet", "KnownBadInputsRuleSet", "AmazonIpReputationList"):
        assert rules[f"AWSManagedRules{group}"]["OverrideAction"] == {"None": {}}, "it blocks"
    limits = {
        name: rule["Statement"]["RateBasedStatement"]["Limit"] for name, rule in rules.items() if "Action" in rule
    }
    assert set(limits) == {"log-ins", "calls"}
    assert all(rules[name]["Action"] == {"Block": {}} for name in limits)
    assert limits["calls"] > 100_000 * 5, "an enterprise's calls, all from one address"


def test_what_the_firewall_refuses_is_logged_without_tokens(api: Stack) -> None:
    logging = api.one("AWS::WAFv2::LoggingConfiguration")
    for header in ("authorization", "cookie"):
        assert {"SingleHeader": {"Name": header}} in logging["RedactedFields"]
    assert {"QueryString": {}} in logging["RedactedFields"]
    kept = {each["ActionCondition"]["Action"] for each in logging["LoggingFilter"]["Filters"][0]["Conditions"]}
    assert kept == {"BLOCK", "COUNT"}
    (destination,) = logging["LogDestinationConfigs"]
    region = api.name.removeprefix("docplatform-api-")
    assert destination == f"arn:aws:logs:{region}:{ACCOUNT}:log-group:aws-waf-logs-docplatform", "and no ':*' after it"


def test_tenants_reach_the_region_at_its_own_domain_by_tls_and_nowhere_else(api: Stack) -> None:
    region = api.name.removeprefix("docplatform-api-")
    domain = api.one("AWS::ApiGateway::DomainName")
    assert domain["DomainName"] == f"*.{region}.docplatform.example"
    assert domain["SecurityPolicy"] == "TLS_1_2"
    assert domain["RegionalCertificateArn"] == f"arn:aws:acm:{region}:{ACCOUNT}:certificate/wildcard"
    assert api.one("AWS::ApiGateway::BasePathMapping")["Stage"].startswith("<")
    assert api.one("AWS::Route53::RecordSet", Name=f"*.{region}.docplatform.example")
    assert api.one("AWS::ApiGateway::RestApi")["DisableExecuteApiEndpoint"] is True


def test_without_a_certificate_there_is_awss_own_address(
    tmp_path_factory: pytest.TempPathFactory, layers_of_nothing: object
) -> None:
    from tests.infrastructure.conftest import PRODUCTION, synthesize

    bare = {name: {"address": facts["address"]} for name, facts in PRODUCTION["regions"].items()}
    made = synthesize(tmp_path_factory.mktemp("bare"), PRODUCTION | {"regions": bare}, layers_of_nothing, HOME)
    api = made.stack("api", HOME)
    assert not api.of("AWS::ApiGateway::DomainName") and not api.of("AWS::Route53::RecordSet")
    assert not api.one("AWS::ApiGateway::RestApi").get("DisableExecuteApiEndpoint")


def test_what_a_person_waits_for_is_kept_ready_and_called_by_its_alias(api: Stack) -> None:
    functions, aliases = api.of("AWS::Lambda::Function"), api.of("AWS::Lambda::Alias")
    for each in FUNCTIONS:
        (function,) = [
            found for found in functions.values() if found["FunctionName"] == f"docplatform-{each.spec.name}"
        ]
        ready = function.get("SnapStart") == {"ApplyOn": "PublishedVersions"}
        assert ready == (specs.is_interactive(each.spec) and each.spec.storage <= 512), each.spec.name
    assert {alias["Name"] for alias in aliases.values()} == {"live"}
    assert len(aliases) == sum("SnapStart" in function for function in functions.values())
    for path, (method,) in _methods(api).items():
        called = method["Integration"]["Uri"].partition("/functions/<")[2].partition(">")[0]
        assert called in aliases, path
