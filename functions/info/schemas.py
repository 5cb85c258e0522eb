"""The responses of the routes."""

from typing import Literal

from docplatform.http.schemas import Schema


class Health(Schema):
    status: Literal["ok"]
    region: str
    version: str
