from docplatform.runtime.settings import JobSettings, JobStartSettings, SweepSettings, WatchSettings
from docplatform.runtime.spec import Auth, Every, FunctionSpec, Grant, Mount, Schedule, Trigger

FUNCTIONS = (
    FunctionSpec(
        name="job-tick",
        handler="tick.handler",
        settings=JobSettings,
        trigger=Trigger.TICK,
        grants=frozenset({Grant.REGISTRY_LIST, Grant.JOB_RECORDS, Grant.JOB_SEND}),
        timeout=600,  # 100,000 tenants in batches of ten
    ),
    FunctionSpec(
        name="job-watch",
        handler="watch.handler",
        settings=WatchSettings,
        trigger=Trigger.JOBS,
        schedules=(Schedule("watch", Every(5), per_tenant=False, deadline=300),),
        grants=frozenset({Grant.JOB_RECORDS}),
        timeout=60,
    ),
    FunctionSpec(
        name="operations-sweep",
        handler="sweep.handler",
        settings=SweepSettings,
        trigger=Trigger.JOBS,
        schedules=(Schedule("operations", Every(5), per_tenant=False, deadline=300),),
        grants=frozenset({Grant.JOB_RECORDS, Grant.OPERATIONS, Grant.OPERATIONS_SWEEP}),
        timeout=300,
    ),
    FunctionSpec(
        name="jobs",
        settings=JobStartSettings,
        mounts=(Mount("/operator/v1/jobs", Auth.OPERATOR),),
        grants=frozenset({Grant.REGISTRY_READ, Grant.JOB_RECORDS, Grant.JOB_START}),
    ),
)
