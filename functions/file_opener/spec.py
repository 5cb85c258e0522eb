from docplatform.runtime.settings import RegionSettings
from docplatform.runtime.spec import FunctionSpec, Layer, Trigger

FUNCTIONS = (
    FunctionSpec(
        name="file-opener",
        settings=RegionSettings,
        trigger=Trigger.FILE_OPENER,
        layers=(Layer.PLATFORM, Layer.DEPENDENCIES, Layer.PARSERS),
        memory=2048,
        timeout=180,
        storage=2048,  # for a file of 500 MB
        untrusted_input=True,
        reserve=12,  # two for each upload that is processed at the same time
    ),
)
