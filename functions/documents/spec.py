from docplatform.runtime.settings import StorageSettings
from docplatform.runtime.spec import FunctionSpec, Grant, Mount

FUNCTIONS = (
    FunctionSpec(
        name="documents",
        settings=StorageSettings,
        mounts=(Mount("/v1/documents"),),
        grants=frozenset({Grant.TENANT_ACCESS, Grant.ATTEMPTS, Grant.TENANT_FILES, Grant.REGISTRY_READ}),
    ),
)
