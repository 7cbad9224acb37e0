"""What a statement is, by its words."""

from __future__ import annotations

import pytest

from bulkq.model import StatementClass
from bulkq.query import inline


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
