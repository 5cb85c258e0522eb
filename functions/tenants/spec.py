from docplatform.runtime.settings import OperatorSettings
from docplatform.runtime.spec import Auth, FunctionSpec, Grant, Mount

FUNCTIONS = (
    FunctionSpec(
        name="tenants",
        settings=OperatorSettings,
        mounts=(Mount("/operator/v1/tenants", Auth.OPERATOR),),
        grants=frozenset({Grant.TENANT_ACCESS, Grant.REGISTRY_READ, Grant.REGISTRY_WRITE, Grant.MAIL_SEND}),
    ),
)
