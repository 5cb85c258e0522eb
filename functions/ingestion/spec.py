from docplatform.runtime.settings import ArrivalSettings, RecoverySettings
from docplatform.runtime.spec import Every, FunctionSpec, Grant, ObjectCreated, Schedule, Trigger

FUNCTIONS = (
    FunctionSpec(
        name="ingestion-dispatch",
        settings=ArrivalSettings,
        trigger=Trigger.UPLOAD,
        objects=(ObjectCreated("tenants/*/documents/*/original"),),
        grants=frozenset({Grant.TENANT_ACCESS, Grant.REGISTRY_READ, Grant.QUEUE_SEND}),
        memory=256,
    ),
    FunctionSpec(
        name="ingestion-recover",
        handler="recover.handler",
        settings=RecoverySettings,
        trigger=Trigger.JOBS,
        schedules=(Schedule("missed-uploads", Every(15), per_tenant=True, deadline=900),),
        grants=frozenset(
            {
                Grant.TENANT_ACCESS,
                Grant.TENANT_FILES,
                Grant.REGISTRY_READ,
                Grant.QUEUE_SEND,
                Grant.JOB_RECORDS,
                Grant.SCAN_REQUEST,
            }
        ),
        timeout=120,
    ),
)
