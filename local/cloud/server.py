"""The cloud's process: the emulator with its patches, a port for each region, the search collections, and the search server as a child.

python -m local.cloud.server          its settings are environment variables (see ``local/supervisor.py``)

The process stores what it answers (``durability``), and all of its state when it is told to stop. A stop has three steps: the regions
refuse new requests and finish those in progress; the functions are ended; everything is written. What was interrupted resumes after
the next start: messages in their queues, asynchronous events, positions in the streams.
"""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

from local.cloud import clock, lifecycle, process, traces
from local.cloud.durability.journal import StateUnreadable

ROOT = Path(__file__).resolve().parents[2]
_DRAIN = 3.0  # seconds for requests in progress at a stop


def main() -> None:
    from local.cloud import patches

    state = Path(os.environ["DOCPLATFORM_STATE"])
    lock = _lock(state)
    process.end_without(state / "cloud.lock", lock)
    os.environ[process.STARTED_BY] = str(os.getpid())
    try:
        clock.start(state)
        patches.apply_all()
    except StateUnreadable as error:
        print(error, file=sys.stderr, flush=True)
        os._exit(1)  # threads of the emulator may wait for anything
    traces.listen()
    from local.cloud.patches import live_code, workers
    from local.cloud.search_process import SearchProcess
    from local.cloud.snapshots import Snapshots

    live_code.watch(ROOT)
    search = SearchProcess()
    search.start()
    snapshots = Snapshots()

    def end() -> NoReturn:
        lifecycle.mark_stopping()
        workers.end_all()
        snapshots.last()
        search.stop()
        (state / "unclean").unlink(missing_ok=True)  # so that the next start knows of a clean end
        lock.close()
        sys.stderr.flush()
        os._exit(0)  # threads of the emulator may wait for anything

    asyncio.run(Cloud(snapshots, end).serve())


def _lock(state: Path) -> Any:
    """Locks the state for this process. The lock ends with the process, however that ends."""
    file = (state / "cloud.lock").open("a+")
    for _ in range(20):
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except OSError:  # a process that looks whether the cloud runs locks it for a moment
            time.sleep(0.05)
    else:
        sys.exit("another process serves this state")
    file.truncate(0)
    file.write(str(os.getpid()))
    file.flush()
    (state / "unclean").touch()
    return file


class Cloud:
    """The ASGI application around the emulator's."""

    def __init__(self, snapshots: Any, end: Callable[[], NoReturn]) -> None:
        self._snapshots, self._end = snapshots, end
        self._in_progress = 0
        self._closed = False

    async def serve(self) -> None:
        """Serves until the process is told to stop and no request is in progress, or one has been for too long."""
        from hypercorn.asyncio import serve
        from hypercorn.config import Config

        from local.cloud.patches import regions

        config = Config()
        config.bind = [f"127.0.0.1:{port}" for port in (int(os.environ["GATEWAY_PORT"]), *regions.ports())]
        config.keep_alive_timeout = 75
        config.loglevel = "WARNING"
        lifecycle.serve_on(asyncio.get_running_loop())
        stop_requested = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop_requested.set)
        serving = asyncio.create_task(serve(self.application, config, shutdown_trigger=asyncio.Event().wait))
        announced = asyncio.create_task(self._announce())  # kept: the loop itself does not
        announced.add_done_callback(lambda _: lifecycle.mark_listening())
        stop = asyncio.create_task(stop_requested.wait())
        await asyncio.wait({serving, stop}, return_when=asyncio.FIRST_COMPLETED)
        if serving.done():
            serving.result()  # it could not start
        self._closed = True
        for _ in range(int(_DRAIN / 0.05)):
            if not self._in_progress:
                break
            await asyncio.sleep(0.05)
        await asyncio.to_thread(self._snapshots.end)
        self._end()  # on the loop's own thread: no request is served any more

    async def _announce(self) -> None:
        """Returns when every port is open."""
        from local.cloud.patches import regions

        for port in (int(os.environ["GATEWAY_PORT"]), *regions.ports()):
            while True:
                try:
                    _, writer = await asyncio.open_connection("127.0.0.1", port)
                except OSError:
                    await asyncio.sleep(0.02)
                else:
                    writer.close()
                    break

    async def application(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        from ministack.app import app

        from local.cloud.patches import durable_answers, live_connections, regions

        if scope["type"] == "lifespan":
            await app(scope, receive, send)
            return
        if scope["type"] == "http":
            send = durable_answers.after_changes(send)
        port = (scope.get("server") or ("", 0))[1] or 0
        regions.arrived_at.set(port)
        if scope["type"] != "http":
            await app(live_connections.received(scope) if port in regions.ports() else scope, receive, send)
        elif port in regions.ports():
            await self._region_request(scope, receive, send)
        else:
            await self._endpoint_request(scope, receive, send)

    async def _region_request(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        from ministack.app import app

        from local.cloud.patches import regions, tracing
        from local.cloud.responses import send_json

        if self._closed:
            await send_json(send, 503, {"message": "The local cloud is stopping"})
        elif scope["path"].startswith("/_"):  # the emulator's own pages are not the API's
            await send_json(send, 403, {"message": "Missing Authentication Token"})
        else:
            self._in_progress += 1
            try:
                await tracing.served(app, regions.received(scope), receive, send)
            finally:
                self._in_progress -= 1

    async def _snapshot(self, send: Any) -> None:
        from local.cloud.responses import send_json

        try:
            await asyncio.to_thread(self._snapshots.now)
            await send_json(send, 200, {})
        except OSError as error:
            await send_json(send, 507, {"message": str(error)})

    async def _endpoint_request(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        from ministack.app import app

        from local.cloud import search_authorization
        from local.cloud.patches import live_code, tracing
        from local.cloud.responses import send_json

        traces.current.set(tracing.arrived(scope))
        match scope["method"], scope["path"]:
            case _, path if path.startswith(search_authorization.PREFIX):
                await search_authorization.serve(scope, receive, send)
            case "GET", "/_local/workers":
                await send_json(send, 200, live_code.workers())
            case "POST", "/_local/snapshot":
                await self._snapshot(send)
            case "GET" | "POST", "/_local/clock":
                await _serve_clock(scope["method"], receive, send)
            case _, path if path.startswith("/_ministack/"):
                await app(scope, receive, send)
            case _:
                uploads = (
                    scope["method"] == "PUT"
                )  # an upload in progress is finished; a function's call is not waited for
                self._in_progress += uploads
                try:
                    await app(scope, receive, send)
                finally:
                    self._in_progress -= uploads


async def _serve_clock(method: str, receive: Any, send: Any) -> None:
    """``POST {"forward": seconds}`` moves the clock."""
    from local.cloud.responses import read_body, send_json

    try:
        if method == "POST":
            await asyncio.to_thread(clock.forward, _wanted(await read_body(receive)))
    except clock.CannotMove as error:
        await send_json(send, 400, {"message": str(error)})
    else:
        await send_json(send, 200, clock.shown())


def _wanted(body: bytes) -> object:
    try:
        wanted = json.loads(body)
    except ValueError:
        raise clock.CannotMove("the body is not JSON") from None
    if not isinstance(wanted, dict) or set(wanted) != {"forward"}:
        raise clock.CannotMove('the body must be {"forward": seconds}')
    found: object = wanted["forward"]
    return found


if __name__ == "__main__":
    main()
