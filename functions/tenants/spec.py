from docplatform.runtime.settings import OperatorSettings, ProvisioningSettings
from docplatform.runtime.spec import Auth, Every, FunctionSpec, Grant, Mount, Schedule, Trigger

_ONBOARDING = frozenset(
    {Grant.TENANT_ACCESS, Grant.REGISTRY_READ, Grant.REGISTRY_WRITE, Grant.MAIL_SEND, Grant.COLLECTIONS}
)

FUNCTIONS = (
    FunctionSpec(
        name="tenants",
        settings=OperatorSettings,
        mounts=(Mount("/operator/v1/tenants", Auth.OPERATOR),),
        grants=_ONBOARDING,
    ),
    FunctionSpec(
        name="tenants-settle",
        handler="settle.handler",
        settings=ProvisioningSettings,
        trigger=Trigger.JOBS,
        schedules=(Schedule("tenants", Every(5), per_tenant=False, deadline=300),),
        grants=_ONBOARDING | {Grant.REGISTRY_LIST, Grant.JOB_RECORDS},
        timeout=300,
    ),
)
