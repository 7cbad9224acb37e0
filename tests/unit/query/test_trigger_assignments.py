"""What triggers change is read from their texts."""

from __future__ import annotations

import pytest

from bulkq.query.trigger_assignments import columns_of_triggers

OWN = ("own", "t", "create trigger own after update on t begin update t set Ts = 1, w = 2 where id = new.id; end")
OF = ("of", "T", "create trigger of_ after update of v, x on T begin update t set ts = 1; end")
NEW = ("new", "t", "create trigger new after insert on t begin update t set ts = 1; end")
FAR = (
    ("one", "t", "create trigger one after update on t begin insert into a values (1); end"),
    ("two", "a", "create trigger two after insert on a begin update t set ts = 1; end"),
)
OTHER = ("other", "b", "create trigger other after update on b begin update t set ts = 1; end")


@pytest.mark.parametrize(
    ("triggers", "changed", "found"),
    [
        ([OWN], (), {"Ts": "own", "w": "own"}),
        ([OF], ("V",), {"ts": "of"}),
        ([OF], (), {"ts": "of"}),
        ([OF], ("w",), {}),
        ([NEW], (), {}),
        (FAR, (), {"ts": "two"}),
        ([OTHER], (), {}),
        ([("empty", "t", "")], (), {}),
    ],
)
def test_columns_of_triggers(
    triggers: list[tuple[str, str, str]], changed: tuple[str, ...], found: dict[str, str]
) -> None:
    """Those of the table's own UPDATE triggers, of the columns that change, and of the tables that these write."""
    assert columns_of_triggers(triggers, "`t`", changed, "sqlite") == found
