"""Queries of the emulator itself beside those of the patch ``ordered_queries``, in one process.

python -m tests.local_cloud.queries_in_emulator compare SEED QUERIES    prints how many were asked, and each difference
python -m tests.local_cloud.queries_in_emulator count [alone]           prints how many items pages of a large partition looked at

It runs in the emulator's virtual environment. ``alone``: without the patch.
"""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Callable, Iterator
from typing import Any

from ministack.services import dynamodb as ddb

from local.cloud.patches import ordered_queries

ALPHABET = ("a", "b", "ab", "é", "ß", "日本", "🙂", "~", "#", "0")
TABLES = {"text": "S", "numbers": "N", "bytes": "B", "plain": ""}
NUMBERS = ("0", "-1", "1", "10", "2", "2.5", "-3.75", "1000", "100000000000000000001")

Call = Callable[[dict[str, Any]], Any]


def answer(call: Call, request: dict[str, Any]) -> dict[str, Any]:
    status, _, body = call(request)
    return {"status": status, **json.loads(body)}


def make_table(name: str, kind: str) -> None:
    attributes = {"pk": "S", "group": "S", "rank": "N"} | ({"sk": kind} if kind else {})
    keys = ("pk", "sk") if kind else ("pk",)
    indexes = (("ranked", ("group", "rank")), ("grouped", ("group",)))
    request = {
        "TableName": name,
        "BillingMode": "PAY_PER_REQUEST",
        "KeySchema": schema(keys),
        "AttributeDefinitions": [{"AttributeName": each, "AttributeType": attributes[each]} for each in attributes],
        "GlobalSecondaryIndexes": [
            {"IndexName": index, "KeySchema": schema(names), "Projection": {"ProjectionType": "ALL"}}
            for index, names in indexes
        ],
    }
    assert answer(ddb._create_table, request)["status"] == 200


def schema(names: tuple[str, ...]) -> list[dict[str, str]]:
    return [{"AttributeName": name, "KeyType": kind} for name, kind in zip(names, ("HASH", "RANGE"), strict=False)]


