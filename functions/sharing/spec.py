from docplatform.runtime.settings import ListingSettings
from docplatform.runtime.spec import FunctionSpec, Grant, Mount

FUNCTIONS = (
    FunctionSpec(
        name="sharing",
        settings=ListingSettings,
        mounts=(Mount("/v1/access"), Mount("/v1/groups")),
        grants=frozenset({Grant.TENANT_ACCESS, Grant.ATTEMPTS, Grant.REGISTRY_READ, Grant.CURSOR_SECRET}),
    ),
)
