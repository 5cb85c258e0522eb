"""Loopback counts as TLS: bucket policies demand ``aws:SecureTransport``, and here the way is a machine's own loopback."""

from __future__ import annotations

from local.cloud.patches import expect


def apply() -> None:
    from ministack import app
    from ministack.core import iam_evaluator

    pin = getattr(iam_evaluator, "pin_request_origin", None)
    expect(pin and getattr(app, "pin_request_origin", None) is pin, "app.pin_request_origin")

    def secure(source_ip: str, _secure_transport: bool) -> None:
        pin(source_ip, True)

    app.pin_request_origin = iam_evaluator.pin_request_origin = secure
