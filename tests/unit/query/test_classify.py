"""What a statement is, by its words."""

from __future__ import annotations

import pytest

from bulkq.model import StatementClass
from bulkq.query import inline
from bulkq.query.classify import gives_rows
from bulkq.query.tokens import tokenize


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("pragma page_size", StatementClass.READ),
        ("pragma main.table_info(t)", StatementClass.READ),
        ("pragma Quick_Check('t')", StatementClass.READ),
        ("pragma optimize", StatementClass.MAINTENANCE),
        ("pragma main.wal_checkpoint(TRUNCATE)", StatementClass.MAINTENANCE),
        ("pragma page_size = 512", StatementClass.SESSION),
        ("pragma cache_size(100)", StatementClass.SESSION),
    ],
)
def test_pragmas_answer_act_or_set(sql: str, expected: StatementClass) -> None:
    """An argument sets something, unless the pragma is one that only answers."""
    assert inline(sql, "sqlite").statement is expected


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("update t set a = 1 returning a", True),
        ("update t set a = 1", False),
        ("with gone as (delete from t returning a) insert into u select a from gone", False),
        ("with gone as (delete from t returning a) insert into u select a from gone returning a", True),
        ("with gone as (delete from t returning a) select count(*) from gone", True),
        ("with gone as (delete from t) select 1", True),
        ("with a as (select 1) update t set a = (select * from a)", False),
        ("(with gone as (delete from t returning a) select a from gone)", True),
        ("explain analyze update t set a = 1", True),
    ],
)
def test_only_the_outermost_statement_gives_rows(sql: str, *, expected: bool) -> None:
    """RETURNING in a CTE gives rows to the statement, and a SELECT behind it gives rows without RETURNING."""
    assert gives_rows(tokenize(sql, "postgres").tokens) is expected
