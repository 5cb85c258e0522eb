from docplatform.runtime.settings import FolderSettings
from docplatform.runtime.spec import FunctionSpec, Grant, Mount

FUNCTIONS = (
    FunctionSpec(
        name="folders",
        settings=FolderSettings,
        mounts=(Mount("/v1/folders"),),
        grants=frozenset({Grant.TENANT_ACCESS, Grant.ATTEMPTS, Grant.REGISTRY_READ, Grant.CURSOR_SECRET}),
    ),
)
