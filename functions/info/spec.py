from docplatform.runtime.settings import RegistrySettings
from docplatform.runtime.spec import Auth, FunctionSpec, Grant, Mount

FUNCTIONS = (
    FunctionSpec(
        name="info",
        settings=RegistrySettings,
        mounts=(Mount("/v1/health", Auth.PUBLIC), Mount("/v1/openapi.json", Auth.PUBLIC)),
        grants=frozenset({Grant.REGISTRY_READ}),
        memory=256,
    ),
)
