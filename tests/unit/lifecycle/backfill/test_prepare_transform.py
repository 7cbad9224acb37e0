"""What `--select` has to give, and how its rows are locked."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest

from bulkq import query as queries
from bulkq.dialects import MYSQL, POSTGRESQL, SQLITE, Dialect
from bulkq.errors import UsageError
from bulkq.lifecycle.backfill.prepare_transform import _check_columns, _clause
from bulkq.model.key_range import KeyColumn, TableFacts, TableKey

if TYPE_CHECKING:
    from bulkq.lifecycle.backfill.table_backfill_state import TableBackfill

KEY = TableKey('public."Odd ""T"', (KeyColumn("a", "int"), KeyColumn("b", "int")))


@pytest.mark.parametrize(
    ("where", "dialect", "clause"),
    [
        (":range", POSTGRESQL, 'FOR NO KEY UPDATE OF "Odd ""T"'),
        (":range(u)", POSTGRESQL, "FOR NO KEY UPDATE OF u"),
        (":range(u)", MYSQL, "FOR UPDATE"),
        (":range", SQLITE, ""),
    ],
)
def test_the_rows_of_the_table_are_locked(where: str, dialect: Dialect, clause: str) -> None:
    """By the name that the query has for it."""
    select = queries.inline(f"select a, b from t as u where {where}", "postgres")
    made = SimpleNamespace(facts=TableFacts(KEY), statement=select)
    assert _clause(cast("TableBackfill", made), dialect) == clause


def test_columns_name_the_row() -> None:
    """All columns of the key, and no name twice, because rows become dicts."""
    _check_columns(["c", "b", "a"], KEY)
    with pytest.raises(UsageError, match='does not give "b" of the key of public'):
        _check_columns(["a", "c"], KEY)
    with pytest.raises(UsageError, match='two columns "c"'):
        _check_columns(["a", "b", "c", "c"], KEY)
