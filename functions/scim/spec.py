from docplatform.runtime.settings import TenantSettings
from docplatform.runtime.spec import FunctionSpec, Grant, Layer, Mount

FUNCTIONS = (
    FunctionSpec(
        name="scim",
        settings=TenantSettings,
        mounts=(Mount("/scim/v2"),),
        grants=frozenset({Grant.TENANT_ACCESS, Grant.REGISTRY_READ}),
        layers=(Layer.PLATFORM, Layer.DEPENDENCIES, Layer.IDENTITY),
        memory=1024,
    ),
)
