from docplatform.runtime.settings import SearchSettings
from docplatform.runtime.spec import FunctionSpec, Grant, Mount

FUNCTIONS = (
    FunctionSpec(
        name="search",
        settings=SearchSettings,
        mounts=(Mount("/v1/search"),),
        grants=frozenset({Grant.TENANT_ACCESS, Grant.REGISTRY_READ}),
        timeout=29,
    ),
)
