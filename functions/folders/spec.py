from docplatform.runtime.settings import StorageSettings
from docplatform.runtime.spec import FunctionSpec, Grant, Mount

FUNCTIONS = (
    FunctionSpec(
        name="folders",
        settings=StorageSettings,
        mounts=(Mount("/v1/folders"),),
        grants=frozenset({Grant.TENANT_ACCESS, Grant.REGISTRY_READ}),
    ),
)
