from docplatform.runtime.settings import LiveSettings, TenantSettings
from docplatform.runtime.spec import FunctionSpec, Grant, Mount, Trigger

_ACTS_FOR_TENANTS = frozenset({Grant.TENANT_ACCESS, Grant.REGISTRY_READ})

FUNCTIONS = (
    FunctionSpec(name="live", settings=TenantSettings, mounts=(Mount("/v1/live"),), grants=_ACTS_FOR_TENANTS),
    FunctionSpec(
        name="live-admission",
        settings=TenantSettings,
        handler="authorizer.handler",
        trigger=Trigger.LIVE_AUTHORIZER,
        grants=_ACTS_FOR_TENANTS,
        timeout=10,
    ),
    FunctionSpec(
        name="live-sockets",
        settings=LiveSettings,
        handler="messages.handler",
        trigger=Trigger.LIVE_SOCKETS,
        grants=_ACTS_FOR_TENANTS | {Grant.LIVE_CONNECTIONS},
        timeout=10,
    ),
    FunctionSpec(
        name="live-ends",
        settings=LiveSettings,
        handler="revocation.handler",
        trigger=Trigger.SESSION_STREAM,
        grants=_ACTS_FOR_TENANTS | {Grant.LIVE_CONNECTIONS},
        timeout=60,
    ),
)
