"""What the platform says about itself."""

from typing import Literal

from docplatform.http.schemas import Wire


class Health(Wire):
    status: Literal["ok"]
    region: str
    version: str
