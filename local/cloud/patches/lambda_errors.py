"""Functions fail as on Lambda: the error keeps its class, so that a workflow can catch it by name, and the worker lives
on. A call's log is whole: the worker says where it ends. (The emulator waits a while for lines, which is too long for a
call that logs nothing, and on a busy machine too short, so that lines came with the next call, and metrics in them were
lost.)"""

from __future__ import annotations

import inspect
import queue
import time
from typing import Any

from local.cloud.patches import expect, require

_RAISED = (
    """_real_stdout.write(json.dumps({"status": "error", "error": str(e), "trace": traceback.format_exc()}) + "\\n")"""
)
_NAMED = """traceback.print_exc(); _real_stdout.write(json.dumps({"status": "ok", "result": {"__raised__": {"errorMessage": str(e), "errorType": type(e).__name__, "stackTrace": traceback.format_exc().splitlines()}}}) + "\\n")"""  # noqa: E501
_END = "\x1e"  # ends a call's log; the answer follows or has come
_FLUSH = "\n        _real_stdout.flush()"
_LONGEST_WAIT = 5.0  # seconds for the end of the log, once the answer is there
_TYPE = '            error_type = "Runtime.HandlerError"\n            if _RIE_TIMEOUT_TEXT_RE.fullmatch(error_msg):'
_KEPT = (
    '            if isinstance(result.get("raised"), dict):\n'
    '                return {"body": result["raised"], "error": True, "log": result.get("log", "")}\n'
)


def apply() -> None:
    from ministack.core import lambda_runtime
    from ministack.services import lambda_svc

    script = lambda_runtime._PYTHON_WORKER_SCRIPT
    expect(script.count(_RAISED + _FLUSH) == 1, "the worker's answer to an exception")
    end = f"\n        sys.stderr.write({_END + chr(10)!r}); sys.stderr.flush()"
    lambda_runtime._PYTHON_WORKER_SCRIPT = script.replace(_RAISED + _FLUSH, _NAMED + end + _FLUSH)
    _read_to_the_end(lambda_runtime.Worker)
    _carry_the_class(lambda_runtime.Worker)
    _answer_with_the_class(lambda_svc)


def _read_to_the_end(worker: Any) -> None:
    drain = require(worker, "_drain_stderr_bounded")

    def whole(self: Any, *arguments: Any, **more: Any) -> str:
        if self._proc is None or not str(self.config.get("Runtime", "")).startswith("python"):
            return str(drain(self, *arguments, **more))  # it died, or runs another script
        lines, deadline = [], time.monotonic() + _LONGEST_WAIT
        while time.monotonic() < deadline:
            try:
                line = self._stderr_queue.get(timeout=deadline - time.monotonic())
            except (queue.Empty, ValueError):
                break
            lines.append(line.removesuffix(_END))
            if line.endswith(_END):
                break
        return "\n".join(lines).removesuffix("\n")

    worker._drain_stderr_bounded = whole


def _carry_the_class(worker: Any) -> None:
    invoke = worker.invoke

    def named(self: Any, event: Any, request_id: str, **more: Any) -> dict[str, Any]:
        answer: dict[str, Any] = invoke(self, event, request_id, **more)
        result = answer.get("result")
        if answer.get("status") == "ok" and isinstance(result, dict) and "__raised__" in result:
            raised = result["__raised__"]
            answer.update(status="error", raised=raised, error=raised["errorMessage"], result=None)
        elif answer.get("error") == "Worker process died":
            message = f"RequestId: {request_id} Error: Runtime exited without providing a reason"
            answer["raised"] = {"errorMessage": message, "errorType": "Runtime.ExitError"}
        return answer

    worker.invoke = named


def _answer_with_the_class(lambda_svc: Any) -> None:
    for name, function in list(vars(lambda_svc).items()):
        if not inspect.isfunction(function) or function.__module__ != lambda_svc.__name__:
            continue
        source = inspect.getsource(function)
        if _TYPE in source:
            exec(compile(source.replace(_TYPE, _KEPT + _TYPE), lambda_svc.__file__, "exec"), vars(lambda_svc))
            expect(getattr(lambda_svc, name) is not function, name)
            return
    expect(False, "the answer of a warm worker in lambda_svc")
