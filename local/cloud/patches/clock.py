"""What the moved clock (local/cloud/clock.py) moves: functions' workers, the judgement of signatures, and long waits.

A worker is moved when it starts, and replaced after a move. An outside client has the machine's clock, so that a signature is good by
that one or by the moved one; presigned links and sessions expire by the moved one alone.
"""

from __future__ import annotations

import importlib.util
import inspect
from typing import Any

from local.cloud import clock
from local.cloud.patches import expect, live_code, require

_MOVED = """
def _move_clock(forward, files):
    import importlib.util, sys, time
    for name, file in files:
        spec = importlib.util.spec_from_file_location(name, file)
        sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])
    sys.modules["time_machine"].travel(time.time() + forward).start()
_move_clock({forward!r}, {files!r})
"""


def apply() -> None:
    import _time_machine
    import time_machine
    from ministack.core import lambda_runtime, sigv4
    from ministack.services import eventbridge

    for module, name in ((time_machine, "traveller_stack"), (_time_machine, "patch"), (_time_machine, "original_time")):
        require(module, name)
    _move_workers(lambda_runtime)
    _judge_by_every_clock(sigv4)
    _wait_by_the_clock(eventbridge, "_scheduler_loop", "time.sleep(_SCHEDULER_TICK_INTERVAL)")


def _move_workers(lambda_runtime: Any) -> None:
    detect = require(lambda_runtime, "_detect_runtime_binary")
    expect("_detect_runtime_binary(runtime)" in inspect.getsource(lambda_runtime.Worker._spawn), "Worker._spawn")
    files = [(name, _file_of(name)) for name in ("_time_machine", "time_machine")]

    def moved(runtime: str) -> tuple[str, str]:
        binary, script = detect(runtime)
        if clock.offset() and runtime.startswith("python"):
            script = _MOVED.format(forward=clock.offset(), files=files) + script
        return binary, script

    lambda_runtime._detect_runtime_binary = moved
    clock.on_move(live_code.recycle_all)


def _file_of(module: str) -> str:
    """The file of a module, because a worker has no path to the emulator's packages."""
    spec = importlib.util.find_spec(module)
    expect(spec is not None and spec.origin, module)
    return str(spec.origin)  # type: ignore[union-attr]


def _judge_by_every_clock(sigv4: Any) -> None:
    judge = require(sigv4, "request_time_failure")
    expect("now" in inspect.signature(judge).parameters, "sigv4.request_time_failure")

    def failure(signature: Any, *, now: Any = None) -> Any:
        refusals = [judge(signature, now=moment) for moment in ([now] if now else clock.moments())]
        return refusals[0] if all(refusals) else None

    sigv4.request_time_failure = failure


def _wait_by_the_clock(module: Any, function: str, waits: str) -> None:
    source = inspect.getsource(require(module, function))
    expect(source.count(waits) == 1, f"{module.__name__}.{function}")
    module._clock = clock
    exec(compile(source.replace(waits, waits.replace("time.", "_clock.")), module.__file__, "exec"), vars(module))
