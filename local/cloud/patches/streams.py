"""A table's stream survives a stop, a batch may fail in part, and a function that reads a stream does not delay the queues.

The emulator stores how far a stream was read, but not its records: after a start the reader waits for a position that the new, empty
stream reaches much later. The emulator also takes a partial failure (ReportBatchItemFailures) for success, and repeats a failed batch
for ever. Here records are stored too; a batch resumes at the record that failed; with BisectBatchOnFunctionError a failing batch is
halved; and a batch that exhausts MaximumRetryAttempts goes to the on-failure destination
(docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-eventsourcemapping.html).
"""

from __future__ import annotations

import inspect
import threading
from typing import Any

from local.cloud import lifecycle
from local.cloud.patches import expect, require

_CALL = "            result = _execute_function(func_rec, event)\n"
_OURS = "            result, raw_len = _invoke_stream_batch(esm, func_rec, batch, pos, table_name)\n"
_PLACE = "pos = max(_dynamodb_stream_positions[esm_id], horizon)"
_POSSIBLE_PLACE = "pos = min(max(_dynamodb_stream_positions[esm_id], horizon), end)"

_attempts: dict[str, tuple[int, int]] = {}
"""Event source mapping → position of the batch that fails, and how often it has."""


def apply() -> None:
    from ministack.services import dynamodb, lambda_svc

    for name in ("_stream_records", "_stream_trimmed", "_stream_seq_counter"):
        require(dynamodb, name)
    for name in ("_dynamodb_stream_positions", "_esms", "_send_ddb_stream_failure_record"):
        require(lambda_svc, name)
    expect("stream_records" not in dynamodb.get_state(), "the emulator stores streams by itself now")
    _retry_batches(lambda_svc)
    _read_in_a_thread(lambda_svc)


def unread() -> dict[tuple[str, str, str], tuple[int, list[Any]]]:
    """Account, region and table → the records that a reader has not read, and the position of the first. (The emulator keeps all of them
    for a day, and nothing reads the others later.)"""
    from ministack.services import dynamodb, lambda_svc

    found = {}
    for (account, region, table), known in dynamodb._stream_records.all_items():
        before = dynamodb._stream_trimmed.get_scoped(account, region, table, 0)
        read = min(_positions(lambda_svc, account, region, table), default=before + len(known))
        found[account, region, table] = max(before, read), known[max(0, read - before) :]
    return found


def _positions(lambda_svc: Any, account: str, region: str, table: str) -> list[int]:
    """How far each reader of the table's stream is; 0 for one that has not begun."""
    return [
        lambda_svc._dynamodb_stream_positions.get_scoped(account, region, identity, 0)
        for (owner, where, identity), mapping in lambda_svc._esms.all_items()
        if (owner, where) == (account, region) and f":table/{table}/stream/" in mapping.get("EventSourceArn", "")
    ]


def _retry_batches(lambda_svc: Any) -> None:
    source = inspect.getsource(lambda_svc._poll_dynamodb_streams)
    expect(source.count(_CALL) == 1 and source.count(_PLACE) == 1, "lambda_svc._poll_dynamodb_streams")
    source = source.replace(_CALL, _OURS).replace(_PLACE, _POSSIBLE_PLACE)
    lambda_svc._invoke_stream_batch = _invoke
    exec(compile(source, lambda_svc.__file__, "exec"), vars(lambda_svc))


def _invoke(esm: dict[str, Any], function: Any, batch: list[Any], position: int, table: str) -> tuple[Any, int]:
    """The function's result, and by how many records the reader may advance because of it."""
    from ministack.services import dynamodb, lambda_svc

    raw = [each["eventID"] for each in dynamodb.stream_records_since(table, position, esm.get("BatchSize", 100))]
    identity = esm["UUID"]
    place, failed = _attempts.get(identity, (position, 0))
    failed = failed if place == position else 0
    if failed and esm.get("BisectBatchOnFunctionError"):
        batch = batch[: max(1, len(batch) >> failed)]
    answer = lambda_svc._execute_function(function, {"Records": batch})
    done = 0 if answer.get("error") else _done(esm, batch, answer.get("body"))
    if done == 0:
        limit = int(esm.get("MaximumRetryAttempts", -1))
        if lifecycle.stopping() or not 0 <= limit <= failed:
            _attempts[identity] = position, failed + 1
            failure = {"body": {"errorMessage": "every record of the batch failed"}, **answer, "error": True}
            return failure, raw.index(batch[-1]["eventID"]) + 1
        source = esm["EventSourceArn"]
        lambda_svc._send_ddb_stream_failure_record(esm, function, batch, source, answer, "RetryAttemptsExhausted")
        done = len(batch)
    _attempts.pop(identity, None)
    return {**answer, "error": False}, raw.index(batch[done - 1]["eventID"]) + 1


def _done(esm: dict[str, Any], batch: list[Any], body: Any) -> int:
    """How many records come before the first that failed."""
    if "ReportBatchItemFailures" not in esm.get("FunctionResponseTypes", ()) or not isinstance(body, dict):
        return len(batch)
    failed = {each.get("itemIdentifier") for each in body.get("batchItemFailures") or ()}
    for number, record in enumerate(batch):
        if record["dynamodb"]["SequenceNumber"] in failed:
            return number
    return 0 if failed else len(batch)  # a name that is none of the batch's: all of it failed


def _read_in_a_thread(lambda_svc: Any) -> None:
    """Gives streams a reader thread: in the emulator's one loop the queues would wait for the function."""
    read = lambda_svc._poll_dynamodb_streams
    wake = threading.Event()
    started: list[threading.Thread] = []

    def process_forever() -> None:
        while True:
            wake.wait(1)
            wake.clear()
            try:
                while read():
                    pass
            except Exception:
                lambda_svc.logger.exception("the reader of streams failed; it goes on")

    def poll() -> bool:
        if not started:
            started.append(threading.Thread(target=process_forever, daemon=True, name="streams"))
            started[0].start()
        wake.set()
        return False

    lambda_svc._poll_dynamodb_streams = poll
