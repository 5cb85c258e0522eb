from docplatform.runtime.settings import LiveEndsSettings, LiveSettings, TenantSettings
from docplatform.runtime.spec import FunctionSpec, Grant, Mount, Trigger

_TENANT = frozenset({Grant.TENANT_ACCESS, Grant.REGISTRY_READ})

FUNCTIONS = (
    FunctionSpec(name="live", settings=TenantSettings, mounts=(Mount("/v1/live"),), grants=_TENANT | {Grant.ATTEMPTS}),
    FunctionSpec(
        name="live-admission",
        settings=TenantSettings,
        handler="authorizer.handler",
        trigger=Trigger.LIVE_AUTHORIZER,
        grants=_TENANT,
        timeout=10,
        reserve=1,
    ),
    FunctionSpec(
        name="live-sockets",
        settings=LiveSettings,
        handler="messages.handler",
        trigger=Trigger.LIVE_SOCKETS,
        grants=_TENANT | {Grant.LIVE_CONNECTIONS},
        timeout=10,
    ),
    FunctionSpec(
        name="live-ends",
        settings=LiveEndsSettings,
        handler="revocation.handler",
        trigger=Trigger.SESSION_STREAM,
        grants=_TENANT | {Grant.LIVE_CONNECTIONS},
        timeout=60,
        reserve=1,
    ),
)
