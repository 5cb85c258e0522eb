"""How API Gateway calls a function. CDK's own integrations would add a permission for each method; a function's policy holds 20 KB."""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_lambda as lambda_
from constructs import Construct


def uri(function: lambda_.IFunction) -> str:
    region = cdk.Stack.of(function).region
    return f"arn:aws:apigateway:{region}:lambda:path/2015-03-31/functions/{function.function_arn}/invocations"


def let_in(scope: Construct, name: str, function: lambda_.IFunction, *, source: str) -> None:
    """``source``: the ARN of what may call it."""
    lambda_.CfnPermission(
        scope,
        name,
        action="lambda:InvokeFunction",
        function_name=function.function_arn,
        principal="apigateway.amazonaws.com",
        source_arn=source,
    )
