from docplatform.runtime.settings import ListingSettings
from docplatform.runtime.spec import FunctionSpec, Grant, Mount

FUNCTIONS = (
    FunctionSpec(
        name="api-keys",
        settings=ListingSettings,
        mounts=(Mount("/v1/api-keys"), Mount("/v1/service-accounts")),
        grants=frozenset({Grant.TENANT_ACCESS, Grant.ATTEMPTS, Grant.REGISTRY_READ, Grant.CURSOR_SECRET}),
    ),
)
