from docplatform.runtime.settings import ErasureSettings, IndexSyncSettings
from docplatform.runtime.spec import Every, FunctionSpec, Grant, Schedule, Trigger

FUNCTIONS = (
    FunctionSpec(
        name="index-sync",
        settings=IndexSyncSettings,
        trigger=Trigger.DOCUMENT_STREAM,
        grants=frozenset({Grant.TENANT_ACCESS, Grant.TENANT_FILES, Grant.TENANT_SEARCH, Grant.REGISTRY_READ}),
        timeout=120,
        reserve=4,  # it waits for search, and a stream has a shard for each few gigabytes
    ),
    FunctionSpec(
        name="index-verify",
        handler="verify.handler",
        settings=ErasureSettings,
        trigger=Trigger.JOBS,
        schedules=(Schedule("erasures", Every(15), per_tenant=True, deadline=900),),
        grants=frozenset(
            {Grant.TENANT_ACCESS, Grant.TENANT_FILES, Grant.TENANT_SEARCH, Grant.REGISTRY_READ, Grant.JOB_RECORDS}
        ),
        timeout=120,
    ),
)
