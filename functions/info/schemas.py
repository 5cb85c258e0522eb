"""What the platform says about itself."""

from typing import Literal

from docplatform.http.schemas import Schema


class Health(Schema):
    status: Literal["ok"]
    region: str
    version: str
