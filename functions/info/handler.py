"""HTTP routes that need no tenant: the region's health and the OpenAPI document."""

import json
import os
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import RootModel

import docplatform
from docplatform.core.errors import Unavailable
from docplatform.http.router import Router
from docplatform.runtime.health import registry_answers

from .schemas import Health

api = Router()


class OpenApi(RootModel[dict[str, Any]]):
    """An OpenAPI 3.1 document."""


@api.get("/v1/health", response=Health, errors=(Unavailable,))
def health() -> Health:
    """Whether this region serves requests: it can read the registry, without which no tenant is found."""
    if not registry_answers():
        raise Unavailable("The region cannot read the tenant registry.")
    return Health(status="ok", region=os.environ["AWS_REGION"], version=docplatform.__version__)


@api.get("/v1/openapi.json", response=OpenApi)
def openapi() -> OpenApi:
    """This document."""
    return _document()


@cache
def _document() -> OpenApi:
    file = Path(docplatform.__file__).parent / "http" / "openapi.json"
    return OpenApi(json.loads(file.read_text(encoding="utf-8")))


handler = api.handler
