from docplatform.runtime.settings import QuerySettings
from docplatform.runtime.spec import FunctionSpec, Grant, Mount

FUNCTIONS = (
    FunctionSpec(
        name="search",
        settings=QuerySettings,
        mounts=(Mount("/v1/search"),),
        grants=frozenset(
            {Grant.TENANT_ACCESS, Grant.ATTEMPTS, Grant.TENANT_SEARCH, Grant.REGISTRY_READ, Grant.CURSOR_SECRET}
        ),
        timeout=29,
        reserve=20,  # a stalled search takes this much and no more
    ),
)
