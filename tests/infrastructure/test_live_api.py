"""The WebSocket API: who may open a live connection, and who may close it."""

from __future__ import annotations

import json

import pytest

from tests.infrastructure.synthesized import ACCOUNT, REGIONS, Assembly, Stack

API, STAGE, ROUTE = "AWS::ApiGatewayV2::Api", "AWS::ApiGatewayV2::Stage", "AWS::ApiGatewayV2::Route"


@pytest.fixture(params=REGIONS)
def api(request: pytest.FixtureRequest, production: Assembly) -> Stack:
    return production.stack("api", request.param)


def _routes(api: Stack) -> dict[str, dict[str, object]]:
    return {each["RouteKey"]: each for each in api.of(ROUTE).values()}


def _region(api: Stack) -> str:
    return api.name.removeprefix("docplatform-api-")


def test_nothing_is_opened_without_a_ticket(api: Stack) -> None:
    """Without the identity source, API Gateway answers 401 and calls no function."""
    ((authorizer_id, authorizer),) = api.of("AWS::ApiGatewayV2::Authorizer").items()
    assert authorizer["IdentitySource"] == ["route.request.querystring.ticket"]
    assert authorizer["AuthorizerType"] == "REQUEST"
    assert "AuthorizerResultTtlInSeconds" not in authorizer, "a ticket is good once"
    assert _called(authorizer["AuthorizerUri"]).startswith("FunctionsLiveAdmission")
    connect = _routes(api)["$connect"]
    assert (connect["AuthorizationType"], connect["AuthorizerId"]) == ("CUSTOM", f"<{authorizer_id}>")


def test_whatever_happens_on_a_connection_goes_to_one_function(api: Stack) -> None:
    routes = _routes(api)
    assert set(routes) == {"$connect", "$default", "$disconnect"}
    ((integration_id, integration),) = api.of("AWS::ApiGatewayV2::Integration").items()
    assert integration["IntegrationType"] == "AWS_PROXY"
    assert _called(integration["IntegrationUri"]).startswith("FunctionsLiveSockets")
    assert {each["Target"] for each in routes.values()} == {f"integrations/<{integration_id}>"}


def test_a_message_is_answered(api: Stack) -> None:
    (default_id,) = [name for name, each in api.of(ROUTE).items() if each["RouteKey"] == "$default"]
    answer = api.one("AWS::ApiGatewayV2::RouteResponse")
    assert (answer["RouteId"], answer["RouteResponseKey"]) == (f"<{default_id}>", "$default")
    assert _routes(api)["$default"]["RouteResponseSelectionExpression"] == "$default"


def test_two_functions_are_called_by_this_api_and_by_no_other(api: Stack) -> None:
    (socket_api,) = api.of(API)
    expected = f"arn:aws:execute-api:{_region(api)}:{ACCOUNT}:<{socket_api}>/*"
    called = {
        _name(each["FunctionName"]): (each["Principal"], each["SourceArn"])
        for each in api.of("AWS::Lambda::Permission").values()
        if _name(each["FunctionName"]).startswith(("FunctionsLiveAdmission", "FunctionsLiveSockets"))
    }
    assert len(called) == 2
    assert set(called.values()) == {("apigateway.amazonaws.com", expected)}


def test_who_came_is_on_record_and_tickets_and_messages_are_not(api: Stack) -> None:
    stage = api.one(STAGE)
    log = stage["AccessLogSettings"]
    line = json.loads(log["Format"])
    assert {"time", "connection", "address", "event", "status", "user"} <= set(line)
    assert not [each for each in line.values() if "query" in each.lower() or "body" in each.lower()]
    (group,) = [
        name
        for name, each in api.of("AWS::Logs::LogGroup").items()
        if each["LogGroupName"] == "/docplatform/live-access"
    ]
    assert log["DestinationArn"] == f"<{group}.Arn>"
    assert stage["DefaultRouteSettings"]["DataTraceEnabled"] is False


def test_the_stage_waits_for_the_accounts_permission_to_log_and_for_the_routes(api: Stack) -> None:
    (stage_id,) = api.of(STAGE)
    (account,) = api.of("AWS::ApiGateway::Account")
    assert {account, *api.of(ROUTE)} <= set(api.resources[stage_id]["DependsOn"])


def test_a_flood_of_messages_is_cut_off(api: Stack) -> None:
    settings = api.one(STAGE)["DefaultRouteSettings"]
    assert 0 < settings["ThrottlingBurstLimit"] <= 10_000
    assert 0 < settings["ThrottlingRateLimit"] <= 10_000


def test_tenants_reach_it_at_their_names_one_level_below_live(api: Stack) -> None:
    domain = api.one("AWS::ApiGatewayV2::DomainName")
    assert domain["DomainName"] == f"*.live.{_region(api)}.docplatform.example"
    (how,) = domain["DomainNameConfigurations"]
    assert (how["SecurityPolicy"], how["EndpointType"]) == ("TLS_1_2", "REGIONAL")
    assert api.one("AWS::Route53::RecordSet", Name=domain["DomainName"])["Type"] == "A"
    (socket_api,) = api.of(API)
    assert api.one("AWS::ApiGatewayV2::ApiMapping")["ApiId"] == f"<{socket_api}>"

    from docplatform.core.tenant import RESERVED_SUBDOMAINS

    assert "live" in RESERVED_SUBDOMAINS, "the wildcard above does not answer for it (RFC 4592, section 2.2.2)"


def test_the_functions_close_connections_of_their_own_region(production: Assembly, api: Stack) -> None:
    (socket_api,) = api.of(API)
    region = _region(api)
    expected = f"https://<{socket_api}>.execute-api.{region}.amazonaws.com/live"
    functions = api.of("AWS::Lambda::Function").values()
    told = {
        each["FunctionName"]: each["Environment"]["Variables"]["LIVE_ENDPOINT"]
        for each in functions
        if "LIVE_ENDPOINT" in each["Environment"]["Variables"]
    }
    assert told == {"docplatform-live-sockets": expected, "docplatform-live-ends": expected}


def _called(uri: str) -> str:
    return uri.partition("/functions/<")[2].partition(">")[0].removesuffix(".Arn")


def _name(function: str) -> str:
    return function.strip("<>").removesuffix(".Arn")
