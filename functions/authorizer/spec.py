from docplatform.runtime.settings import AuthorizerSettings
from docplatform.runtime.spec import FunctionSpec, Grant, Trigger

FUNCTIONS = (
    FunctionSpec(
        name="authorizer",
        settings=AuthorizerSettings,
        trigger=Trigger.AUTHORIZER,
        grants=frozenset({Grant.TENANT_ACCESS, Grant.ATTEMPTS, Grant.REGISTRY_READ, Grant.TOKEN_VERIFY}),
        timeout=10,
        reserve=10,  # without it nobody gets in, whatever else is flooded
    ),
)
