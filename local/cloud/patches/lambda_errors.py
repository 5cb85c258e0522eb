"""Functions fail as on Lambda: the error keeps its class, so that a workflow can catch it by name, and the worker lives on. A call that
logs nothing does not wait 50 ms for a log line."""

from __future__ import annotations

import inspect
from typing import Any

from local.cloud.patches import expect

_RAISED = (
    """_real_stdout.write(json.dumps({"status": "error", "error": str(e), "trace": traceback.format_exc()}) + "\\n")"""
)
_NAMED = """traceback.print_exc(); _real_stdout.write(json.dumps({"status": "ok", "result": {"__raised__": {"errorMessage": str(e), "errorType": type(e).__name__, "stackTrace": traceback.format_exc().splitlines()}}}) + "\\n")"""  # noqa: E501
_TYPE = '            error_type = "Runtime.HandlerError"\n            if _RIE_TIMEOUT_TEXT_RE.fullmatch(error_msg):'
_KEPT = (
    '            if isinstance(result.get("raised"), dict):\n'
    '                return {"body": result["raised"], "error": True, "log": result.get("log", "")}\n'
)


def apply() -> None:
    from ministack.core import lambda_runtime
    from ministack.services import lambda_svc

    expect(_RAISED in lambda_runtime._PYTHON_WORKER_SCRIPT, "the worker's answer to an exception")
    lambda_runtime._PYTHON_WORKER_SCRIPT = lambda_runtime._PYTHON_WORKER_SCRIPT.replace(_RAISED, _NAMED)
    _carry_the_class(lambda_runtime.Worker)
    _answer_with_the_class(lambda_svc)
    drain = lambda_runtime.Worker._drain_stderr_bounded
    expect(drain.__defaults__ == (0.050, 0.005, 0.250), "Worker._drain_stderr_bounded")
    drain.__defaults__ = (0.003, 0.002, 0.250)


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
