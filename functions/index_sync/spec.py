from docplatform.runtime.settings import IndexSyncSettings
from docplatform.runtime.spec import FunctionSpec, Grant, Trigger

FUNCTIONS = (
    FunctionSpec(
        name="index-sync",
        settings=IndexSyncSettings,
        trigger=Trigger.DOCUMENT_STREAM,
        grants=frozenset({Grant.TENANT_ACCESS, Grant.REGISTRY_READ}),
        timeout=120,
    ),
)
