"""An answer leaves when what it promises is on disk, and the state is loaded from where it was kept.

After a request that may change something, the journal is written and so are the files of the services that it may have changed; then
the client is answered. Where the disk is full, the request is refused with ``InsufficientStorage``: before it has run, if that is known by
then. (docs/adr/0013-what-the-local-cloud-keeps-when-it-is-killed.md)
"""

from __future__ import annotations

import os
import shutil
import sys
import threading
import time
import traceback
from collections.abc import Iterable
from typing import Any
from urllib.parse import unquote

from local.cloud import lifecycle
from local.cloud.durability import files
from local.cloud.durability.changes import CHANGES
from local.cloud.durability.journal import StateUnreadable
from local.cloud.durability.services import SERVICES
from local.cloud.patches import durable_objects, require
from local.cloud.responses import send_json

_READING = (
    "Get",
    "List",
    "Describe",
    "Head",
    "BatchGet",
    "Query",
    "Scan",
    "Lookup",
    "Simulate",
    "Check",
    "Test",
    "Select",
)
_IN_JOURNAL = {
    "dynamodb": (
        "PutItem",
        "UpdateItem",
        "DeleteItem",
        "BatchWriteItem",
        "TransactWriteItems",
        "TransactGetItems",
        "PartiQL",
    ),
    "sqs": ("",),
    "sts": ("",),
    "ses": ("Send",),
    "lambda": ("Invoke",),
    "states": ("Start", "Stop", "Send"),
    "logs": ("PutLogEvents", "Filter", "Start"),
    "cloudwatch": ("PutMetricData",),
    "kms": ("Encrypt", "Decrypt", "ReEncrypt", "Generate", "Sign", "Verify"),
    "execute-api": ("",),
}
"""Service → beginnings of the actions that change no file of a service."""
_MANY = ("cloudformation", "cloudcontrol", "tagging", "tag")
"""Services that change others."""
_BY_REQUESTS = ("apigateway", "apigateway_v1", "cloudformation", "iam")
"""Large services that nothing but a request or a deployment changes."""
_ROOM = 16 << 20  # bytes that a request may need beside its body: images in streams, files of services
_EVERY = 5.0  # seconds between looks for changes that no request has made: a schedule that fired, a collection that became active

_told: list[str] = []
"""Stacks and their states as they were stored when a client last heard of them."""


class _Full(OSError):
    pass


def apply() -> None:
    from ministack import app
    from ministack.core import iam_actions
    from ministack.services import cloudformation

    require(cloudformation, "_stacks")
    for name in ("_routing_params", "_load_persisted_state", "_state_map", "SERVICE_REGISTRY"):
        require(app, name)
    require(iam_actions, "extract_iam_action")
    require(iam_actions, "access_denied_response")
    app._dispatch_service_request = _durable(require(app, "_dispatch_service_request"))
    app._handle_ses_v2_request = _durable(require(app, "_handle_ses_v2_request"), only=require(app, "_SES_V2_PREFIX"))
    app._load_persisted_state = _load


def _durable(handle: Any, only: str = "") -> Any:
    """The emulator's function, with an answer that waits for what it promises. ``only``: for paths that begin like this."""
    from ministack import app
    from ministack.core import iam_actions
    from ministack.core.router import detect_service

    async def handle_durably(
        method: str, path: str, headers: Any, body: bytes, query: Any, request_id: str
    ) -> tuple[Any, ...] | None:
        if not path.startswith(only):
            return None
        params = app._routing_params(method, path, headers, body, query)
        service = "ses" if only else detect_service(method, path, headers, params)
        action = iam_actions.extract_iam_action(service, method, path, headers, body, params) or f"{service}:{method}"
        changing = _may_change(method, action)
        if failed := files.failures.get():  # its body found no room
            return _refusal(service, action, request_id, headers, failed[0])
        before = durable_objects.Before(unquote(path)) if service == "s3" and changing else None
        files.failures.set(failures := list[OSError]())
        try:
            if changing:
                _check_room(len(body))
            answer: tuple[Any, ...] = await handle(method, path, headers, body, query, request_id)
            if failures:
                if before:
                    before.restore()
                raise failures[0]
            names = _changed_services(service, action, changing)
            _write(names, refuse=changing or names is None)
        except OSError as error:
            return _refusal(service, action, request_id, headers, error)
        return answer

    return handle_durably


