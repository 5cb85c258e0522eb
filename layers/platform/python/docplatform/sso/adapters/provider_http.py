"""HTTP requests to a tenant's identity provider: a request that fails counts as an outage of the provider."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from docplatform.infra.outbound import OutboundFailed, OutboundHttp, OutboundResponse
from docplatform.sso.model import ProviderUnavailable


class ProviderHttp:
    """The methods of ``OutboundHttp``; each raises ProviderUnavailable."""

    def __init__(self, outbound: OutboundHttp) -> None:
        self._outbound = outbound

    def get(self, url: str, headers: Mapping[str, str] | None = None) -> OutboundResponse:
        with _as_outage():
            return self._outbound.get(url, headers)

    def post_form(
        self, url: str, form: Mapping[str, str], headers: Mapping[str, str] | None = None
    ) -> OutboundResponse:
        with _as_outage():
            return self._outbound.post_form(url, form, headers)

    def check_url(self, url: str) -> None:
        with _as_outage():
            self._outbound.check_url(url)


def json_of(answer: OutboundResponse) -> dict[str, Any]:
    """The answer's JSON object. Raises ProviderUnavailable if it is none."""
    with _as_outage():
        return answer.json()


@contextmanager
def _as_outage() -> Iterator[None]:
    try:
        yield
    except OutboundFailed as failed:
        raise ProviderUnavailable(str(failed)) from failed