class Chance:
    """Random items and requests."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def text(self) -> str:
        return "".join(self.random.choices(ALPHABET, k=self.random.randrange(1, 4)))

    def sort_key(self, kind: str) -> dict[str, str]:
        value = {
            "S": self.text(),
            "N": self.random.choice(NUMBERS),
            "B": self.random.choice(("AA==", "AQID", "/w==", "AQ==")),
        }
        return {kind: value[kind]}

    def key(self, kind: str) -> dict[str, Any]:
        return {"pk": {"S": f"p{self.random.randrange(3)}"}} | ({"sk": self.sort_key(kind)} if kind else {})

    def item(self, kind: str) -> dict[str, Any]:
        item = {**self.key(kind), "number": {"N": str(self.random.randrange(9))}}
        if self.random.random() < 0.8:
            item |= {"group": {"S": f"g{self.random.randrange(2)}"}, "rank": {"N": str(self.random.randrange(4))}}
        return item

    def change(self, table: str, kind: str) -> None:
        """A put, an update or a delete."""
        match self.random.randrange(4):
            case 0:
                answer(ddb._delete_item, {"TableName": table, "Key": self.key(kind)})
            case 1:
                values = {":r": {"N": str(self.random.randrange(4))}}
                more = {"UpdateExpression": "SET #r = :r", "ExpressionAttributeNames": {"#r": "rank"}}
                answer(
                    ddb._update_item,
                    {"TableName": table, "Key": self.key(kind), "ExpressionAttributeValues": values, **more},
                )
            case _:
                answer(ddb._put_item, {"TableName": table, "Item": self.item(kind)})

    def query(self, table: str, kind: str) -> dict[str, Any]:
        index = self.random.choice((None, "ranked", "grouped"))
        names, values = (
            {"#p": "group" if index else "pk"},
            {":p": {"S": f"{'g' if index else 'p'}{self.random.randrange(3)}"}},
        )
        clauses = [self.random.choice(("#p = :p", ":p = #p"))]
        sort_kind = {"ranked": "N", "grouped": "", None: kind}[index]
        if sort_kind and self.random.random() < 0.8:
            names["#s"] = "rank" if index else "sk"
            clauses.append(self.range(sort_kind, values))
            self.random.shuffle(clauses)
        request = {
            "TableName": table,
            "KeyConditionExpression": " AND ".join(clauses),
            "ExpressionAttributeNames": names,
            "ExpressionAttributeValues": values,
            "ScanIndexForward": self.random.random() < 0.5,
        }
        if index:
            request["IndexName"] = index
        if self.random.random() < 0.7:
            request["Limit"] = self.random.randrange(1, 6)
        if self.random.random() < 0.3:
            request["FilterExpression"] = "#n > :n"
            names["#n"], values[":n"] = "number", {"N": str(self.random.randrange(9))}
        return request

    def range(self, kind: str, values: dict[str, Any]) -> str:
        one, two = (self.sort_key(kind) for _ in range(2))
        forms = ["#s {} :s", ":s {} #s", "#s BETWEEN :s AND :t"] + ([] if kind == "N" else ["begins_with(#s, :s)"])
        form = self.random.choice(forms)
        values[":s"] = one
        if ":t" in form:
            values[":s"], values[":t"] = sorted((one, two), key=lambda each: ddb._sort_key_value(each, kind))
        return form.format(self.random.choice(("=", "<", "<=", ">", ">=")))


def pages(call: Call, request: dict[str, Any]) -> Iterator[dict[str, Any]]:
    while True:
        page = answer(call, request)
        yield page
        if "LastEvaluatedKey" not in page:
            return
        request = {**request, "ExclusiveStartKey": page["LastEvaluatedKey"]}


def compare(seed: int, wanted: int) -> dict[str, Any]:
    original = ddb._query
    ordered_queries.apply()
    chance, asked, with_items, differences = Chance(seed), 0, 0, []
    for table, kind in TABLES.items():
        make_table(table, kind)
    while asked < wanted:
        table, kind = chance.random.choice(list(TABLES.items()))
        for _ in range(chance.random.randrange(4)):
            chance.change(table, kind)
        request = chance.query(table, kind)
        expected, found = list(pages(original, request)), list(pages(ddb._query, request))
        asked += 1
        with_items += any(page.get("Items") for page in expected)
        if expected != found:
            differences.append({"request": request, "expected": expected, "found": found})
    return {"asked": asked, "with items": with_items, "differences": differences[:3]}


class Watched(dict[Any, Any]):
    """A partition of a table that counts the items that are read from it."""

    read = 0

    def __getitem__(self, key: Any) -> Any:
        Watched.read += 1
        return super().__getitem__(key)

    def values(self) -> Any:
        Watched.read += len(self)
        return super().values()


def count(alone: bool) -> dict[str, int]:
    if not alone:
        ordered_queries.apply()
    make_table("large", "S")
    for number in range(5_000):
        item = {"pk": {"S": "p"}, "sk": {"S": f"{number:05d}"}, "group": {"S": "g"}, "rank": {"N": str(number % 7)}}
        answer(ddb._put_item, {"TableName": "large", "Item": item})
    partition = ddb._tables["large"]["items"]["p"] = Watched(ddb._tables["large"]["items"]["p"])
    looked_at = {}
    table = {"TableName": "large", "KeyConditionExpression": "pk = :p", "ExpressionAttributeValues": {":p": {"S": "p"}}}
    index = {
        **table,
        "IndexName": "ranked",
        "KeyConditionExpression": "#g = :p",
        "ExpressionAttributeNames": {"#g": "group"},
    }
    index["ExpressionAttributeValues"] = {":p": {"S": "g"}}
    middle = {"ExclusiveStartKey": {"pk": {"S": "p"}, "sk": {"S": "02500"}, "group": {"S": "g"}, "rank": {"N": "1"}}}
    later = {
        "KeyConditionExpression": "pk = :p AND sk > :s",
        "ExpressionAttributeValues": {":p": {"S": "p"}, ":s": {"S": "025"}},
    }
    for name, request in (("table", table), ("index", index)):
        answer(ddb._query, {**request, "Limit": 1})  # sorts the partition once
        kinds: dict[str, dict[str, Any]] = {"start": {}, "middle": middle} | (
            {"range": later} if name == "table" else {}
        )
        for kind, more in kinds.items():
            for forward in (True, False):
                if name == "table" and kind == "middle":
                    more = {"ExclusiveStartKey": {key: more["ExclusiveStartKey"][key] for key in ("pk", "sk")}}
                Watched.read = 0
                page = answer(ddb._query, {**request, **more, "Limit": 50, "ScanIndexForward": forward})
                assert page["Count"] == 50, page
                looked_at[f"{name}, {kind}, {'forward' if forward else 'backward'}"] = Watched.read
    assert len(partition) == 5_000
    return looked_at


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["compare", seed, wanted]:
            print(json.dumps(compare(int(seed), int(wanted))))
        case ["count", *how]:
            print(json.dumps(count(how == ["alone"])))
