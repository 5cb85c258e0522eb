from docplatform.runtime.settings import IngestionSettings
from docplatform.runtime.spec import FunctionSpec, Grant, Trigger

FUNCTIONS = (
    FunctionSpec(
        name="ingestion-dispatch",
        settings=IngestionSettings,
        trigger=Trigger.UPLOAD,
        grants=frozenset({Grant.REGISTRY_READ, Grant.QUEUE_SEND}),
        memory=256,
    ),
)
