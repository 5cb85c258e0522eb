"""Loopback counts as TLS: bucket policies require ``aws:SecureTransport``, and requests do not leave this machine."""

from __future__ import annotations

from local.cloud.patches import expect, require


def apply() -> None:
    from ministack import app
    from ministack.core import iam_evaluator

    pin = require(iam_evaluator, "pin_request_origin")
    expect(require(app, "pin_request_origin") is pin, "app.pin_request_origin")

    def secure(source_ip: str, _secure_transport: bool) -> None:
        pin(source_ip, True)

    app.pin_request_origin = iam_evaluator.pin_request_origin = secure
