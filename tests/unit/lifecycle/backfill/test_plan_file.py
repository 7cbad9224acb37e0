"""Plans of a backfill as texts, and texts that are none."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from bulkq.errors import BulkqError, RefusedError, UsageError
from bulkq.lifecycle.backfill.plan_file import PlannedBackfill, PlannedTable, from_json, to_json

TABLE = PlannedTable(
    target="prod", identity="1/app", server="x 15", table="users", key=("id int",), index="pk", statement="delete"
)
PLAN = PlannedBackfill(
    options={"set": ["a = 'ä'"], "delete": True}, secret=("s",), settings={"retries": 5}, tables=(TABLE,)
)


def test_a_plan_is_read_back() -> None:
    """With the place that it came from; its text is readable."""
    text = to_json(PLAN, "1.0")
    assert from_json(text, "p.json") == replace(PLAN, place="p.json")
    assert "a = 'ä'" in text


@pytest.mark.parametrize("field", ["options", "secret", "settings", "tables"])
@pytest.mark.parametrize("value", [None, 7, [7], {"a": 7}])
def test_a_field_that_is_not_one(field: str, value: object) -> None:
    """A file that was edited is refused in one line, or its values have the right form."""
    found = {**json.loads(to_json(PLAN, "1.0")), field: value}
    if (field, value) in [("secret", [7]), ("secret", {"a": 7}), ("settings", {"a": 7})]:
        assert from_json(json.dumps(found), "p.json") is not None
        return
    with pytest.raises(UsageError, match="^p.json is not a whole plan of bulkq: make a plan with bulkq plan backfill"):
        from_json(json.dumps(found), "p.json")


@pytest.mark.parametrize(
    ("text", "kind", "message"),
    [
        ("", UsageError, "p.json is not JSON: "),
        ("[1]", UsageError, "p.json is not a plan of bulkq: "),
        ('{"version": 1}', UsageError, "p.json is not a plan of bulkq: "),
        ('{"bulkq_plan": 4}', UsageError, "p.json is not a whole plan of bulkq: "),
        ('{"bulkq_plan": 9, "bulkq": "7.0"}', RefusedError, "p.json was made by bulkq 7.0 in form 9, and this bulkq"),
        ('{"bulkq_plan": "x", "bulkq": 7}', RefusedError, "p.json was made in form x, and this bulkq"),
    ],
)
def test_what_is_no_plan(text: str, kind: type[BulkqError], message: str) -> None:
    """It is said in one line; a form of another version is a refusal."""
    with pytest.raises(kind) as caught:
        from_json(text, "p.json")
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)