def _write(names: Iterable[str] | None, *, refuse: bool) -> None:
    """Raises OSError where the disk is full and ``refuse`` is set: a full disk can be read from."""
    try:
        CHANGES.flush()
        SERVICES.save(names)
    except OSError:
        _told.clear()
        if refuse:
            raise


def after_changes(send: Any) -> Any:
    """The ASGI ``send`` of an answer that waits for the journal: for requests that reach a service past the dispatcher."""
    files.failures.set(None)
    refused = False

    async def send_after_changes(message: dict[str, Any]) -> None:
        nonlocal refused
        if message["type"] == "http.response.start" and files.failures.get() is None:
            try:
                CHANGES.flush()
            except OSError as error:
                refused = True
                await send_json(send, 507, {"message": f"The local cloud cannot store this ({error})."})
        if not refused:
            await send(message)

    return send_after_changes


def _may_change(method: str, action: str) -> bool:
    name = action.partition(":")[2]
    return method not in ("GET", "HEAD", "OPTIONS") and not name.startswith(_READING)


def _check_room(size: int) -> None:
    """Raises OSError where the disk has no room for the request, or the last write found none."""
    if shutil.disk_usage(os.environ["DOCPLATFORM_STATE"]).free < 4 * size + _ROOM:
        raise _Full("too little room for this request")
    if CHANGES.refusing:
        CHANGES.flush()


def _changed_services(service: str, action: str, changing: bool) -> Iterable[str] | None:
    """Names of the services whose files the request may have changed; None for all."""
    from ministack import app

    namespace, _, name = action.partition(":")
    if service in _MANY or namespace in _MANY:
        return None if _stacks_changed(_told) or changing else ()
    if not changing or name.startswith(_IN_JOURNAL.get(namespace, ("\0",))):
        return ()
    known = app.SERVICE_REGISTRY.get(service, {"module": service})
    return (known.get("state_key", known["module"]), *known.get("sub_modules", ()))


def _stacks_changed(seen: list[str]) -> bool:
    """Whether a stack is in another state than was ``seen``: what it deployed is stored before anybody hears of that."""
    from ministack.services import cloudformation

    now = [f"{key} {stack.get('StackStatus')}" for key, stack in cloudformation._stacks._data.items()]
    changed, seen[:] = now != seen, now
    return changed


def _refusal(service: str, action: str, request_id: str, headers: Any, error: OSError) -> tuple[Any, ...]:
    from ministack.core import iam_actions

    print(f"{action} is refused: {error}", file=sys.stderr, flush=True)
    message = f"The local cloud cannot store this ({error}). Make room on its disk, and try again."
    _, kinds, body = iam_actions.access_denied_response(
        service, action, "", request_id, error_code="InsufficientStorage", message=message, headers=headers
    )
    return 507, kinds, body


def _load() -> None:
    """As the emulator's, but a state that cannot be read ends the process, and is not replaced by an empty one. (The emulator would go on
    after an exception.)"""
    from local.cloud.snapshots import STORE

    try:
        STORE.load()
    except BaseException as error:
        if not isinstance(error, StateUnreadable | OSError):
            traceback.print_exc()
        print(error, file=sys.stderr, flush=True)
        os._exit(1)
    threading.Thread(target=_write_regularly, daemon=True, name="journal").start()


def _write_regularly() -> None:
    """Writes what changes without a request: positions in streams, schedules that fired."""
    from ministack import app

    lifecycle.await_listening(None)
    at, seen = time.monotonic(), list[str]()
    while not lifecycle.stopping():
        time.sleep(0.2)
        try:
            lifecycle.call_in_loop(CHANGES.flush)  # between two requests: a change is in the journal as a whole
            if time.monotonic() > at + _EVERY:
                SERVICES.save(None if _stacks_changed(seen) else set(app._state_map) - set(_BY_REQUESTS))
                at = time.monotonic()
        except (OSError, RuntimeError) as error:  # a full disk; a dictionary that changed while it was read
            print(f"not stored yet: {error}", file=sys.stderr, flush=True)
