"""Point-in-time recovery gives a table as it was at the moment that was asked for.

The emulator copies the present, whatever moment is asked for. Here the old image of each change lies in the table's log of changes; a
restore takes the present, and puts back what was there when the first later change came.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from local.cloud.change_log import ChangeLog
from local.cloud.durability.files import note_failure
from local.cloud.patches import expect, require

_OUTSIDE = "RestoreDateTime must be between EarliestRestorableDateTime and LatestRestorableDateTime"
_logs: dict[tuple[str, str, str], ChangeLog] = {}


def _log(account: str, region: str, table: str) -> ChangeLog:
    scope = (account, region, table)
    if scope not in _logs:
        _logs[scope] = ChangeLog(Path(os.environ["DOCPLATFORM_STATE"]) / "changes" / account / region / table)
    return _logs[scope]


def apply() -> None:
    from ministack.services import dynamodb
    from ministack.services.cloudformation import provisioners

    for name in ("_pitr_settings", "_tables", "_items_replaced", "error_response_json", "_normalize_table_name"):
        require(dynamodb, name)
    _note_changes(dynamodb)
    _turn_on_and_off(dynamodb)
    _describe(dynamodb)
    _restore(dynamodb)
    _deploy(dynamodb, require(provisioners, "_RESOURCE_HANDLERS"))


def _note_changes(dynamodb: Any) -> None:
    set_item, remove_item = require(dynamodb, "_set_item"), require(dynamodb, "_remove_item")

    def record(table: Any, partition: Any, sort: Any) -> None:
        _, _, _, region, account, _ = table["TableArn"].split(":")
        if dynamodb._pitr_settings.get_scoped(account, region, table["TableName"]):
            old = table["items"].get(partition, {}).get(sort)
            try:
                _log(account, region, table["TableName"]).record(partition, sort, old)
            except OSError as error:
                note_failure(error)
                raise

    def put(table: Any, partition: Any, sort: Any, item: Any) -> Any:
        record(table, partition, sort)
        return set_item(table, partition, sort, item)

    def remove(table: Any, partition: Any, sort: Any) -> Any:
        record(table, partition, sort)
        return remove_item(table, partition, sort)

    dynamodb._set_item, dynamodb._remove_item = put, remove


def _of(dynamodb: Any, name: str) -> ChangeLog:
    _, _, _, region, account, _ = dynamodb._tables[name]["TableArn"].split(":")
    return _log(account, region, name)


def _turn_on_and_off(dynamodb: Any) -> None:
    update = require(dynamodb, "_update_continuous_backups")

    def updated(data: dict[str, Any]) -> Any:
        name = dynamodb._normalize_table_name(data.get("TableName"))
        given = data.get("PointInTimeRecoverySpecification") or {}
        days, was_on = given.get("RecoveryPeriodInDays", 35), bool(dynamodb._pitr_settings.get(name))
        if not isinstance(days, int) or not 1 <= days <= 35:
            return _refused(dynamodb, "ValidationException", "RecoveryPeriodInDays must be between 1 and 35")
        answer = update(data)
        if answer[0] < 400:
            log, is_on = _of(dynamodb, name), bool(dynamodb._pitr_settings.get(name))
            if is_on and was_on:
                log.keep(days, log.since())
            elif is_on:
                log.begin(days)
            else:
                log.end()
        return answer

    dynamodb._update_continuous_backups = updated


def _describe(dynamodb: Any) -> None:
    describe = require(dynamodb, "_describe_continuous_backups")

    def described(data: dict[str, Any]) -> Any:
        status, headers, body = describe(data)
        told = json.loads(body)
        recovery = told.get("ContinuousBackupsDescription", {}).get("PointInTimeRecoveryDescription", {})
        if recovery.get("PointInTimeRecoveryStatus") != "ENABLED":
            return status, headers, body
        log = _of(dynamodb, dynamodb._normalize_table_name(data.get("TableName")))
        recovery["EarliestRestorableDateTime"], recovery["LatestRestorableDateTime"] = (
            log.earliest(),
            log.latest(),
        )
        recovery["RecoveryPeriodInDays"] = log.days()
        return status, headers, json.dumps(told).encode()

    dynamodb._describe_continuous_backups = described


def _restore(dynamodb: Any) -> None:
    """docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_RestoreTableToPointInTime.html"""
    restore = require(dynamodb, "_restore_table_to_point_in_time")

    def restored(data: dict[str, Any]) -> Any:
        name = data.get("SourceTableName") or dynamodb._normalize_table_name(data.get("SourceTableArn") or "")
        if name not in dynamodb._tables:
            return restore(data)
        if not dynamodb._pitr_settings.get(name):
            return _refused(
                dynamodb, "PointInTimeRecoveryUnavailableException", "Point in time recovery is not enabled"
            )
        log, moment = _of(dynamodb, name), data.get("RestoreDateTime")
        if (moment is not None) == bool(data.get("UseLatestRestorableTime")):
            return _refused(dynamodb, "ValidationException", "Give RestoreDateTime or UseLatestRestorableTime")
        moment = log.latest() if moment is None else float(moment)
        if not log.earliest() <= moment <= log.latest():
            return _refused(dynamodb, "InvalidRestoreTimeException", _OUTSIDE)
        answer = restore(data)
        if answer[0] < 400:
            table = dynamodb._tables[data["TargetTableName"]]
            _put_back(table["items"], log.changed_after(moment))
            dynamodb._items_replaced(table)
        return answer

    dynamodb._restore_table_to_point_in_time = restored


def _put_back(items: Any, changed: dict[tuple[Any, Any], Any]) -> None:
    for (partition, sort), old in changed.items():
        if old is not None:
            items[partition][sort] = old
        elif sort in items.get(partition, {}):
            del items[partition][sort]
            if not items[partition]:
                del items[partition]


def _refused(dynamodb: Any, code: str, message: str) -> Any:
    return dynamodb.error_response_json(code, message, 400)


def _deploy(dynamodb: Any, handlers: dict[str, Any]) -> None:
    """Has CloudFormation turn recovery on where a template says so. (The emulator leaves the property out.)"""
    from ministack.core.responses import get_region

    def recovered(make: Any) -> Any:
        def made(*arguments: Any, **more: Any) -> Any:
            answer = make(*arguments, **more)
            properties = next(each for each in reversed(arguments) if isinstance(each, dict))
            here = [each for each in properties.get("Replicas") or () if each.get("Region") == get_region()]
            given = (here[0] if here else properties).get("PointInTimeRecoverySpecification")
            name = answer[0] if isinstance(answer, tuple) else arguments[0]
            if given and given.get("PointInTimeRecoveryEnabled") in (True, "true") and name in dynamodb._tables:
                specification = {
                    "PointInTimeRecoveryEnabled": True,
                    "RecoveryPeriodInDays": int(given.get("RecoveryPeriodInDays", 35)),
                }
                dynamodb._update_continuous_backups(
                    {"TableName": name, "PointInTimeRecoverySpecification": specification}
                )
            return answer

        return made

    for kind in ("AWS::DynamoDB::Table", "AWS::DynamoDB::GlobalTable"):
        expect(kind in handlers, kind)
        handlers[kind] = {**handlers[kind], **{name: recovered(handlers[kind][name]) for name in ("create", "update")}}
