from docplatform.runtime.settings import TenantSettings
from docplatform.runtime.spec import FunctionSpec, Grant, Trigger

FUNCTIONS = (
    FunctionSpec(
        name="break-glass-watch",
        handler="break_glass.handler",
        settings=TenantSettings,
        trigger=Trigger.CLOUD_TRAIL,
        grants=frozenset({Grant.TENANT_ACCESS, Grant.REGISTRY_READ}),
        memory=256,
    ),
)
