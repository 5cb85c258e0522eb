"""Counts the AWS calls of requests, and measures the processor time of our own code with those calls left out."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, TypeVar

from botocore.client import BaseClient
from opensearchpy import Transport

A = TypeVar("A")


class Meter:
    """Counts every call of this process to AWS from now on, and the processor time spent in the calls.

    ``calls``: ``(service, operation)`` of each call since the last ``of``. A request to a search collection counts as a call of
    ``opensearch``."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, str]] = []
        self._inside = 0.0
        of_aws, of_search = BaseClient._make_api_call, Transport.perform_request

        def aws(client: Any, operation: str, parameters: Any) -> Any:
            return self._counted(
                client.meta.service_model.service_name, operation, of_aws, client, operation, parameters
            )

        def search(transport: Any, method: str, url: str, *given: Any, **more: Any) -> Any:
            kind = next((part for part in url.split("/") if part.startswith("_")), method)
            return self._counted("opensearch", kind, of_search, transport, method, url, *given, **more)

        BaseClient._make_api_call = aws
        Transport.perform_request = search  # type: ignore[method-assign,assignment]

    @property
    def operations(self) -> list[str]:
        return [operation for _, operation in self.calls]

    def of(self, ask: Callable[[], A]) -> tuple[A, float]:
        """The answer of ``ask``, and the milliseconds of processor time that our own code took. ``calls`` has its calls."""
        self.calls, self._inside = [], 0.0
        started = time.process_time()
        answer = ask()
        return answer, (time.process_time() - started - self._inside) * 1000

    def _counted(self, service: str, operation: str, call: Callable[..., Any], *given: Any, **more: Any) -> Any:
        started = time.process_time()
        try:
            return call(*given, **more)
        finally:
            self.calls.append((service, operation))
            self._inside += time.process_time() - started
