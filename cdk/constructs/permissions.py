"""The two parts that let API Gateway call a function: the URL that it calls, and the function's resource policy.

CDK's own integrations would add a permission for each method, and a function's policy holds 20 KB only.
"""

from __future__ import annotations

import aws_cdk as cdk
from aws_cdk import aws_lambda as lambda_
from constructs import Construct


def invocation_uri(function: lambda_.IFunction) -> str:
    """The address of an integration or authorizer that calls ``function``."""
    region = cdk.Stack.of(function).region
    return f"arn:aws:apigateway:{region}:lambda:path/2015-03-31/functions/{function.function_arn}/invocations"


def allow_invocation(scope: Construct, name: str, function: lambda_.IFunction, *, source: str) -> None:
    """Let API Gateway call ``function``. ``source``: the ARN of the API's routes that may."""
    lambda_.CfnPermission(
        scope,
        name,
        action="lambda:InvokeFunction",
        function_name=function.function_arn,
        principal="apigateway.amazonaws.com",
        source_arn=source,
    )
