"""What the answer of a verification means, and which rows it counts."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest

from bulkq.lifecycle.backfill.verify import _count, _told
from bulkq.model.key_range import KeyColumn, TableFacts, TableKey

if TYPE_CHECKING:
    from bulkq.lifecycle.backfill.table_backfill_state import TableBackfill
    from bulkq.model.key_range import Position

KEY = TableKey("t", (KeyColumn("a", "integer"), KeyColumn("b", "integer")))


@pytest.mark.parametrize(
    ("rows", "text"),
    [
        ([], ""),
        ([("0",)], ""),
        ([(0,)], ""),
        ([("12",)], "12 rows of t are left"),
        ([("x",)], "the verification gave 1 rows, the first: x"),
        ([("0", "y")], "the verification gave 1 rows, the first: 0, y"),
        ([("0",), ("0",)], "the verification gave 2 rows, the first: 0"),
    ],
)
def test_what_is_left(rows: list[tuple[object, ...]], text: str) -> None:
    """A number that is not zero, or any row that is not one number."""
    made = cast("TableBackfill", SimpleNamespace(facts=TableFacts(KEY)))
    assert _told(made, rows) == text


@pytest.mark.parametrize(
    "upto",
    [(), ("i:3",), ("i:3", "i:7")],
)
def test_rows_behind_the_upper_end_do_not_count(upto: Position) -> None:
    """They were inserted meanwhile; no comparison of whole rows, which reads too much."""
    query, found = _count(KEY, "sqlite", "n is null", upto)
    assert set(found) == set(upto)
    assert query.sql.startswith("SELECT count(*) FROM t WHERE (")
    assert query.sql.endswith("AND (n is null)")
    assert query.sql.count("NOT (") == max(0, len(upto) - 1)
